"""What must hold on the morning after `night.py`: phases, evidence, commits, boxes, loops, what nobody may touch."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from night_repository import OLD_RED, PLAN
from trials import Lost

from phasegate import wiring
from phasegate.context import block
from phasegate.evidence.items import TestsSeen
from phasegate.ledger import driving as d
from phasegate.ledger import facts as f
from phasegate.ledger.event import Actor, Event
from phasegate.ledger.fact import Fact
from phasegate.ledger.schema import fact_of
from phasegate.workflow.plan_markdown import parse_plan


class Before(msgspec.Struct, frozen=True):
    """The person's branch and work tree in the evening."""

    log: str
    status: str


class Morning:
    """The ledger as one list, and the branch."""

    def __init__(self, night: Any, ran: Any) -> None:
        self.night, self.result = night, ran.result
        self.project = wiring.open_project(night.root, os.environ)
        self.events: list[Event] = list(self.project.log.read())
        self.facts: list[tuple[int, Fact]] = [
            (event.position, fact) for event in self.events if (fact := fact_of(event)) is not None
        ]
        self.state = wiring.RealDesk(self.project, Actor("person", "harness")).state()
        self.settings = self.project.trusted.settings

    def of(self, *kinds: type[Fact]) -> list[Any]:
        return [fact for _, fact in self.facts if isinstance(fact, kinds)]

    def placed(self, kind: type[Fact]) -> list[tuple[int, Any]]:
        return [(position, fact) for position, fact in self.facts if isinstance(fact, kind)]


def check(night: Any, ran: Any) -> dict[str, int]:
    """Everything; raises Lost at the first that is not so."""
    morning = Morning(night, ran)
    try:
        _phases(morning)
        _evidence(morning)
        _commits(morning)
        _boxes(morning)
        _loops(morning)
        _untouched(morning)
        _faults_are_told(morning)
        night.ask("log", "verify", "--json")
    finally:
        morning.project.close()
    return {"events": len(morning.events), "commits": len(morning.of(d.PhaseCommitted))}


def _lose(broken: bool, what: str) -> None:
    if broken:
        raise Lost(what)


def _ending(morning: Morning, *ends: str) -> set[str]:
    return {phase for phase, work in morning.night.works.items() if work.ends in ends}


def _phases(morning: Morning) -> None:
    """What can close is closed; what cannot is deferred, with a report and a question with a default."""
    closed, deferred = Counter(fact.phase for fact in morning.of(f.PhaseClosed)), _ending(morning, "deferred", "asks")
    wanted = Counter(_ending(morning, "closed"))
    _lose(closed != wanted, f"closed {dict(closed)}, and not {dict(wanted)}")
    last = {fact.phase: fact for fact in morning.of(f.PhaseDeferred)}
    _lose(set(last) != deferred, f"deferred {sorted(last)}, and not {sorted(deferred)}")
    last_drive = {fact.phase for fact in morning.of(d.PhaseCommitted) if fact.drive == morning.result["drive"]}
    _lose(set(morning.result["closed"]) != last_drive, f"drive said it closed {morning.result['closed']}")
    _lose(set(morning.result["deferred"]) != deferred, f"drive said it deferred {morning.result['deferred']}")
    _lose(morning.result["outcome"] != "waiting" or morning.result["exit"] != 5, f"drive said {morning.result}")
    questions = {question.id: question for question in morning.state.open_questions()}
    for phase, fact in last.items():
        _lose(morning.state.record_of(phase).status != "deferred", f"phase {phase} is not deferred any more")
        report = os.path.join(morning.state.runs[fact.run].worktree, fact.report)
        _lose(not os.path.isfile(report), f"the report {fact.report} of phase {phase} is not there")
        asked = questions.get(fact.question)
        _lose(asked is None, f"no question is open for phase {phase}")
        if phase in _ending(morning, "asks"):
            _lose(not asked or not asked.default, f"the question of phase {phase} has no default")


def _evidence(morning: Morning) -> None:
    """Every gate of a closing passed, on evidence that phasegate recorded; no test but the two old ones is red."""
    recorded = {fact.evidence.id: fact.evidence for fact in morning.of(f.EvidenceRecorded)}
    for closing in morning.of(f.PhaseClosed):
        relied = [recorded[id] for gate in closing.gates for id in gate.evidence]
        _lose(not relied or not closing.gates, f"phase {closing.phase} closed on nothing")
        for gate in closing.gates:
            _lose(gate.says != "pass", f"phase {closing.phase} closed while {gate.gate} said {gate.says}")
        for evidence in relied:
            _lose(evidence.assurance == "claimed", f"phase {closing.phase} closed on the claim {evidence.id}")
            if isinstance(evidence.seen, TestsSeen) and evidence.subject == closing.subject:
                red = {test.id for test in evidence.seen.red}
                _lose(not red <= OLD_RED, f"phase {closing.phase} closed with {sorted(red - OLD_RED)} red")


# --- commits ----------------------------------------------------------------------------------------------------------


def _commits(morning: Morning) -> None:
    """One for each closed phase, after its closing, with trailers that lead to it, of the very tree it closed on."""
    closings = {fact.phase: (position, fact) for position, fact in morning.placed(f.PhaseClosed)}
    made = morning.placed(d.PhaseCommitted)
    _lose(Counter(fact.phase for _, fact in made) != Counter(list(closings)), "a phase has not exactly one commit")
    branch = morning.result["branch"]
    on_it = morning.night.git("log", "--format=%H", f"main..{branch}").split()
    own = {fact.commit for _, fact in made}
    _lose(
        not own <= set(on_it) or len(on_it) > len(own) + 1, f"{branch} has {len(on_it)} commits for {len(own)} phases"
    )
    for position, fact in made:
        at, closing = closings[fact.phase]
        _lose(position < at, f"phase {fact.phase} was committed before it was closed")
        _trailers(morning, fact, closing, position)
        _same_tree(morning, fact.commit, closing, at)


def _trailers(morning: Morning, fact: Any, closing: Any, position: int) -> None:
    text = morning.night.git("log", "-1", "--format=%(trailers:unfold=true)", fact.commit)
    found = dict(re.findall(r"^([\w-]+): (.*)$", text, re.MULTILINE))
    _lose(found.get("Phase") != fact.phase, f"{fact.commit} says Phase: {found.get('Phase')}")
    kept = {file.path: file.sha256 for file in closing.files}
    evidence = f"{closing.manifest} sha256:{kept[closing.manifest]}"
    _lose(found.get("Evidence") != evidence, f"{fact.commit} says Evidence: {found.get('Evidence')}, not {evidence}")
    ledger, at, digest = found.get("Ledger-Head", "0 0 0").split()
    event = morning.events[int(at) - 1] if 0 < int(at) < position else None
    right = event is not None and event.hash.startswith(digest) and ledger == morning.project.pointer.ledger
    _lose(not right, f"{fact.commit} says Ledger-Head: {found.get('Ledger-Head')}, which is no event before it")
    shown = subprocess.run(
        ("git", "cat-file", "-e", f"{fact.commit}:{closing.manifest}"), cwd=morning.night.root, check=False
    )
    _lose(shown.returncode != 0, f"{fact.commit} does not hold {closing.manifest}")


def _same_tree(morning: Morning, commit: str, closing: Any, at: int) -> None:
    """What the commit holds is what was digested when the phase closed, less phasegate's own files and the plan."""
    seen = [
        fact for position, fact in morning.placed(f.TreeObserved) if position < at and fact.subject == closing.subject
    ]
    _lose(not seen, f"no digested tree is known by the subject on which phase {closing.phase} closed")
    worktree = morning.state.runs[closing.run].worktree
    opened = wiring.open_project(worktree, os.environ)
    try:
        relied = _listed(morning, ("git", "--git-dir", opened.shadow, "ls-tree", "-rz", seen[-1].tree))
    finally:
        opened.close()
    held = _listed(morning, ("git", "ls-tree", "-rz", commit))
    differing = sorted(path for path in relied.keys() | held.keys() if relied.get(path) != held.get(path))
    _lose(
        bool(differing), f"{commit} of phase {closing.phase} differs from what its closing relied on: {differing[:5]}"
    )


def _listed(morning: Morning, command: tuple[str, ...]) -> dict[str, str]:
    ran = subprocess.run(command, cwd=morning.night.root, capture_output=True, text=True, check=False)
    _lose(ran.returncode != 0, f"{' '.join(command)}: {ran.stderr[-300:]}")
    rows = (row.split("\t", 1) for row in ran.stdout.split("\0") if row)
    left_out = block.FILES.values()  # phasegate's block in them is blanked for the digest, and idle in a commit
    return {
        path: about
        for about, path in rows
        if morning.settings.class_of(path) not in ("own", "plan") and path not in left_out
    }


# --- the plan, the loops, the person's own ----------------------------------------------------------------------------


def _boxes(morning: Morning) -> None:
    """The boxes of closed phases are ticked on the branch, and no other; the person's own plan is as it was."""
    text = morning.night.git("show", f"{morning.result['branch']}:{PLAN}")
    plan = parse_plan(text, path=PLAN)
    closed = _ending(morning, "closed")
    for phase in plan.phases:
        for task in phase.tasks:
            _lose(task.done != (phase.id in closed), f"the box of {task.id} is {'ticked' if task.done else 'open'}")
    tree = os.path.join(morning.result["worktree"], PLAN)
    with open(tree) as file:
        boxes = [task.done for phase in parse_plan(file.read(), path=PLAN).phases for task in phase.tasks]
    _lose(boxes.count(True) != len(closed), f"{boxes.count(True)} boxes are ticked in the work tree")
    with open(os.path.join(morning.night.root, PLAN)) as file:
        _lose("[x]" in file.read(), "the person's own plan was changed")


def _loops(morning: Morning) -> None:
    """Only going back to categorise is a loop: no wait, no restart and no refusal is one."""
    counted = Counter(fact.phase for fact in morning.of(f.StepEntered) if fact.loop)
    back = Counter(fact.phase for fact in morning.of(f.StepEntered) if fact.step == "categorize_uncertainties")
    _lose(counted != back, f"{dict(counted)} loops are counted, and {dict(back)} times something was to be categorised")
    for phase in _ending(morning, "closed"):
        _lose(counted[phase] > 0, f"phase {phase} counts {counted[phase]} loops, and nothing was wrong in it")
    for phase in _ending(morning, "asks"):
        _lose(counted[phase] != 1, f"phase {phase} counts {counted[phase]} loops for its one question")
    for phase in _ending(morning, "deferred"):
        _lose(not 0 < counted[phase] <= 7, f"phase {phase} was deferred after {counted[phase]} loops")
    runs = {run.id for run in morning.state.runs.values()}
    _lose(len(runs) != 1, f"{len(runs)} runs were begun for one night")


def _untouched(morning: Morning) -> None:
    night = morning.night
    _lose(night.git("log", "--format=%H", "main") != night.before.log, "the person's branch has other commits")
    _lose(night.git("branch", "--show-current").strip() != "main", "the person's branch is not checked out any more")
    _lose(night.git("status", "--porcelain") != night.before.status, "the person's work tree has changed")
    _lose(bool(night.git("ls-remote", "origin")), "something was pushed")


# --- the faults -------------------------------------------------------------------------------------------------------


def _faults_are_told(morning: Morning) -> None:
    """What went wrong is in the ledger under its name, and a supervisor that was killed has one successor."""
    kinds = morning.night.faults.kinds
    untold = sorted(kind for kind, told in TOLD.items() if kind in kinds and not told(morning))
    hows, waits = Counter(fact.how for fact in morning.of(d.ClientEnded)), morning.of(d.WaitBegan)
    _lose(bool(untold), f"nothing tells of {untold}: clients ended {dict(hows)}, waits {[fact.why for fact in waits]}")
    drives, due = morning.of(d.DriveStarted), 1 + ("the supervisor is killed" in kinds)
    _lose(not len(drives) == morning.night.starts == due, f"{len(drives)} drives, {morning.night.starts} starts")
    _lose(len({(drive.branch, drive.worktree) for drive in drives}) != 1, "the drive did not go on")


Told = Callable[[Morning], bool]


def _ended(how: str, waiting: str = "") -> Told:
    """A client ended so, and was waited for in these words."""

    def told(morning: Morning) -> bool:
        waits = [fact.why for fact in morning.of(d.WaitBegan)]
        return any(fact.how == how for fact in morning.of(d.ClientEnded)) and any(waiting in why for why in waits)

    return told


def _undone(path: str) -> Told:
    """What the agent did to this file was refused, put back or held."""

    def told(morning: Morning) -> bool:
        refused = any(path in each for fact in morning.of(f.CallRefused) for each in (*fact.paths, fact.command))
        return refused or any(fact.path == path for fact in morning.of(f.ChangePutBack, f.ChangeHeld))

    return told


TOLD: Final[Mapping[str, Told]] = {
    "rate limited": _ended("rate_limited", "rate limit"),
    "rate limited for an hour": _ended("rate_limited", "rate limit"),
    "overloaded": _ended("overloaded", "overloaded"),
    "used up": _ended("usage_limit", "usage limit"),
    "the network is gone": _ended("network"),
    "silence": _ended("silent"),
    "the client is killed": _ended("died"),
    "a runner is killed": lambda morning: any(fact.lost for fact in morning.of(f.CheckEnded)),
    "the machine sleeps": lambda morning: "the machine slept for" in morning.night.said,
    "claims done": lambda morning: bool(morning.of(f.StopRefused)),
    "weakens tests": _undone("tests/test_stock.py"),
    "ticks boxes": lambda morning: bool(morning.of(f.BoxesPutBack)) or _undone(PLAN)(morning),
    "writes elsewhere": _undone("src/pantry/pages.py"),
}
"""By what each fault is known in the ledger; of a broken line and a killed hook the client makes nothing that lasts."""
