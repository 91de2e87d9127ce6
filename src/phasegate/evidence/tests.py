"""What a test run was seen to do: each test's outcome, why a red one is red, and whether the run can be believed.

A red test counts as a proof that behaviour is missing only when it is red *for the right reason*:

* `assertion`: the test ran and what it claims is not so (an `AssertionError`, `pytest.fail`, *DID NOT RAISE*);
* `missing_name`: the code under test lacks what the test asks of it. That is an import of a module or name that a
  first-party module does not have, an attribute missing on a first-party module, class or object, an argument that a
  first-party function does not take, a `NameError` or `NotImplementedError` raised by first-party code.
* `raised_by_code`: the code under test raised, or let through, an exception that the test did not expect. A crash is
  what many fixes begin with.

Everything else says nothing about the code under test: a syntax error of the test, an import of something that is
not ours (`import_of_test`), a broken fixture, a time-out, a `NameError` in the test itself. *First-party* is code
below the project's source roots that is not itself test code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from phasegate.evidence.levels import Hollow, Infrastructure, SuiteLevel

Outcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]
Cause = Literal[
    "assertion",
    "missing_name",
    "raised_by_code",
    "import_of_test",
    "syntax_of_test",
    "collection",
    "fixture",
    "timeout",
    "other",
    "",
]

_PARAMETRISED = re.compile(r"([\w:.-]+)\[.*\]", re.DOTALL)
RED: Final[frozenset[Outcome]] = frozenset({"failed", "error"})
RIGHT_REASONS: Final[frozenset[Cause]] = frozenset({"assertion", "missing_name", "raised_by_code"})


class TestResult(Struct, frozen=True):
    """One test and how it ended. `id` is pytest's node id; `file` is relative to the run's root, `line` from 1.

    `uncollected`: its file could not be read, so the id has no parameters and stands for the test with all of them.
    """

    __test__ = False  # pytest would take the name for a test class

    id: str
    outcome: Outcome
    cause: Cause = ""
    message: str = ""
    file: str = ""
    line: int = 0
    seconds: float = 0.0
    uncollected: bool = False

    @property
    def is_red(self) -> bool:
        return self.outcome in RED


class TestRun(Struct, frozen=True):
    """One run of a test suite. A run that is not `complete` is never a pass, whatever its results say.

    Where the tests' own lines were `watched`, `hollow` lists those that passed and show nothing. `environment` is what
    has a say in every test beside the tree: name to digest. `flaky` were red and passed in a further run of the same.
    """

    __test__ = False

    runner: str
    command: tuple[str, ...]
    exit_code: int
    complete: bool
    why_incomplete: str
    results: tuple[TestResult, ...]
    collected: int
    deselected: int
    python: str
    root: str
    foreign: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    levels: tuple[SuiteLevel, ...] = ()
    watched: bool = False
    hollow: tuple[Hollow, ...] = ()
    environment: dict[str, str] = {}
    flaky: tuple[str, ...] = ()

    @property
    def red(self) -> tuple[str, ...]:
        return self.ids("failed", "error")

    @property
    def green(self) -> tuple[str, ...]:
        return self.ids("passed")

    @property
    def skipped(self) -> tuple[str, ...]:
        return self.ids("skipped")

    @property
    def xfailed(self) -> tuple[str, ...]:
        return self.ids("xfailed", "xpassed")

    @property
    def all_green(self) -> bool:
        """Complete, at least one test passed, and none is red."""
        return self.complete and bool(self.green) and not self.red

    def ids(self, *outcomes: Outcome) -> tuple[str, ...]:
        return tuple(result.id for result in self.results if result.outcome in outcomes)


class Baseline(Struct, frozen=True):
    """What is known of the tests at a phase's start: `listed` at all, `ran` (passed or red), and `red`.

    `hollow` showed nothing in any run that watched; None when none did. `environment` is what ran beside the tests:
    each name with every digest that it had.
    """

    listed: frozenset[str]
    ran: frozenset[str]
    red: frozenset[str]
    hollow: frozenset[str] | None = None
    environment: frozenset[tuple[str, str]] = frozenset()


def baseline(runs: Sequence[TestRun]) -> Baseline:
    """What complete runs on one tree come to: whatever any of them listed, and red only what was red in each.

    So a run that was bent, before the work began, to show less or to fail more, changes nothing.
    """
    listed = frozenset(result.id for run in runs for result in run.results)
    ran = frozenset(id for run in runs for id in (*run.green, *run.red))
    watched = [frozenset(test.id for test in run.hollow) for run in runs if run.watched]
    return Baseline(
        listed, ran, red_in_each([run.red for run in runs]),
        frozenset.intersection(*watched) if watched else None,
        frozenset(pair for run in runs for pair in run.environment.items()),
    )  # fmt: skip


def changed_environment(before: Baseline, after: TestRun) -> tuple[Infrastructure, ...]:
    """What runs beside the tests and was not so before; nothing where nobody looked then."""
    if not before.environment:
        return ()
    old = dict(before.environment)
    return tuple(
        Infrastructure(f"environment: {name}", old.get(name, ""), digest)
        for name, digest in sorted(after.environment.items())
        if (name, digest) not in before.environment
    )


def red_in_each(reds: Iterable[Iterable[str]]) -> frozenset[str]:
    """The ids that each run had red."""
    runs = [frozenset(red) for red in reds]
    return frozenset(id for red in runs for id in red if all(among(id, other) for other in runs))


def newly_red(before: Baseline, after: TestRun) -> tuple[TestResult, ...]:
    """The tests that are red in `after` and were not `before`."""
    return tuple(result for result in after.results if result.is_red and not among(result.id, before.red))


def new_tests(before: Baseline, after: TestRun) -> tuple[TestResult, ...]:
    """The tests of `after` that were not there `before`."""
    known = before.listed | {without_parameters(id) for id in before.listed}
    return tuple(result for result in after.results if not among(result.id, known))


def newly_hollow(before: Baseline, after: TestRun) -> tuple[Hollow, ...]:
    """The tests that passed and show nothing, unless they were so before, or nobody watched them then."""
    old = before.hollow if before.hollow is not None else before.listed
    return tuple(test for test in after.hollow if not among(test.id, old))


def tried_again(run: TestRun, again: TestRun, doubtful: Iterable[str]) -> TestRun:
    """`run` with those of its `doubtful` red tests as passed, and named, that passed in another run of the same."""
    if not (run.complete and again.complete):
        return run
    passed = {result.id: result for result in again.results if result.outcome == "passed"}
    flaky = [id for id in doubtful if id in passed]
    results = tuple(passed[result.id] if result.id in flaky else result for result in run.results)
    hollow = {test.id: test for test in again.hollow}
    return replace(
        run, results=results, flaky=(*run.flaky, *flaky),
        hollow=(*run.hollow, *(hollow[id] for id in flaky if id in hollow)),
    )  # fmt: skip


def standing_for(ids: Iterable[str], run: TestRun) -> dict[str, tuple[TestResult, ...]]:
    """The results of `run` that speak for each of `ids`; none when the test is gone.

    That is its own result, or the one of its file when that could not be read; and, for an id without parameters or
    without a name (as a file that could not be read had it), each test it stood for.
    """
    own = {result.id: result for result in run.results}
    families: dict[str, list[TestResult]] = {}
    for result in run.results:
        families.setdefault(without_parameters(result.id), []).append(result)

    def of(id: str) -> tuple[TestResult, ...]:
        if id in own:
            return (own[id],)
        for unread in (without_parameters(id), _without_subtest(id), id.partition("::")[0]):
            if unread in own and own[unread].uncollected:
                return (own[unread],)
        if "::" not in id:
            return tuple(result for result in run.results if result.id.startswith((f"{id}::", f"{id}/")))
        return tuple(families.get(id, ()))

    return {id: of(id) for id in ids}


def holds(results: Sequence[TestResult]) -> bool:
    """Whether the results that speak for a test show that it passes: at least one passed, and none is red."""
    return any(result.outcome == "passed" for result in results) and not any(result.is_red for result in results)


def rightly_red(seen: Mapping[str, str]) -> tuple[str, ...]:
    """The ids among `seen` (id to cause) that were red because the code under test lacked something."""
    return tuple(id for id, cause in seen.items() if cause in RIGHT_REASONS)


def fails_for_right_reason(result: TestResult) -> bool:
    """Whether `result` is red because the code under test does not yet do what the test asks (see above)."""
    return result.is_red and result.cause in RIGHT_REASONS


def _without_subtest(id: str) -> str:
    """`dir::TestA/empty` of Go as `dir::TestA`: a package that cannot be built lists no subtests."""
    path, separator, name = id.partition("::")
    return path + separator + name.partition("/")[0]


def without_parameters(id: str) -> str:
    """`tests/test_a.py::test_b[1-x]` as `tests/test_a.py::test_b`; a title in words may have brackets of its own."""
    path, separator, name = id.partition("::")
    parametrised = _PARAMETRISED.fullmatch(name)
    return path + separator + (parametrised[1] if parametrised else name)


def among(id: str, known: frozenset[str]) -> bool:
    """Whether `known` has the test; a file that cannot be imported lists its tests without parameters."""
    return id in known or without_parameters(id) in known
