"""A phase's lane rises with its difference, and the tree that a regulated one would close on is put to a person."""

from __future__ import annotations

from collections.abc import Collection

from phasegate.engine.desk import Change, Desk, Observation
from phasegate.errors import Failure
from phasegate.ledger.facts import LaneMoved, QuestionAsked
from phasegate.ledger.state import RunRecord, State
from phasegate.policy.lanes import COUNTED, is_higher, lane_of

LINE_BYTES = 120
"""A line longer than this counts as several."""


def risen(desk: Desk, state: State, run: RunRecord, seen: Observation) -> LaneMoved | None:
    """That the difference since the phase began outgrew its lane; never once a person named the lane."""
    record = state.record_of(run.phase)
    if record.status != "started" or record.lane_by or not record.tree or record.tree == seen.tree:
        return None
    try:
        lane, why = lane_of(changed_lines(desk, record.tree, seen.tree), desk.settings)
    except Failure:
        lane, why = "standard", "the difference since the phase began cannot be measured"
    return LaneMoved(record.id, lane, record.lane, why) if is_higher(lane, record.lane) else None


def changed_lines(desk: Desk, before: str, after: str) -> dict[str, int]:
    """How many lines of each path changed, added or removed, whichever are more; a long line counts as several.

    phasegate's own files are left out.
    """
    changes = [change for change in desk.tree.changes(before, after) if desk.settings.class_of(change.path) != "own"]
    paths = [change.path for change in changes]
    added = desk.tree.changed_lines(before, after, paths)
    removed = desk.tree.changed_lines(after, before, paths)
    enough = desk.settings.lanes.trivial_lines + 1
    sizes = {
        change.path: max(len(added.get(change.path, ())), len(removed.get(change.path, ())), _at_least(change, enough))
        for change in changes
    }
    counted = [change for change in changes if desk.settings.class_of(change.path) in COUNTED]
    if len(counted) <= desk.settings.lanes.trivial_files:
        for change in counted:
            wide = max(
                _wide(desk, change.after, added.get(change.path, ())),
                _wide(desk, change.before, removed.get(change.path, ())),
            )
            sizes[change.path] = max(sizes[change.path], wide)
    return sizes


def _wide(desk: Desk, blob: str, lines: Collection[int]) -> int:
    """How many lines the changed ones would be, were none longer than a line is."""
    texts = desk.tree.blob(blob).split(b"\n") if blob and lines else []
    return sum(len(texts[number - 1]) for number in lines if number <= len(texts)) // LINE_BYTES


def _at_least(change: Change, enough: int) -> int:
    """A file too large to be looked at counts as more than a trivial change has."""
    return enough if change.too_large else 0


def ask_approval(desk: Desk, state: State, run: RunRecord, seen: Observation) -> State:
    """Put the closing of the phase on exactly this tree to a person, once."""
    asked = [q for q in state.questions.values() if q.phase == run.phase and q.subject == seen.subject]
    if asked and asked[-1].verdict in ("", "approve"):
        return state
    why = state.record_of(run.phase).lane_why or "it is in the lane regulated"
    text = f"Phase {run.phase}: {why}. Shall it close on the tree {seen.subject[:12]}? The answer needs a signature."
    question = QuestionAsked(
        desk.new_id("q"), run.id, text, phase=run.phase, step=run.step, subject=seen.subject
    )  # fmt: skip
    return desk.record([question], relying_on=state)
