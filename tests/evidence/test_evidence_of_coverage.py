"""What may be concluded from measured statements."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phasegate.evidence.coverage import Coverage, FileCoverage, of_changed_lines, unmeasured
from phasegate.evidence.items import per_cent

REPORT = Coverage("coverage.py 7", (FileCoverage("a.py", (1, 2, 5), (6,), (9,)), FileCoverage("b.py", (), (1,))))


def test_statements_are_added_up() -> None:
    assert REPORT.statements == (3, 5) and REPORT.percent == 60


def test_nothing_measured_is_not_everything_covered() -> None:
    assert Coverage("coverage.py 7", ()).percent is None


def test_only_executable_lines_count() -> None:
    assert of_changed_lines(REPORT, {"a.py": [1, 3, 4, 6, 9]}) == (1, 2)
    assert of_changed_lines(REPORT, {"a.py": [3]}) == (0, 0)


def test_a_file_that_was_not_measured_counts_as_uncovered_and_is_named() -> None:
    changed = {"c.py": [1, 2, 2], "a.py": [5]}
    assert of_changed_lines(REPORT, changed) == (1, 3)
    assert unmeasured(REPORT, changed) == ("c.py",)


@given(st.dictionaries(st.sampled_from(["a.py", "b.py", "c.py"]), st.lists(st.integers(1, 10))))
def test_never_more_is_covered_than_there_is(changed: dict[str, list[int]]) -> None:
    covered, total = of_changed_lines(REPORT, changed)
    assert 0 <= covered <= total <= sum(len(set(lines)) for lines in changed.values())


def test_a_share_that_is_not_whole_is_never_shown_as_more_than_it_is() -> None:
    assert (per_cent(100 * 48 / 85), per_cent(99.99), per_cent(99.99, 0)) == ("56.4 %", "99.9 %", "99 %")
    assert (per_cent(100.0), per_cent(100.0, 0)) == ("100.0 %", "100 %")
