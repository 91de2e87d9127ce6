"""How much ceremony a difference needs: its lane, from what changed since the phase began, and why."""

from __future__ import annotations

from collections.abc import Mapping

from phasegate.settings import Settings, matches
from phasegate.workflow.definition import LANES

COUNTED = ("source", "config")
"""Classes of files whose changed lines count; tests and documents may grow."""

NAMED = 3


def lane_of(changed: Mapping[str, int], settings: Settings) -> tuple[str, str]:
    """The lane that a difference needs, and the reason; `changed` has the changed lines of each path."""
    limits = settings.lanes
    for lane, patterns in (("regulated", limits.regulated), ("standard", limits.standard)):
        paths = sorted(path for path in changed if matches(path, patterns))
        if paths:
            return lane, f"it touches {_some(paths)}"
    counted = {path: lines for path, lines in changed.items() if settings.class_of(path) in COUNTED}
    lines = sum(counted.values())
    if lines > limits.trivial_lines:
        return "standard", f"{lines} lines are changed, a trivial change has at most {limits.trivial_lines}"
    if len(counted) > limits.trivial_files:
        return "standard", f"{len(counted)} files are changed, a trivial change has at most {limits.trivial_files}"
    return "trivial", ""


def is_higher(lane: str, than: str) -> bool:
    """Whether `lane` has more ceremony."""
    return LANES.index(lane) > LANES.index(than)


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(paths[:NAMED]) + more
