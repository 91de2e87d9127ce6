"""What was observed before and after: the tests that turned green, are red still or red anew, and the coverage."""

from __future__ import annotations

from phasegate.evidence.items import CoverageSeen, Evidence, NoCoverage, TestsSeen
from phasegate.ledger.facts import EvidenceRecorded
from phasegate.plain import line
from phasegate.report.gathering import Seen
from phasegate.report.values import CoverageThen, Figure, Tests, TestsThen, figure, unknown

Observed = tuple[int, Evidence]
"""When it was recorded, and what."""


class Observations:
    """Every observation that phasegate itself recorded; claims are none."""

    takes = (EvidenceRecorded,)

    def __init__(self) -> None:
        self.by_id: dict[str, Observed] = {}
        self.positions: dict[str, int] = {}
        self._on: dict[str, list[str]] = {}
        self._before: list[str] = []
        self._since: list[str] = []

    def begin(self, at: int) -> None:
        self._before += self._since
        self._since = []

    def take(self, seen: Seen) -> None:
        assert isinstance(seen.fact, EvidenceRecorded)
        evidence = seen.fact.evidence
        if evidence.assurance != "claimed":
            self.by_id[evidence.id] = (seen.at, evidence)
            self.positions[evidence.id] = seen.position
            self._on.setdefault(evidence.subject, []).append(evidence.id)
            self._since.append(evidence.id)

    def on(self, subject: str, relied_on: tuple[str, ...]) -> list[Evidence]:
        """What was observed on a tree and what a decision about it relied on besides, newest first."""
        ids = [*relied_on, *self._on.get(subject, ())] if subject else list(relied_on)
        return [self.by_id[id][1] for id in reversed(ids) if id in self.by_id]

    def tests(self, lost: frozenset[str]) -> Tests:
        """The tests before and after, less what the runs `lost` saw: their work was thrown away."""
        before, runs = self._test_runs(self._before, lost), self._test_runs(self._since, lost)
        first = _whole(before) or (before[-1] if before else runs[0] if len(runs) > 1 else None)
        last = runs[-1] if runs else None
        return _compared(first, last, runs)

    def coverage(self, lost: frozenset[str]) -> tuple[CoverageThen | None, CoverageThen | None, str, tuple[str, ...]]:
        """Coverage before and after where it is known, and why it is not known afterwards, by which observation."""
        before, since = self._coverage(self._before, lost), self._coverage(self._since, lost)
        known = [one for one in before if isinstance(one[1].seen, CoverageSeen)]
        first = known[-1] if known else since[0] if len(since) > 1 else None
        last = since[-1] if since else None
        if last is not None and isinstance(last[1].seen, NoCoverage):
            return _coverage_then(first), None, line(last[1].seen.why, 300), (last[1].id,)
        return _coverage_then(first), _coverage_then(last), "", ()

    def _test_runs(self, ids: list[str], lost: frozenset[str]) -> list[Observed]:
        found = (self.by_id[id] for id in ids)
        return [one for one in found if isinstance(one[1].seen, TestsSeen) and one[1].run not in lost]

    def _coverage(self, ids: list[str], lost: frozenset[str]) -> list[Observed]:
        found = (self.by_id[id] for id in ids)
        return [one for one in found if isinstance(one[1].seen, CoverageSeen | NoCoverage) and one[1].run not in lost]


def _whole(runs: list[Observed]) -> Observed | None:
    """The newest run that ran to its end."""
    whole = (one for one in reversed(runs) if isinstance(one[1].seen, TestsSeen) and one[1].seen.complete)
    return next(whole, None)


def _compared(first: Observed | None, last: Observed | None, runs: list[Observed]) -> Tests:
    before, after = _tests_then(first), _tests_then(last)
    if before is None or after is None or not (before.complete and after.complete):
        return Tests(before, after, None, None, None)
    was, now = _red(first), _red(last)
    gone = _gone(runs)
    return Tests(before, after, tuple(sorted(was - now - gone)), tuple(sorted(was & now)), tuple(sorted(now - was)))


def _red(one: Observed | None) -> set[str]:
    return {test.id for test in one[1].seen.red} if one and isinstance(one[1].seen, TestsSeen) else set()


def _gone(runs: list[Observed]) -> set[str]:
    """Tests that disappeared and did not come back: they turned neither green nor red."""
    gone: set[str] = set()
    for _, evidence in runs:
        if isinstance(evidence.seen, TestsSeen):
            gone = (gone | set(evidence.seen.gone)) - set(evidence.seen.new)
    return gone


def _tests_then(one: Observed | None) -> TestsThen | None:
    if one is None or not isinstance(one[1].seen, TestsSeen):
        return None
    at, evidence = one
    seen, refs = one[1].seen, (evidence.id,)
    return TestsThen(
        at, figure(seen.passed, refs), figure(len(seen.red), refs), figure(seen.skipped, refs),
        figure(seen.collected, refs), seen.complete, line(seen.why_incomplete, 300),
    )  # fmt: skip


def _coverage_then(one: Observed | None) -> CoverageThen | None:
    if one is None or not isinstance(one[1].seen, CoverageSeen):
        return None
    at, evidence = one
    seen, refs = one[1].seen, (evidence.id,)
    percent = figure(seen.percent, refs) if seen.total else unknown("there was no statement to cover", refs)
    return CoverageThen(at, percent, figure(seen.covered, refs), figure(seen.total, refs))


def passed_and_red(found: list[Evidence], asked: bool) -> tuple[Figure, Figure, str]:
    """How many tests passed and were red when a phase closed, and what is doubtful about it."""
    newest = next((one for one in found if isinstance(one.seen, TestsSeen)), None)
    if newest is None or not isinstance(newest.seen, TestsSeen):
        why = "no test run is recorded of the tree it closed on" if asked else "its kind asks for no tests"
        return unknown(why), unknown(why), why if asked else ""
    seen, refs = newest.seen, (newest.id,)
    doubt = "" if seen.complete else f"its test run is incomplete: {line(seen.why_incomplete, 200)}"
    return figure(seen.passed, refs), figure(len(seen.red), refs), doubt


def of_changed_lines(found: list[Evidence], asked: bool) -> tuple[Figure, Figure, tuple[str, ...], str]:
    """Coverage of the lines a phase changed, how many they are, files not measured, and what is doubtful about it."""
    newest = next((one for one in found if isinstance(one.seen, CoverageSeen | NoCoverage)), None)
    if newest is None or isinstance(newest.seen, NoCoverage):
        known = line(newest.seen.why, 200) if newest and isinstance(newest.seen, NoCoverage) else ""
        why = known or ("no coverage is recorded of the tree it closed on" if asked else "its kind asks for none")
        nothing = unknown(why, (newest.id,) if newest else ())
        return nothing, nothing, (), f"coverage of changed lines is unknown: {why}" if asked else ""
    assert isinstance(newest.seen, CoverageSeen)
    return _changed(newest.seen, newest.id)


def _changed(seen: CoverageSeen, id: str) -> tuple[Figure, Figure, tuple[str, ...], str]:
    lines = figure(sum(file.covered + len(file.missing) for file in seen.changed), (id,), least=bool(seen.unmeasured))
    share = figure(seen.changed_percent, (id,)) if lines.value else unknown("no executable line changed", (id,))
    doubt = f"not measured: {', '.join(line(path, 80) for path in seen.unmeasured[:3])}" if seen.unmeasured else ""
    return (unknown("changed files were not measured", (id,)) if doubt else share), lines, seen.unmeasured, doubt
