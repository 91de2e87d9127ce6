"""Where phasegate keeps what can be had again: in the user's cache."""

from __future__ import annotations

import os
from collections.abc import Mapping


def folder(env: Mapping[str, str], name: str) -> str:
    """`phasegate/NAME` in the cache: `$XDG_CACHE_HOME` where it is a path, else `~/.cache`."""
    cache = env.get("XDG_CACHE_HOME", "")
    base = cache if os.path.isabs(cache) else os.path.join(env.get("HOME") or os.path.expanduser("~"), ".cache")
    return os.path.join(base, "phasegate", name)
