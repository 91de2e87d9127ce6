"""From what a collector saw to evidence: compared with the phase's start, bound to the tree, with what it settles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import msgspec

from phasegate.engine.desk import Desk
from phasegate.engine.doubts import settled_by
from phasegate.evidence.coverage import Coverage, FileCoverage, unmeasured
from phasegate.evidence.findings import FindingsSeen
from phasegate.evidence.items import (
    Artifact,
    ChangedFile,
    CoverageSeen,
    Evidence,
    NoCoverage,
    RedTest,
    Seen,
    TestsSeen,
)
from phasegate.evidence.levels import lowest
from phasegate.evidence.tests import (
    Baseline,
    TestRun,
    baseline,
    holds,
    new_tests,
    newly_hollow,
    newly_red,
    rightly_red,
    standing_for,
)
from phasegate.gates.interface import complete_runs
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import CheckEnded, EvidenceRecorded
from phasegate.ledger.state import RunRecord, State
from phasegate.settings import Settings

RUN_ARTIFACT = "tests.json"
MESSAGE = 500
RED_KEPT = 500
UNHEARD = ("skipped", "xfailed", "xpassed")
MEASURED = frozenset("py js jsx mjs cjs ts tsx mts cts go".split())
"""Endings of files that hold code which a coverage tool measures; a report adds those of the files it names."""
DECLARING = (".d.ts", ".d.mts", ".d.cts")


def reap(desk: Desk, state: State) -> State:
    """Record the end of runners that died without telling."""
    run = state.run_in(desk.worktree)
    checks = run.checks.values() if run is not None else ()
    lost = [
        CheckEnded(run.id, check.id, lost="the runner died before the tests ended")
        for check in checks
        if run is not None and desk.born(check.pid) != check.born
    ]
    return desk.record(lost, relying_on=None) if lost else state


def seen_of(
    run: TestRun, before: Baseline | None, compared_to: str, red_seen: Collection[str] = (),
    renamed: Mapping[str, str] | None = None,
) -> TestsSeen:  # fmt: skip
    """A test run as evidence: against the phase's start when that is known, and what became of tests seen red since.

    A test that is `renamed` (id to id, without parameters) is not gone where it passes in as many cases as before.
    """
    red = tuple(
        RedTest(result.id, result.cause, result.message[:MESSAGE], result.line, result.file)
        for result in run.results
        if result.is_red
    )
    listed, ran = (before.listed, before.ran) if before is not None else (frozenset(), frozenset())
    standing = standing_for(sorted({*listed, *red_seen}), run)
    unheard = {id for id, results in standing.items() if all(each.outcome in UNHEARD for each in results)}
    missing = [id for id, results in standing.items() if not results]
    gone = still_gone(missing, run, renamed or {})
    seen = TestsSeen(
        run.runner, run.complete, run.why_incomplete, collected=len(run.results), passed=len(run.green),
        skipped=len(run.skipped) + len(run.xfailed), red=red[:RED_KEPT], gone=gone,
        newly_skipped=tuple(id for id in standing if id in unheard - {*missing} and (id in ran or id in red_seen)),
        held=tuple(id for id in red_seen if holds(standing[id])), levels=run.levels, flaky=run.flaky,
    )  # fmt: skip
    if before is None:
        return seen
    return msgspec.structs.replace(
        seen,
        compared_to=compared_to,
        new=tuple(result.id for result in new_tests(before, run)),
        newly_red=tuple(result.id for result in newly_red(before, run)),
        newly_green=tuple(sorted(before.red & set(run.green))),
        hollow=newly_hollow(before, run),
    )


def still_gone(gone: Sequence[str], run: TestRun, renamed: Mapping[str, str]) -> tuple[str, ...]:
    """Those of `gone` that did not go on under another name, in which at least as many cases pass."""
    lost = Counter(renamed.get(_function(id), "") for id in gone)
    passing = Counter(map(_function, run.green))
    new = {name for name in lost if name and passing[name] >= lost[name]}
    red = {_function(result.id) for result in run.results if result.outcome != "passed"}
    return tuple(id for id in gone if renamed.get(_function(id), "") not in new - red)


def _function(id: str) -> str:
    """A test's id without its parameters."""
    return id.partition("[")[0]


def red_seen(state: State, run: RunRecord | None) -> tuple[str, ...]:
    """The tests that were red for the right reason earlier in the run's phase."""
    return rightly_red(state.record_of(run.phase).red_seen) if run is not None and run.phase else ()


def coverage_of(
    coverage: Coverage, changed: Mapping[str, Collection[int]], settings: Settings
) -> CoverageSeen | NoCoverage:
    """Coverage of source files, and of their lines that changed since the phase began.

    A changed line that was excluded from measuring counts as missing: else one comment would open the gate.
    """
    source = tuple(file for file in coverage.files if settings.class_of(file.path) == "source")
    if not source:
        return NoCoverage("the coverage report names no source file of this project")
    measured = msgspec.structs.replace(coverage, files=source)
    statements = measured.total("statements")
    if statements.counts is None:
        return NoCoverage(f"how many statements ran is unknown: {statements.why}")
    wanted = {path: lines for path, lines in changed.items() if lines and measurable(path, coverage, settings)}
    return CoverageSeen(
        coverage.tool,
        statements.counts.covered,
        statements.counts.total,
        tuple(_changed(file, wanted[file.path]) for file in source if file.path in wanted and file.knows_lines),
        unmeasured(measured, wanted),
        branches=measured.total("branches").counts,
        functions=measured.total("functions").counts,
        lines=measured.total("lines").counts,
        outside=len(coverage.outside),
    )


def _changed(file: FileCoverage, lines: Collection[int]) -> ChangedFile:
    changed = set(lines)
    excluded = changed.intersection(file.excluded)
    missing = excluded.union(changed.intersection(file.missing))
    ran = changed.intersection(file.executed) - excluded
    return ChangedFile(file.path, len(ran), tuple(sorted(missing)), tuple(sorted(excluded)))


def measurable(path: str, coverage: Coverage, settings: Settings) -> bool:
    """Whether a report that says nothing of this file left out something that runs."""
    measured = MEASURED.union(_ending(file.path) for file in coverage.files) - {""}
    return _ending(path) in measured and not path.endswith(DECLARING) and settings.class_of(path) == "source"


def _ending(path: str) -> str:
    stem, dot, ending = path.rpartition("/")[2].rpartition(".")
    return ending if stem and dot else ""


def baseline_of(desk: Desk, state: State, run: RunRecord | None) -> tuple[Baseline, str] | None:
    """What every complete test run on the tree of the phase's start comes to, and the id of the newest of them.

    Outside a run that is the baseline taken when phasegate came.
    """
    if run is None:
        taken = state.evidence.get(state.baseline.tests) if state.baseline is not None else None
        found = [taken] if taken is not None else []
    else:
        found = complete_runs(state, state.record_of(run.phase).subject) if run.phase else []
    kept = [(e.id, artifact) for e in found for artifact in e.artifacts if artifact.name == RUN_ARTIFACT]
    runs = [msgspec.json.decode(desk.kept(artifact), type=TestRun) for _, artifact in kept]
    return (baseline(runs), kept[-1][0]) if runs else None


def evidence_facts(
    desk: Desk,
    state: State,
    run: RunRecord | None,
    *,
    check: str,
    tests: TestsSeen,
    coverage: CoverageSeen | NoCoverage,
    subject: str,
    tree: str,
    artifacts: tuple[Artifact, ...],
    survivors: FindingsSeen | None = None,
) -> list[Fact]:
    """What a finished check records: its evidence, what it settles, and its end."""
    phase, run_id = (run.phase, run.id) if run is not None else ("", "")

    def observed(seen: Seen, collector: str, kept: tuple[Artifact, ...]) -> Evidence:
        return Evidence(desk.new_id("ev"), seen, subject, lowest(tests.levels), collector, phase, run_id, kept, tree)

    tool = coverage.tool if isinstance(coverage, CoverageSeen) else "coverage"
    reports = tuple(artifact for artifact in artifacts if artifact.name.startswith("coverage"))
    made = (
        observed(tests, tests.runner, tuple(artifact for artifact in artifacts if artifact not in reports)),
        observed(coverage, tool, reports),
        *([observed(survivors, "phasegate mutants", ())] if survivors is not None else []),
    )
    facts: list[Fact] = [EvidenceRecorded(evidence) for evidence in made]
    if phase:
        facts += settled_by(made[0], [(note.id, note.about) for note in state.open_notes(phase)])
    if run_id:
        facts.append(CheckEnded(run_id, check, tuple(evidence.id for evidence in made)))
    return facts
