"""Which files show the state, and what they say: computed from the state alone, written at step changes."""

from __future__ import annotations

import hashlib

import msgspec

from phasegate.context import block, report
from phasegate.context.instruction import where
from phasegate.engine.desk import Desk
from phasegate.engine.judge import ERROR_INDEX, STATE_FILE, write_own
from phasegate.evidence import manifest
from phasegate.evidence.items import Evidence
from phasegate.gates.interface import Moment
from phasegate.ledger.custody import ViewRestored
from phasegate.ledger.state import PhaseRecord, RunRecord, State

ERRORS = "logs/errors"
RESOLVED_KEPT = 50


class AgentState(msgspec.Struct, frozen=True):
    """`state/agent_state.json`: `version` is the ledger's position when the step was entered."""

    version: int
    phase: str
    kind: str
    step: str
    loops: int
    status: str


def refresh(desk: Desk, state: State) -> State:
    """Write every view that is not as it should be; idempotent, and safe to run after any interruption."""
    run = state.run_in(desk.worktree)
    wanted = wanted_views(desk, state, run)
    known = state.views.get(desk.worktree, {})
    for path, content in wanted.items():
        digest = hashlib.sha256(content).hexdigest()
        if known.get(path) != digest or desk.files.read(path) != content:
            state = write_own(desk, state, path, content)
    state = _refresh_block(desk, state, run)
    for path in [path for path in known if _removable(path) and path not in wanted]:
        if known[path] or desk.files.read(path) is not None:
            state = write_own(desk, state, path, None)
    return state


def restored(desk: Desk, state: State, run: RunRecord, stale: list[str]) -> tuple[State, tuple[str, ...]]:
    """Let `stale` files say again what the ledger says; what to tell of those that somebody else wrote.

    A block is rendered without a word: its document is also a person's, who may write around it.
    """
    before = state.replaced.get(desk.worktree, {})
    found = {path: hashlib.sha256(desk.files.read(path) or b"").hexdigest() for path in stale}
    forged = [path for path in stale if path not in block.FILES.values() and found[path] != before.get(path)]
    if forged:
        state = desk.record([ViewRestored(run.id, path, found[path]) for path in forged], relying_on=None)
    words = "shows the state, and phasegate alone writes it: it says again what the ledger says."
    return refresh(desk, state), tuple(f"{path} {words}" for path in forged)


def redo(desk: Desk, state: State) -> State:
    """Show what whoever was killed has not shown; a work tree without a run or traces of one is let alone."""
    shown = state.run_in(desk.worktree) is not None or desk.files.read(STATE_FILE) is not None
    return refresh(desk, state) if shown else state


def wanted_views(desk: Desk, state: State, run: RunRecord | None) -> dict[str, bytes]:
    """Every view but the block, with its content."""
    views: dict[str, bytes] = {}
    if run is not None:
        views[STATE_FILE] = _agent_state(state, run)
    for record in state.phases.values():
        if record.status in ("started", "deferred"):
            path = f"{manifest.folder(area_of(desk, state, record), record.id)}/{manifest.NAME}"
            if evidence_of(state, record):
                views[path] = manifest.render(manifest_of(desk, state, record))
    return views | _errors(state)


def manifest_of(desk: Desk, state: State, record: PhaseRecord) -> manifest.Manifest:
    """The manifest of a phase as the ledger has it."""
    listed, evidence = state.planned(record.id), evidence_of(state, record)
    return manifest.Manifest(
        manifest.FORMAT, area_of(desk, state, record), record.id, listed.title if listed else record.id,
        state.kind_of(record.id), record.links, evidence, manifest.metrics_of(evidence),
    )  # fmt: skip


def evidence_of(state: State, record: PhaseRecord) -> tuple[Evidence, ...]:
    """The observations made in a phase, and those of the tree it started from; oldest first."""
    return tuple(e for e in state.evidence.values() if e.phase == record.id or e.speaks_for(record.subject))


def area_of(desk: Desk, state: State, record: PhaseRecord) -> str:
    """The area of a phase: as the plan says, else the project's."""
    listed = state.planned(record.id)
    return (listed.area if listed else "") or desk.settings.area


def _agent_state(state: State, run: RunRecord) -> bytes:
    record = state.record_of(run.phase)
    shown = AgentState(run.entered, run.phase, state.kind_of(run.phase), run.step, record.loops, run.status)
    return msgspec.json.format(msgspec.json.encode(shown), indent=2) + b"\n"


def _errors(state: State) -> dict[str, bytes]:
    errors = [note for note in state.notes.values() if note.kind == "error" or note.about.startswith("test:")]
    if not errors:
        return {}
    active = [note for note in errors if not note.resolved]
    views = {ERROR_INDEX: report.error_index(active).encode()}
    for note in active + [note for note in errors if note.resolved][-RESOLVED_KEPT:]:
        folder = "resolved" if note.resolved else "active"
        views[f"{ERRORS}/{folder}/{note.id}.md"] = report.error_file(note).encode()
    return views


def _removable(path: str) -> bool:
    """Views that come and go with the state; archives, reports and people's files stay."""
    return path.startswith(f"{ERRORS}/") or path == STATE_FILE


def _refresh_block(desk: Desk, state: State, run: RunRecord | None) -> State:
    path = block.FILES.get(desk.settings.render)
    if path is None:
        return state
    path = desk.files.relative(path) or path  # a link to another file of the tree, as some keep for several agents
    document = desk.files.read(path) or b""
    lines = block.idle_lines()
    if run is not None and run.status != "ended":
        moment = Moment(state, run, desk.settings, "")
        does = desk.workflow.step(run.step).does or f"Nothing: {where(moment)}."
        lines = block.run_lines(moment, does)
    shown = block.with_block(document, lines)
    return write_own(desk, state, path, shown) if shown != document else state
