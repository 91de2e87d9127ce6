"""A finding keeps its fingerprint while its line keeps its words, wherever the line goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phasegate.evidence.findings import KEPT, Finding, fingerprinted, rank, seen

LINES = st.lists(st.sampled_from(["eval(x)", "  eval(x)", "exec(y)", "pass", ""]), max_size=12)


def found_in(lines: list[str], path: str = "a.py") -> tuple[Finding, ...]:
    found = [Finding("rule", path, at, "said", "") for at, line in enumerate(lines, 1) if "(" in line]
    return fingerprinted(found, lambda _, at: lines[at - 1])


def prints(lines: list[str], path: str = "a.py") -> list[str]:
    return [finding.fingerprint for finding in found_in(lines, path)]


@given(LINES, st.lists(st.sampled_from(["", "pass", "# why"]), max_size=5), st.integers(0, 12))
def test_lines_that_move_and_are_indented_anew_keep_their_fingerprints(
    lines: list[str], more: list[str], at: int
) -> None:
    moved = [f"    {line}" for line in [*lines[:at], *more, *lines[at:]]]
    assert prints(moved) == prints(lines)


@given(LINES)
def test_no_two_findings_of_a_file_share_a_fingerprint_and_no_other_file_has_them(lines: list[str]) -> None:
    own = prints(lines)
    assert len({*own}) == len(own) and {*own}.isdisjoint(prints(lines, "b.py"))


def test_another_argument_on_the_next_line_is_another_finding() -> None:
    def of(lines: list[str], last: int) -> str:
        return fingerprinted([Finding("r", "a.py", 1, "m", "", last=last)], lambda _, at: lines[at - 1])[0].fingerprint

    old, new = ["run(", "    fixed)"], ["run(", "    given)"]
    assert of(old, 2) != of(new, 2) and of(old, 2) == of(["run(", "fixed)"], 2) and of(old, 0) == of(new, 0)


def test_one_more_of_the_same_is_new_and_only_one() -> None:
    assert len({*prints(["eval(x)", "eval(x)"])} - {*prints(["eval(x)"])}) == 1


def test_the_worst_are_listed_where_there_are_too_many_and_what_is_unknown_may_be_the_worst() -> None:
    many = tuple(Finding("r", "a", 1, "m", str(at), severity="low") for at in range(KEPT))
    strange = Finding("r", "a", 1, "m", "x", severity="unknown")
    observed = seen("sast", 1, (*many, strange))
    assert observed.total == KEPT + 1 and len(observed.findings) == KEPT and observed.findings[0] == strange
    assert rank("unknown") > rank("critical") > rank("high") > rank("info")
