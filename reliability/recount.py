"""Counts every figure of `phasegate report --json` again from the events, as plainly as can be; follows its links."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any
from urllib.parse import unquote

from night_checks import Morning
from trials import Lost

from phasegate.evidence.items import CoverageSeen, TestsSeen
from phasegate.ledger import driving as d
from phasegate.ledger import facts as f

SHOWN = 8
"""How many references a figure carries at most."""

SAMPLE = 4
"""How many references of each kind `phasegate` itself is asked about, unless all are."""


def check(night: Any, *, bug: str = "", thorough: bool = False) -> dict[str, int]:
    """Compare; raises Lost with every figure that differs."""
    report = night.ask("report", "--json", bug=bug).result
    recount = Recount(night, report)
    try:
        recount.everything()
        if recount.wrong:
            raise Lost("the report is not what the ledger says:\n  " + "\n  ".join(recount.wrong))
        asked = follow(recount, thorough=thorough)
    finally:
        recount.morning.project.close()
    return {"figures counted again": recount.compared, "references asked about": asked}


class Drive:
    """What a night's checks need of a drive's result when there is only the report."""

    result: Any = None


class Recount:
    """One report held against one ledger; `wrong` collects what differs."""

    def __init__(self, night: Any, report: dict[str, Any]) -> None:
        self.night, self.report = night, report
        self.morning = Morning(night, Drive)
        self.wrong: list[str] = []
        self.compared = 0
        self.begin = self.morning.placed(d.DriveStarted)[0][0]
        self.ms = {event.position: event.clock.ms for event in self.morning.events}

    def since(self, kind: type[Any]) -> list[tuple[int, Any]]:
        return [(position, fact) for position, fact in self.morning.placed(kind) if position >= self.begin]

    # --- comparing ----------------------------------------------------------------------------------------------------

    def same(self, what: str, told: Any, true: Any) -> None:
        self.compared += 1
        near = isinstance(told, float) and isinstance(true, int | float) and abs(told - true) < 1e-3
        if told != true and not near:
            self.wrong.append(f"{what}: it says {told!r}, the ledger {true!r}")

    def counted(self, what: str, figure: dict[str, Any], positions: Sequence[int]) -> None:
        """A figure that counts events: the number, and the events themselves."""
        self.same(what, figure["value"], len(positions))
        refs = [f"@{position}" for position in positions]
        self.same(
            f"{what}, references", (list(figure["refs"]), figure["more"]), (refs[:SHOWN], max(0, len(refs) - SHOWN))
        )

    def observed(self, what: str, figure: dict[str, Any], value: float, evidence: str) -> None:
        """A figure read off one observation."""
        self.same(what, figure["value"], value)
        self.same(f"{what}, references", list(figure["refs"]), [evidence])

    def everything(self) -> None:
        """All figures, part by part."""
        self._window()
        self._closed()
        self._deferred()
        self._refusals()
        self._tests()
        self._driving()
        self._time()
        self._rest()

    # --- phases -------------------------------------------------------------------------------------------------------

    def _window(self) -> None:
        window, events = self.report["window"], self.morning.events
        self.same("the beginning", window["after"], self.begin - 1)
        self.same("the head", (window["head"], window["head_hash"]), (events[-1].position, events[-1].hash))
        self.same("the number of events", window["events"], len(events) - self.begin + 1)
        self.same("the reason", window["because"], "drive")
        plan = self.morning.placed(f.PlanRead)[-1][1].phases
        done = {fact.phase for fact in self.morning.of(f.PhaseClosed)}
        away = {fact.phase for fact in self.morning.of(f.PhaseDeferred)} - done
        self.same("phases planned", self.report["planned"]["value"], len(plan))
        self.same("closed before", self.report["closed_before"]["value"], 0)
        self.same("still open", self.report["still_open"], [p.id for p in plan if p.id not in done | away])

    def _closed(self) -> None:
        closings = self.since(f.PhaseClosed)
        self.same(
            "phases closed", [one["phase"] for one in self.report["closed"]], [fact.phase for _, fact in closings]
        )
        commits = {fact.phase: (position, fact) for position, fact in self.since(d.PhaseCommitted)}
        for told, (position, fact) in zip(self.report["closed"], closings, strict=False):
            name = f"phase {fact.phase}"
            at, commit = commits[fact.phase]
            self.same(f"{name}, event", told["ref"], f"@{position}")
            self.same(f"{name}, commit", (told["commit"], told["branch"]), (commit.commit, commit.branch))
            self.same(f"{name}, event of its commit", told["commit_ref"], f"@{at}")
            self.same(f"{name}, manifest", told["manifest"]["path"], fact.manifest)
            self.same(f"{name}, doubts", told["doubts"], [])
            self.counted(f"{name}, loops", told["loops"], self._loops_of(fact.phase))
            self._proof(name, told, fact)
            changed = self.night.git("diff", "--name-only", f"{commit.commit}^", commit.commit).splitlines()
            own = [path for path in changed if self.morning.settings.class_of(path) in ("own", "plan")]
            self.same(f"{name}, files that its commit changed", told["files"]["value"], len(changed) - len(own))

    def _proof(self, name: str, told: dict[str, Any], closing: Any) -> None:
        tests, coverage = self._on(closing, TestsSeen), self._on(closing, CoverageSeen)
        if tests is None:
            self.same(f"{name}, tests", (told["tests"]["value"], told["red"]["value"]), (None, None))
        else:
            self.observed(f"{name}, tests passed", told["tests"], tests.seen.passed, tests.id)
            self.observed(f"{name}, tests red", told["red"], len(tests.seen.red), tests.id)
        lines = [(file.covered, file.covered + len(file.missing)) for file in coverage.seen.changed] if coverage else []
        covered, total = (sum(pair[index] for pair in lines) for index in (0, 1))
        share = round(100.0 * covered / total, 2) if total else None
        said = told["changed_coverage"]["value"]
        self.same(f"{name}, changed lines covered", said if said is None else round(said, 2), share)
        if coverage is not None:
            self.observed(f"{name}, changed lines", told["changed_lines"], total, coverage.id)

    def _on(self, closing: Any, kind: type[Any]) -> Any:
        """The newest observation of a kind on the tree that a phase closed on."""
        found = [fact.evidence for fact in self.morning.of(f.EvidenceRecorded)]
        fit = [one for one in found if isinstance(one.seen, kind) and one.subject == closing.subject]
        return fit[-1] if fit else None

    def _loops_of(self, phase: str) -> list[int]:
        return [position for position, fact in self.morning.placed(f.StepEntered) if fact.loop and fact.phase == phase]

    def _deferred(self) -> None:
        found = self.since(f.PhaseDeferred)
        self.same(
            "phases deferred", [one["phase"] for one in self.report["deferred"]], [fact.phase for _, fact in found]
        )
        for told, (position, fact) in zip(self.report["deferred"], found, strict=False):
            name = f"deferred phase {fact.phase}"
            self.same(f"{name}, event", told["ref"], f"@{position}")
            self.same(f"{name}, why", told["why"][:60], " ".join(fact.why.split())[:60])
            self.same(f"{name}, report", told["report"]["path"], fact.report)
            self.counted(f"{name}, loops", told["loops"], self._loops_of(fact.phase))
        asked = {fact.question: (position, fact) for position, fact in self.morning.placed(f.QuestionAsked)}
        answered = {fact.question for fact in self.morning.of(f.QuestionAnswered)}
        still = {id: pair for id, pair in asked.items() if id not in answered}
        self.same("open questions", [one["question"] for one in self.report["questions"]], list(still))
        for told in self.report["questions"]:
            position, fact = still.get(told["question"], (0, None))
            self.same(f"question {told['question']}, event", told["ref"], f"@{position}")
            self.same(f"question {told['question']}, default", told["default"], fact.default if fact else "")

    # --- refusals, tests, clients -------------------------------------------------------------------------------------

    def _refusals(self) -> None:
        rules: dict[str, list[int]] = {}
        for position, fact in self.since(f.CallRefused):
            rules.setdefault(fact.rule, []).append(position)
        self.same("rules that refused", sorted(one["rule"] for one in self.report["refused"]), sorted(rules))
        for told in self.report["refused"]:
            self.counted(f"refusals of {told['rule']}", told["count"], rules.get(told["rule"], []))
        self.counted("changes put back", self.report["put_back_count"], self._at(f.ChangePutBack))
        self.counted("secrets", self.report["secrets"], self._at(f.SecretSeen))
        self.counted("boxes put back", self.report["boxes_put_back"], self._boxes())
        held = {(run.id, path) for run in self.morning.state.runs.values() for path in run.held}
        self.same("changes held", len(self.report["held"]), len(held))

    def _at(self, kind: type[Any]) -> list[int]:
        return [position for position, _ in self.since(kind)]

    def _boxes(self) -> list[int]:
        """Boxes put back that no closing was just ticking."""
        closed = [(position, fact.phase) for position, fact in self.morning.placed(f.PhaseClosed)]
        found = []
        for position, fact in self.since(f.BoxesPutBack):
            ticking = {phase for at, phase in closed if at < position}
            if any(box not in ticking and box.rpartition(".")[0] not in ticking for box in fact.boxes):
                found.append(position)
        return found

    def _tests(self) -> None:
        runs = [(position, fact.evidence) for position, fact in self.morning.placed(f.EvidenceRecorded)]
        for what, kind in (("tests", TestsSeen), ("coverage", CoverageSeen)):
            seen = [(position, one) for position, one in runs if isinstance(one.seen, kind)]
            before = [one for position, one in seen if position < self.begin]
            since = [one for position, one in seen if position >= self.begin]
            first = before[-1] if before else since[0] if len(since) > 1 else None
            last = since[-1] if since else None
            if what == "coverage":
                self._coverage("coverage before", self.report["coverage_before"], first)
                self._coverage("coverage after", self.report["coverage_after"], last)
                continue
            tests = self.report["tests"]
            self._test_run("tests before", tests["before"], first)
            self._test_run("tests after", tests["after"], last)
            was, now = ({test.id for test in one.seen.red} if one else set() for one in (first, last))
            self.same("newly red", tests["newly_red"], sorted(now - was))
            self.same("still red", tests["still_red"], sorted(was & now))
            self.same("newly green", tests["newly_green"], sorted(was - now))

    def _test_run(self, what: str, told: Any, one: Any) -> None:
        self.same(f"{what} known", told is not None, one is not None)
        if told and one:
            for name, value in (("passed", one.seen.passed), ("red", len(one.seen.red)), ("skipped", one.seen.skipped),
                                ("collected", one.seen.collected)):  # fmt: skip
                self.observed(f"{what}, {name}", told[name], value, one.id)

    def _coverage(self, what: str, told: Any, one: Any) -> None:
        self.same(f"{what} known", told is not None, one is not None)
        if told and one:
            self.observed(f"{what}, statements", told["total"], one.seen.total, one.id)
            self.observed(f"{what}, covered", told["covered"], one.seen.covered, one.id)
            self.same(what, round(told["percent"]["value"], 3), round(100.0 * one.seen.covered / one.seen.total, 3))

    def _driving(self) -> None:
        started = [fact.drive for _, fact in self.since(d.DriveStarted)]
        outcomes = {fact.drive: fact.outcome for fact in self.morning.of(d.DriveEnded)}
        told = {one["drive"]: one["outcome"] for one in self.report["drives"]}
        self.same("drives", told, {drive: outcomes.get(drive, "") for drive in started})
        hows: dict[str, list[int]] = {}
        for position, fact in self.since(d.ClientEnded):
            hows.setdefault(fact.how, []).append(position)
        self.same("ways clients ended", sorted(one["how"] for one in self.report["endings"]), sorted(hows))
        for one in self.report["endings"]:
            self.counted(f"clients that ended as {one['how']}", one["count"], hows.get(one["how"], []))
        self._use(self.report["use"])
        self._waits()
        self.counted("recoveries", self.report["recoveries"], self._at(f.RunRecovered))

    def _use(self, use: dict[str, Any]) -> None:
        ended = [fact for _, fact in self.since(d.ClientEnded)]
        launched = self._at(d.ClientLaunched)
        killed = ("died", "silent", "stopped")
        silent = [p for p, fact in self.since(d.ClientEnded) if fact.how in killed and not fact.cost_usd]
        self.counted("clients started", use["launches"], launched)
        self.counted("clients that did not say what it cost", use["silent"], silent)
        self.same("cost is a lower bound", use["cost_usd"]["least"], bool(silent) or len(launched) > len(ended))
        for name, value in (
            ("cost_usd", sum(fact.cost_usd for fact in ended)), ("tokens", sum(fact.tokens.total for fact in ended)),
            ("output_tokens", sum(fact.tokens.output for fact in ended)),
            ("cached_tokens", sum(fact.tokens.cache_read for fact in ended)),
            ("turns", sum(fact.turns for fact in ended if fact.cost_usd or fact.tokens.total)),
        ):  # fmt: skip
            self.same(f"use, {name}", use[name]["value"], value)

    def _waits(self) -> None:
        found: dict[str, list[tuple[int, float]]] = {}
        how: dict[str, str] = {}
        began: dict[str, tuple[int, str]] = {}
        kinds = (d.ClientEnded, d.ClientLaunched, d.WaitBegan, d.DriveEnded)
        for position, fact in self.morning.facts:
            if not isinstance(fact, kinds) or position < self.begin:
                continue
            if isinstance(fact, d.ClientEnded):
                how[fact.drive] = fact.how
                continue
            if fact.drive in began:
                at, what = began.pop(fact.drive)
                found.setdefault(what, []).append((at, (self.ms[position] - self.ms[at]) / 1000))
            if isinstance(fact, d.WaitBegan):
                began[fact.drive] = (position, how[fact.drive])
        self.same("what was waited for", sorted(one["what"] for one in self.report["waits"]), sorted(found))
        for told in self.report["waits"]:
            waits = found.get(told["what"], [])
            self.counted(f"waits for {told['what']}", told["count"], [at for at, _ in waits])
            self.same(f"seconds of waits for {told['what']}", float(told["seconds"]["value"]), sum(s for _, s in waits))

    # --- time and the rest --------------------------------------------------------------------------------------------

    def _time(self) -> None:
        steps: dict[str, list[tuple[int, float]]] = {}
        phases: dict[str, list[tuple[int, float]]] = {}
        for position, fact, seconds in self._stays():
            if fact.step != "waiting_for_person":
                steps.setdefault(fact.step, []).append((position, seconds))
                phases.setdefault(fact.phase, []).append((position, seconds))
        for what, stays in (("steps", steps), ("phases", phases)):
            self.same(
                f"{what} with time", sorted(one["name"] for one in self.report[what]), sorted(filter(None, stays))
            )
            for told in self.report[what]:
                mine = stays.get(told["name"], [])
                self.counted(f"{what}: visits of {told['name']}", told["times"], [at for at, _ in mine])
                self.same(
                    f"{what}: seconds in {told['name']}", float(told["seconds"]["value"]), sum(s for _, s in mine)
                )
        every = sum(seconds for mine in steps.values() for _, seconds in mine)
        self.same("seconds in all steps", float(self.report["worked"]["value"]), every)

    def _stays(self) -> Iterator[tuple[int, Any, float]]:
        """Each step that was entered, up to the next, or to the last that is known of the run."""
        entered = self.since(f.StepEntered)
        for number, (position, fact) in enumerate(entered):
            later = [at for at, other in entered[number + 1 :] if other.run == fact.run]
            stream = [e.position for e in self.morning.events if e.stream == f"run/{fact.run}"]
            until = later[0] if later else max(stream)
            yield position, fact, max(0, self.ms[until] - self.ms[position]) / 1000

    def _rest(self) -> None:
        self.counted("hook calls that failed", self.report["failed_hooks"], self._at(f.HookFailed))
        errors = [note.id for note in self.morning.state.notes.values() if note.kind == "error" and not note.resolved]
        self.same("open errors", sorted(one["note"] for one in self.report["errors"]), sorted(errors))
        self.same("exceptions that end soon", self.report["ending_waivers"], [])
        recorded = {fact.evidence.id: position for position, fact in self.morning.placed(f.EvidenceRecorded)}
        for id, position in self.report["observed"].items():
            self.same(f"where {id} was recorded", position, recorded.get(id))


# --- links ------------------------------------------------------------------------------------------------------------


def references(value: Any) -> set[str]:
    """Every reference in a report."""
    if isinstance(value, dict):
        own = {ref for ref in (value.get("ref"), value.get("commit_ref")) if ref}
        return own.union(*(set(value.get(name) or ()) for name in ("refs", "no_coverage_refs")),
                         *(references(item) for item in value.values()))  # fmt: skip
    return {ref for item in value for ref in references(item)} if isinstance(value, list) else set()


def follow(recount: Recount, *, thorough: bool) -> int:
    """Every reference names something, every file is there, and phasegate says more about those it is asked for."""
    night, report = recount.night, recount.report
    refs = sorted(references(report))
    head = report["window"]["head"]
    events = [ref for ref in refs if ref.startswith("@")]
    seen = [ref for ref in refs if not ref.startswith("@")]
    nowhere = [ref for ref in events if not 0 < int(ref[1:]) <= head] + [
        ref for ref in seen if ref not in report["observed"]
    ]
    if nowhere:
        raise Lost(f"the report refers to what is not there: {nowhere}")
    for file in (one[name] for part, name in (("closed", "manifest"), ("deferred", "report")) for one in report[part]):
        if not os.path.isfile(os.path.join(file["worktree"], file["path"])):
            raise Lost(f"the report links {file['path']}, and it is not there")
    _follow_pages(recount)
    asked = [(("why", ref), ref) for ref in _some(events, thorough)]
    asked += [(("evidence", "show", ref), ref) for ref in _some(seen, thorough)]
    asked += [(("why", one["question"]), one["question"]) for one in report["questions"]]
    for words, ref in asked:
        if not night.ask(*words).out.strip():
            raise Lost(f"phasegate {' '.join(words)} says nothing of {ref}")
    return len(asked)


def _some(refs: list[str], thorough: bool) -> list[str]:
    return refs if thorough else refs[:: max(1, len(refs) // SAMPLE)][:SAMPLE]


def _follow_pages(recount: Recount) -> None:
    """The page that the drive wrote: its links lead to files, or to places on the page itself."""
    folder = os.path.join(recount.morning.project.directory, "reports")
    pages = sorted(name for name in os.listdir(folder) if name.endswith(".html"))
    if not pages or not os.path.exists(os.path.join(folder, pages[-1].replace(".html", ".md"))):
        raise Lost(f"the drive wrote no report: {os.listdir(folder)}")
    with open(os.path.join(folder, pages[-1])) as file:
        text = file.read()
    ids = Counter(re.findall(r'\bid="([^"]+)"', text))
    for link in map(unescape, re.findall(r'\bhref="([^"]+)"', text)):
        there = link[1:] in ids if link.startswith("#") else os.path.exists(os.path.join(folder, unquote(link)))
        if not there:
            raise Lost(f"the page {pages[-1]} links {link}, and nothing is there")
