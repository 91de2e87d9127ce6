"""Several attempts at one phase, each in a clone with a ledger of its own; the gates choose which is taken over."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

import msgspec

from phasegate.engine.attempts import Tried, choose
from phasegate.entrypoints.driving import stage as stages
from phasegate.entrypoints.driving.replaying import Winner, replay
from phasegate.entrypoints.driving.telling import Teller
from phasegate.errors import Failure
from phasegate.evidence.items import CommandSeen, CoverageSeen
from phasegate.ledger.driving import (
    AttemptChosen,
    ClientEnded,
    ClientLaunched,
    DriveEnded,
    DriveStarted,
    Limits,
    Tokens,
)
from phasegate.ledger.state import State
from phasegate.wiring import Project, RealDesk, begin_ledger, open_project
from phasegate.workspace import branches, git, processes

FOLDER = "attempts"
PROGRAM = "import sys; from phasegate.entrypoints.main import main; sys.exit(main())"
LARGEST_RESULT = 1 << 20


class Attempt(msgspec.Struct):
    """One attempt: its drive, its clone, its process, and what that printed."""

    drive: str
    root: str
    process: subprocess.Popen[bytes]
    result: IO[bytes]
    said: IO[bytes]


def try_phase(
    desk: RealDesk, drive: str, phase: str, count: int, model: str, teller: Teller, *, baseline: bool
) -> None:
    """Try `phase` in `count` clones at once, take over what the gates choose, and keep the rest as differences."""
    folder = os.path.join(desk.project.directory, FOLDER)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    base = stages.repository_of(desk).head()
    limits = _shares(desk.state().drives[drive].limits, count)
    options = [*(("--model", model) if model else ()), *(() if baseline else ("--no-baseline",))]
    roots = [tempfile.mkdtemp(prefix=f"{drive}-", dir=folder) for _ in range(count)]
    attempts: list[Attempt] = []
    try:
        for root in roots:
            _clone(desk, root)
            attempts.append(_start(desk, drive, phase, root, base, limits, options))
        teller.say(f"{count} attempts at phase {phase} are at work", attempts=[one.drive for one in attempts])
        with _ending_all(attempts):
            _wait(attempts, teller)
        _take_over(desk, drive, phase, base, attempts, teller)
    finally:
        for root in roots:
            shutil.rmtree(root, ignore_errors=True)


def _shares(limits: Limits, count: int) -> Limits:
    """What each attempt may use: its share of money and tokens, all of the time."""
    return msgspec.structs.replace(
        limits, cost_usd=limits.cost_usd / count, tokens=-(-limits.tokens // count), iterations=limits.iterations
    )


# --- making and running -----------------------------------------------------------------------------------------------


def _clone(desk: RealDesk, root: str) -> None:
    """A clone of the drive's branch, with the committer, environments, hooks and trust of the person, and a new ledger.

    A phase is one thing in a ledger, so attempts at the same one cannot share it.
    """
    here = stages.repository_of(desk)
    here.run("clone", "-q", "--shared", "--single-branch", desk.worktree, root, seconds=600.0)
    there = branches.Repository(root, stages.scratch_of(desk))
    for name in ("user.name", "user.email"):
        value = here.run("config", name, accept=(0, 1)).output.decode("utf-8", "replace").strip()
        if value:
            there.run("config", name, value)
    there.run("config", "commit.gpgsign", "false")
    for path in desk.settings.drive.provide:
        branches.provide(desk.worktree, root, path)
    project = desk.project
    begun = begin_ledger(git.locate(root), project.pointer.project, project.trusted, os.environ,
                         copied_from=project.pointer.ledger)  # fmt: skip
    try:
        stages.install(RealDesk(begun, desk.actor), root)
    finally:
        begun.close()


def _start(
    desk: RealDesk, drive: str, phase: str, root: str, base: str, limits: Limits, options: Sequence[str]
) -> Attempt:
    """Start the supervisor of one attempt, in a session of its own, and record that it is at work."""
    id_ = desk.new_id("drive")
    told = msgspec.json.encode({"id": id_, "of": drive, "phase": phase, "limits": limits}).decode()
    words = [sys.executable, "-I", "-c", PROGRAM, "drive", "--here", "--json", "--attempt", told]
    words += options
    result, said = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  closed when judged
    process = subprocess.Popen(
        words, cwd=root, stdin=subprocess.DEVNULL, stdout=result, stderr=said, start_new_session=True
    )
    born = processes.born(process.pid)
    branch = branches.Repository(root, stages.scratch_of(desk)).branch()
    facts = [
        DriveStarted(id_, root, branch, base, limits, process.pid, born, drive, phase),
        ClientLaunched(drive, id_, process.pid, born, f"an attempt at phase {phase}", "", ()),
    ]
    desk.record(facts, relying_on=None)
    return Attempt(id_, root, process, result, said)


def _wait(attempts: Sequence[Attempt], teller: Teller) -> None:
    busy = list(attempts)
    while busy:
        time.sleep(0.3)
        for one in [one for one in busy if one.process.poll() is not None]:
            busy.remove(one)
            teller.say(f"attempt {one.drive} ended with {one.process.returncode}", attempt=one.drive)


@contextmanager
def _ending_all(attempts: Sequence[Attempt]) -> Iterator[None]:
    """Whatever ends us here ends the attempts first: each of them stops its client in order."""
    try:
        yield
    except BaseException:
        for one in attempts:
            with suppress(ProcessLookupError):
                one.process.terminate()
        for one in attempts:
            with suppress(subprocess.TimeoutExpired):
                one.process.wait(30)
            if one.process.poll() is None:
                processes.kill_tree(one.process.pid)
        raise


# --- judging ----------------------------------------------------------------------------------------------------------


def _take_over(desk: RealDesk, drive: str, phase: str, base: str, attempts: Sequence[Attempt], teller: Teller) -> None:
    """Compare the attempts, do the chosen one again in the drive's own tree, and archive the rest."""
    judged = {one.drive: _judge(desk, drive, phase, base, one) for one in attempts}
    winner, why = choose([tried for tried, _ in judged.values()])
    archived = {
        one.drive: desk.keep(f"attempt-{one.drive}.patch", _difference(desk, one.root, base)).sha256
        for one in attempts
        if one.drive != winner
    }
    taken = judged[winner][1] if winner else None
    if taken is not None:
        held = replay(desk, taken)
        if held:
            winner, why = "", f"{why}; it could not be proved again in the tree of the drive: {held}"
    desk.record([AttemptChosen(drive, phase, winner, why[:1000], archived)], relying_on=None)
    teller.say(f"phase {phase}: {why}", chosen=winner)


def _judge(desk: RealDesk, drive: str, phase: str, base: str, one: Attempt) -> tuple[Tried, Winner | None]:
    """What an attempt came to, as its own ledger says; recorded with what it used up."""
    result = _printed(one.result)
    one.said.close()
    said = str(result.get("said") or result.get("message") or "it ended without a word")[:300]
    used = _tokens(result)
    cost = float(result.get("cost_usd") or 0.0)
    outcome = result.get("outcome")
    ended = DriveEnded(
        one.drive, outcome if outcome in ("complete", "waiting", "limit", "stopped") else "failed", said,
        one.process.returncode,
    )  # fmt: skip
    spent = ClientEnded(drive, one.drive, "ended", said, "", int(result.get("iterations") or 0), cost, used)
    desk.record([ended, spent], relying_on=None)
    try:
        project = open_project(one.root, os.environ)
    except Failure as failure:
        return Tried(one.drive, False, said=failure.message), None
    try:
        return _as_its_ledger_says(desk, project, phase, base, one, said)
    finally:
        project.close()


def _as_its_ledger_says(
    desk: RealDesk, project: Project, phase: str, base: str, one: Attempt, said: str
) -> tuple[Tried, Winner | None]:
    state = RealDesk(project, desk.actor).state()
    commits = [other.commits.get(phase, "") for other in state.drives.values()]
    commit = next(filter(None, reversed(commits)), "")
    if not (state.is_closed(phase) and commit):
        return Tried(one.drive, False, said=state.record_of(phase).why_deferred or said), None
    lines = _changed_lines(desk, one.root, base, commit)
    winner = Winner(one.root, commit, phase, _commands(state, phase))
    return Tried(one.drive, True, _covered(state, phase), lines), winner


def _covered(state: State, phase: str) -> float:
    """How much of the changed lines the newest measured run of the phase covered, -1 when nothing was measured."""
    for evidence in reversed(state.evidence.values()):
        if evidence.phase == phase and isinstance(evidence.seen, CoverageSeen):
            return evidence.seen.changed_percent
    return -1.0


def _commands(state: State, phase: str) -> tuple[tuple[str, ...], ...]:
    """The commands whose evidence the tasks of the phase are linked to."""
    linked = {id_ for ids in state.record_of(phase).links.values() for id_ in ids}
    seen = (state.evidence[id_].seen for id_ in sorted(linked) if id_ in state.evidence)
    return tuple(dict.fromkeys(command.argv for command in seen if isinstance(command, CommandSeen)))


def _changed_lines(desk: RealDesk, root: str, base: str, commit: str) -> int:
    listing = branches.Repository(root, stages.scratch_of(desk)).run(
        "diff", "--numstat", "-z", "--no-renames", base, commit
    )
    rows = [row.split("\t") for row in listing.output.decode("utf-8", "replace").split("\0") if row.count("\t") == 2]
    kept = [row for row in rows if not stages.is_ours(desk.settings, row[2])]
    return sum(int(count) for row in kept for count in row[:2] if count.isdecimal())


def _difference(desk: RealDesk, root: str, base: str) -> bytes:
    """Everything an attempt changed, committed, set aside or neither, as patches with binary content."""
    there = branches.Repository(root, stages.scratch_of(desk))
    there.run("add", "--all")
    parked = there.said("for-each-ref", "--format=%(refname)", "refs/heads/").split()
    named = [("--cached", base), *((base, branch) for branch in parked if "-parked-" in branch)]
    return b"".join(there.run("diff", "--binary", *ends, seconds=300.0).output for ends in named)


def _printed(stream: IO[bytes]) -> dict[str, Any]:
    stream.seek(0)
    content = stream.read(LARGEST_RESULT)
    stream.close()
    with suppress(ValueError):
        value = json.loads(content)
        return value if isinstance(value, dict) else {}
    return {}


def _tokens(result: dict[str, Any]) -> Tokens:
    try:
        return msgspec.convert(result.get("tokens") or {}, Tokens)
    except msgspec.ValidationError:
        return Tokens()
