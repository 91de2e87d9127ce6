"""The moment that gates look at, with the files that changed where a rule asks for them."""

from __future__ import annotations

from collections.abc import Callable

from phasegate.context import block
from phasegate.engine.desk import Change, Desk, Observation
from phasegate.errors import Failure
from phasegate.gates.interface import Moment
from phasegate.ledger.state import RunRecord, State
from phasegate.workflow.plan import blanked as blanked_plan


def moment_of(desk: Desk, state: State, run: RunRecord, seen: Observation) -> Moment:
    """The run on the tree that was seen."""
    since = state.record_of(run.phase).tree if run.phase else ""
    changed = changed_paths(desk, since, seen.tree) if desk.settings.rules.rules else None
    return Moment(state, run, desk.settings, seen.subject, changed, desk.now_ms())


def outside(desk: Desk, state: State, seen: Observation) -> Moment:
    """The tree that was seen, outside any phase: what changed is counted from the baseline."""
    nobody = RunRecord("", desk.worktree, "", "", "")
    since = state.baseline.tree if state.baseline is not None else ""
    changed = changed_paths(desk, since, seen.tree) if desk.settings.rules.rules else None
    return Moment(state, nobody, desk.settings, seen.subject, changed, desk.now_ms())


def changed_paths(desk: Desk, before: str, after: str) -> tuple[str, ...] | None:
    """What differs between two trees, phasegate's own files left out; None when a tree is not known."""
    if not before or not after:
        return None
    try:
        changes = desk.tree.changes(before, after)
    except Failure:
        return None
    theirs = (change for change in changes if desk.settings.class_of(change.path) != "own")
    return tuple(sorted(change.path for change in theirs if not _is_only_marks(desk, change)))


def _is_only_marks(desk: Desk, change: Change) -> bool:
    """Whether a shown block or a plan differs in nothing but phasegate's own marks."""
    blanks: dict[str, Callable[[bytes], bytes]] = dict.fromkeys(block.FILES.values(), block.blanked)
    blanks[desk.settings.plan] = blanked_plan
    blank = blanks.get(change.path)
    if blank is None:
        return False
    before, after = (desk.tree.blob(blob) if blob else b"" for blob in (change.before, change.after))
    return blank(before) == blank(after)
