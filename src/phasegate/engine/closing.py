"""Closing a phase, exactly: copy, verify, record, then publish; the rest is redone by whoever is next."""

from __future__ import annotations

import hashlib

from phasegate.context.report import closure
from phasegate.engine import plan_watch
from phasegate.engine.desk import Desk, Observation
from phasegate.engine.exceptions import ended_with
from phasegate.engine.judge import write_own
from phasegate.engine.views import area_of, evidence_of, manifest_of
from phasegate.errors import Exit, Failure
from phasegate.evidence import manifest
from phasegate.gates.interface import Verdict
from phasegate.ledger.facts import ClosurePublished, FileKept, GateSaid, PhaseClosed
from phasegate.ledger.state import PhaseRecord, RunRecord, State


class NotProven(Failure):
    """A workflow led to closing a phase although a gate of its kind is shut; it stays open."""

    code = "not-proven"
    exit_code = Exit.GATE_FAILED


class ArchiveDamaged(Failure):
    """A file of an archive is not what was written; the phase stays open."""

    code = "archive-damaged"
    exit_code = Exit.CANNOT_TELL


def close(desk: Desk, state: State, run: RunRecord, seen: Observation, verdicts: tuple[Verdict, ...]) -> State:
    """Archive the evidence, record `PhaseClosed` and publish it; a phase that is closed already is only published."""
    record = state.record_of(run.phase)
    if record.status not in ("publishing", "closed"):
        shut = [verdict.gate for verdict in verdicts if not verdict.passes]
        if shut:
            raise NotProven(
                f"Phase {record.id} cannot close: {', '.join(shut)}.",
                hint="Let every way into the closing step ask `kind_gates` in the workflow definition.",
            )
        state, files, folder = _archive(desk, state, record, verdicts)
        closed = PhaseClosed(
            record.id, run.id, seen.subject, folder, files,
            tuple(GateSaid(verdict.gate, verdict.says, verdict.evidence, verdict.waived) for verdict in verdicts),
            f"{folder}/{manifest.NAME}", _changed(desk, state, record, seen.tree),
        )  # fmt: skip
        state = desk.record([closed, *ended_with(state, record.id)], relying_on=state)
    return publish(desk, state)


def _changed(desk: Desk, state: State, record: PhaseRecord, tree: str) -> int | None:
    """How many files the phase changed."""
    views = state.views.get(desk.worktree, {})
    try:
        changes = desk.tree.changes(record.tree, tree) if record.tree else None
    except Failure:
        return None
    paths = [change.path for change in changes or () if change.path not in views]
    return None if changes is None else sum(desk.settings.class_of(path) not in ("own", "plan") for path in paths)


def publish(desk: Desk, state: State) -> State:
    """Finish what a closure still owes: boxes, links, originals; idempotent."""
    for record in list(state.phases.values()):
        if record.status == "publishing" and not _elsewhere(desk, state, record):
            state = _tick(desk, state)
            state = _remove_originals(desk, state, record)
            state = desk.record([ClosurePublished(record.id)], relying_on=None)
    return state


def _elsewhere(desk: Desk, state: State, record: PhaseRecord) -> bool:
    """Whether the phase was closed in another work tree that still is at it: its files are there, not here."""
    run = state.runs.get(record.run)
    return run is not None and run.status != "ended" and run.worktree != desk.worktree


def _archive(
    desk: Desk, state: State, record: PhaseRecord, verdicts: tuple[Verdict, ...]
) -> tuple[State, tuple[FileKept, ...], str]:
    """Lay the manifest and every artifact into the archive and read them back."""
    area = area_of(desk, state, record)
    folder = manifest.archive_folder(area, record.id, desk.today())
    contents = {
        f"{folder}/{manifest.NAME}": manifest.render(manifest_of(desk, state, record)),
        f"{folder}/reason.md": closure(state, record, verdicts).encode(),
    }
    for evidence in evidence_of(state, record):
        for artifact in evidence.artifacts:
            name = f"{artifact.sha256[:16]}-{manifest.safe(artifact.name)}"
            contents[f"{folder}/artifacts/{name}"] = desk.kept(artifact)
    report = record.report and desk.files.read(record.report)
    if report:
        contents[f"{folder}/{record.report.rsplit('/', 1)[-1]}"] = report
    for path, content in contents.items():
        state = write_own(desk, state, path, content)
        if desk.files.read(path) != content:
            raise ArchiveDamaged(
                f"{path} does not hold what was written.", hint="Check the disk, then `phasegate done`."
            )
    files = tuple(FileKept(path, hashlib.sha256(content).hexdigest()) for path, content in contents.items())
    return state, files, folder


def _tick(desk: Desk, state: State) -> State:
    """Tick the boxes of closed phases in the plan, with links to their archives."""
    if not state.plan_digest:
        return state  # a task without a plan closed, and a plan that was never read is left alone
    content = desk.files.read(desk.settings.plan)
    if content is None:
        return state
    mended = plan_watch.read(desk, state, content)
    if mended.facts:
        state = desk.record(mended.facts, relying_on=None)
    return write_own(desk, state, desk.settings.plan, mended.content) if mended.content is not None else state


def _remove_originals(desk: Desk, state: State, record: PhaseRecord) -> State:
    """Take the working manifest away and let links to it point into the archive."""
    area = area_of(desk, state, record)
    original = f"{manifest.folder(area, record.id)}/{manifest.NAME}"
    listed = state.planned(record.id)
    for path in {desk.settings.plan if state.plan_digest else "", _detail(desk, listed.detail if listed else "")} - {
        ""
    }:
        state = _relink(desk, state, path, original, record.manifest)
    for path in (original, record.report):
        if path and desk.files.read(path) is not None:
            state = write_own(desk, state, path, None)
    return state


def _detail(desk: Desk, detail: str) -> str:
    folder = desk.settings.plan.rpartition("/")[0]
    return (desk.files.relative(f"{folder}/{detail}" if folder else detail) or "") if detail else ""


def _relink(desk: Desk, state: State, path: str, old: str, new: str) -> State:
    content = desk.files.read(path)
    if content is None:
        return state
    old_link, new_link = plan_watch.link_to(desk, old).encode(), plan_watch.link_to(desk, new).encode()
    mended = content.replace(b"](" + old_link, b"](" + new_link)
    return write_own(desk, state, path, mended) if mended != content else state
