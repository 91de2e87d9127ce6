"""The settings of an organisation for Claude Code: phasegate's hooks in a file of their own that no user outranks."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from phasegate.agents.claude_places import MANAGED_FOLDER, managed_files
from phasegate.agents.claude_settings import hooks_for

OURS: Final = f"{MANAGED_FOLDER}/50-phasegate.json"
"""Where they lie, below the folder of the organisation: a file of ours, so that no other has to be edited."""

ENFORCED: Final[Mapping[str, Any]] = {"allowManagedHooksOnly": True}
"""What holds beside the hooks: those of users, projects and plugins do not run, and cannot switch ours off."""


def content(command: Sequence[str]) -> bytes:
    """The file whose hooks call `command`, the same in every repository of the machine."""
    return (json.dumps({**ENFORCED, "hooks": hooks_for(command)}, indent=2, ensure_ascii=False) + "\n").encode()


def path_in(folder: str) -> str:
    """Where the file belongs below `folder`."""
    return os.path.join(folder, OURS)


def texts(folder: str = "") -> dict[str, str]:
    """Every managed file that can be read, by its path."""
    found = {}
    for path in managed_files(folder):
        try:
            with open(path, encoding="utf-8") as file:
                found[path] = file.read(4 << 20)
        except (OSError, UnicodeDecodeError):
            continue
    return found
