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

from typing import Final, Literal

from msgspec import Struct

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

RED: Final[frozenset[Outcome]] = frozenset({"failed", "error"})
RIGHT_REASONS: Final[frozenset[Cause]] = frozenset({"assertion", "missing_name", "raised_by_code"})


class TestResult(Struct, frozen=True):
    """One test and how it ended. `id` is pytest's node id; `file` is relative to the run's root, `line` from 1."""

    __test__ = False  # pytest would take the name for a test class

    id: str
    outcome: Outcome
    cause: Cause = ""
    message: str = ""
    file: str = ""
    line: int = 0
    seconds: float = 0.0

    @property
    def is_red(self) -> bool:
        return self.outcome in RED


class TestRun(Struct, frozen=True):
    """One run of a test suite. A run that is not `complete` is never a pass, whatever its results say."""

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


def newly_red(before: TestRun, after: TestRun) -> tuple[TestResult, ...]:
    """The tests that are red in `after` and were not in `before`."""
    known = frozenset(before.red)
    return tuple(result for result in after.results if result.is_red and not _listed(result.id, known))


def new_tests(before: TestRun, after: TestRun) -> tuple[TestResult, ...]:
    """The tests of `after` that `before` did not have."""
    ids = frozenset(result.id for result in before.results)
    known = ids | {without_parameters(id) for id in ids}
    return tuple(result for result in after.results if not _listed(result.id, known))


def fails_for_right_reason(result: TestResult) -> bool:
    """Whether `result` is red because the code under test does not yet do what the test asks (see above)."""
    return result.is_red and result.cause in RIGHT_REASONS


def without_parameters(id: str) -> str:
    """`tests/test_a.py::test_b[1-x]` as `tests/test_a.py::test_b`."""
    path, separator, name = id.partition("::")
    return path + separator + name.partition("[")[0]


def _listed(id: str, known: frozenset[str]) -> bool:
    # A file that cannot be imported lists its tests without parameters: they are the same tests, before and after.
    return id in known or without_parameters(id) in known
