"""Several suites of one project as one run: ids say which suite they are of, paths are the project's."""

from __future__ import annotations

from collections.abc import Sequence
from posixpath import normpath

from msgspec import Struct
from msgspec.structs import replace

from phasegate.evidence.coverage import Coverage, merge
from phasegate.evidence.tests import TestResult, TestRun


class Suite(Struct, frozen=True):
    """What one suite showed, with paths relative to `directory` ("" is the root); `name` is "" for an only suite."""

    name: str
    directory: str
    tests: TestRun
    coverage: Coverage | None
    why_no_coverage: str

    def said(self, text: str) -> str:
        """`text` with the suite's name before it."""
        return f"{self.name}: {text}" if self.name else text

    def placed(self, path: str) -> str:
        """A path of the suite as one of the project."""
        return normpath(f"{self.directory}/{path}") if self.directory and path else path


def together(root: str, suites: Sequence[Suite]) -> TestRun:
    """All `suites` as one run, which is complete when each of them is."""
    runs = [suite.tests for suite in suites]
    only = runs[0] if len(runs) == 1 else None
    short = [suite for suite in suites if not suite.tests.complete]
    return TestRun(
        runner=" + ".join(dict.fromkeys(run.runner for run in runs)),
        command=only.command if only else (),
        exit_code=next((run.exit_code for run in runs if run.exit_code), 0),
        complete=not short,
        why_incomplete="; ".join(
            suite.said(suite.tests.why_incomplete) for suite in suites if not suite.tests.complete
        ),
        results=tuple(_of(suite, result) for suite in suites for result in suite.tests.results),
        collected=sum(run.collected for run in runs),
        deselected=sum(run.deselected for run in runs),
        python=next((run.python for run in runs if run.python), ""),
        root=root,
        foreign=tuple(path for run in runs for path in run.foreign),
        notes=tuple(suite.said(note) for suite in suites for note in suite.tests.notes),
        environment={suite.said(name): digest for suite in suites for name, digest in suite.tests.environment.items()},
        flaky=tuple(_id(suite, id) for suite in suites for id in suite.tests.flaky),
        watched=all(run.watched for run in runs),
        hollow=tuple(replace(test, id=_id(suite, test.id)) for suite in suites for test in suite.tests.hollow),
        levels=tuple(replace(level, suite=suite.name) for suite in suites for level in suite.tests.levels),
    )


def coverage_of_all(suites: Sequence[Suite]) -> tuple[Coverage | None, str]:
    """The coverage of all `suites`, or None and why: what one of them did not measure nobody knows."""
    why_not = "; ".join(suite.said(suite.why_no_coverage) for suite in suites if suite.coverage is None)
    measured = [_placed(suite, suite.coverage) for suite in suites if suite.coverage is not None]
    if why_not or not measured:
        return None, why_not or "no suite ran"
    return merge(measured), ""


def _placed(suite: Suite, coverage: Coverage) -> Coverage:
    return replace(coverage, files=tuple(replace(file, path=suite.placed(file.path)) for file in coverage.files))


def _of(suite: Suite, result: TestResult) -> TestResult:
    """A result with an id that no other suite has."""
    if not suite.name and not suite.directory:
        return result
    return replace(result, id=_id(suite, result.id), file=suite.placed(result.file))


def _id(suite: Suite, id: str) -> str:
    return suite.said(id) if suite.name else suite.placed(id)
