"""Where a suite's first-party code is imported from. Hooks ask this too, so it loads nothing."""

from __future__ import annotations

import os

from phasegate.settings import Tests


def source_roots(root: str, tests: Tests) -> tuple[str, ...]:
    """The folders, relative to where the suite runs, as set, else `src` where there is one, else the place itself."""
    return tests.source_roots or (("src",) if os.path.isdir(os.path.join(root, tests.directory, "src")) else (".",))
