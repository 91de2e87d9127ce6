"""Hands the two versions of every changed file to the ratchets: since the phase began, else since the baseline."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from phasegate.engine.advance import observe
from phasegate.engine.desk import Change as Difference
from phasegate.errors import Failure
from phasegate.evidence.findings import KEPT, Finding, FindingsSeen, seen
from phasegate.ledger.state import State
from phasegate.ratchets.languages import LARGEST
from phasegate.ratchets.look import concerns, look
from phasegate.ratchets.weakening import Change, Unread, Weakening
from phasegate.wiring import RealDesk
from phasegate.workspace import git

SAY_EVERY = 200
LINK = "120000"

Say = Callable[[str], None]


def base_of(desk: RealDesk, state: State) -> str:
    """The tree that tests are compared with: the phase's start, else the baseline, else the commit checked out."""
    run = state.run_in(desk.worktree)
    if run is not None and run.phase:
        return state.record_of(run.phase).tree
    if state.baseline is not None:
        return state.baseline.tree
    ran = git.run(
        ["-C", desk.project.where.root, "rev-parse", "--verify", "-q", "HEAD^{tree}"],
        environment=git.clean_environment(), scratch=desk.project.directory, accept=(0, 1, 128),
    )  # fmt: skip
    return os.fsdecode(ran.output).strip() if ran.status == 0 else ""


def ratchets(desk: RealDesk, say: Say) -> FindingsSeen:
    """What the tests, and the settings of the tools that judge, check less than at the start."""
    state, now = observe(desk, desk.state())
    base = base_of(desk, state)
    if not base:
        return seen("ratchets", 0, (), why_unknown=("there is no earlier tree to compare the tests with",))
    try:
        changed = [change for change in desk.tree.changes(base, now.tree) if concerns(change.path)]
    except Failure as failure:
        why = f"the tree {base[:12]}, to compare the tests with, cannot be read: {failure.message}"
        return seen("ratchets", 0, (), why_unknown=(why,), against=base)
    unread: list[Unread] = []
    with warnings.catch_warnings():  # an old escape in somebody's test is no matter of ours
        warnings.simplefilter("ignore")
        looked = look(_read(desk, changed, unread, say))
    unread += looked.unread
    say(f"{looked.files} changed files that say what is tested were compared, {len(looked.found)} places demand less")
    found = seen(
        "ratchets", looked.files, tuple(map(_finding, looked.found)),
        why_unknown=tuple(f"{each.path} was not compared: {each.why}" for each in unread), least="low", against=base,
        notes=tuple(f"to be read: {each.path}:{each.line} {each.words}" for each in looked.found if each.told),
    )  # fmt: skip
    return replace(found, renamed=tuple((each.was, each.now) for each in looked.renamed[:KEPT]))


def _read(desk: RealDesk, changed: list[Difference], unread: list[Unread], say: Say) -> Iterator[Change]:
    for at, change in enumerate(changed):
        if at and at % SAY_EVERY == 0:
            say(f"{at} of {len(changed)} changed files were compared")
        try:
            before, after = _content(desk, change.before), _content(desk, change.after)
        except Failure as failure:
            unread.append(Unread(change.path, failure.message))
            continue
        if LINK in (change.mode_before, change.mode_after) or change.too_large:
            unread.append(Unread(change.path, f"it is a link, or larger than {LARGEST >> 20} MiB"))
        else:
            yield Change(change.path, before, after)


def _content(desk: RealDesk, blob: str) -> bytes | None:
    return desk.tree.blob(blob) if blob else None


def _finding(each: Weakening) -> Finding:
    return Finding(
        each.kind, each.path, each.line, each.words, each.fingerprint, severity="info" if each.told else "high"
    )
