"""Whether our hooks are in force in Claude Code's settings of a project; asked when a settings file changes."""

from __future__ import annotations

import os
from typing import Any

from phasegate.agents.claude_settings import BLOCKS_ON_FAILURE, SECONDS, is_ours, validate
from phasegate.agents.json_text import parse
from phasegate.errors import Failure

FILES = (".claude/settings.json", ".claude/settings.local.json")
LARGEST = 4 * 1024 * 1024


def forced_by() -> str:
    """The organisation's file that has all of our hooks in force, whatever a project's settings say; "" for none."""
    from phasegate.agents.claude_managed import texts

    for path, text in texts().items():
        try:
            if not validate(text) and set(SECONDS) <= _ours(parse(text)):
                return path
        except Failure:
            continue
    return ""


def missing_hooks(root: str) -> str:
    """What is wrong with the hooks in the settings below `root`; "" when all of ours are in force."""
    if forced_by():
        return ""
    found: set[str] = set()
    for name in FILES:
        text = _text(os.path.join(root, name))
        if text is None:
            continue
        try:
            problems, settings = validate(text), parse(text)
        except Failure as failure:
            return f"{name} cannot be read by the client ({failure.message.rstrip('.')})"
        if problems:
            return f"one bad entry voids all hooks of {name}: {problems[0]}"
        if isinstance(settings, dict) and settings.get("disableAllHooks"):
            return f"{name} switches all hooks off"
        found |= _ours(settings)
    lost = [event for event in SECONDS if event not in found]
    return f"the hooks for {', '.join(lost)} are gone or changed" if lost else ""


def _ours(settings: Any) -> set[str]:
    """The events with a hook of ours that is as `init` writes it."""
    hooks = settings.get("hooks", {}) if isinstance(settings, dict) else {}
    return {event for event, groups in hooks.items() if any(_in_force(event, group) for group in groups)}


def _in_force(event: str, group: Any) -> bool:
    """Ours, for every tool, and failing closed where that counts."""
    if not isinstance(group, dict) or group.get("matcher") not in (None, "", "*"):
        return False
    return any(
        is_ours(entry)
        and not entry.get("if")
        and not entry.get("async")
        and (event not in BLOCKS_ON_FAILURE or entry.get("onFailure") == "block")
        for entry in group.get("hooks", ())
    )


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(LARGEST)
    except (OSError, UnicodeDecodeError):
        return None
