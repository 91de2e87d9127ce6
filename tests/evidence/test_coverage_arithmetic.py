"""The arithmetic of merged reports, as docs/explanation/coverage.md states it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from phasegate.evidence.coverage import Coverage, FileCoverage, file_of, merge, of_changed_lines, unmeasured
from phasegate.evidence.items import Counts
from phasegate.evidence.metrics import (
    BLOCK,
    MISSED,
    NAMES,
    RAN,
    STATEMENT,
    Metric,
    joined,
    joined_element,
    of_elements,
    of_lines,
    of_totals,
)

TRIES = settings(max_examples=2000 if os.environ.get("PHASEGATE_TIER") == "release" else 40)
PLACES = [f"{line}:{column}-{line + length}:9" for line in (1, 2, 3) for column in (0, 4) for length in (0, 1)]
PATHS = st.sampled_from(["a.ts", "b.go", "c.py"])


def counts(most: int = 3) -> st.SearchStrategy[Counts]:
    return st.integers(1, most).flatmap(lambda total: st.builds(Counts, st.integers(0, total), st.just(total)))


def elements(way: str) -> st.SearchStrategy[Metric]:
    return st.dictionaries(st.sampled_from(PLACES), st.sampled_from([RAN, MISSED])).map(lambda met: Metric({way: met}))


def metrics() -> st.SearchStrategy[Metric]:
    grouped = st.dictionaries(st.sampled_from("123"), counts()).map(lambda met: Metric({"branches of a line": met}))
    sums = counts(5).map(lambda sum: of_totals(sum.covered, sum.total))
    doubtful = st.just(Metric({}, frozenset({"the report is torn"})))
    return st.one_of(elements(STATEMENT), elements("path"), grouped, sums, doubtful)


def by_line(path: str) -> st.SearchStrategy[FileCoverage]:
    seen = st.dictionaries(st.integers(1, 9), st.sampled_from(["ran", "missed", "excluded"]))

    def build(lines: dict[int, str], branches: Metric | None) -> FileCoverage:
        def these(what: str) -> tuple[int, ...]:
            return tuple(sorted(line for line in lines if lines[line] == what))

        return FileCoverage(path, these("ran"), these("missed"), these("excluded"), branches=branches)

    return st.builds(build, seen, st.none() | metrics())


def by_place(path: str) -> st.SearchStrategy[FileCoverage]:
    return st.builds(
        lambda way, branches, functions, lines: file_of(
            path, way, branches=branches, functions=functions, lines=lines
        ),
        elements(STATEMENT) | elements(BLOCK) | metrics(),
        st.none() | metrics(),
        st.none() | metrics(),
        st.none() | st.builds(of_lines, st.sets(st.integers(1, 5)), st.sets(st.integers(1, 5))),
    )  # fmt: skip


def reports(file: Callable[[str], st.SearchStrategy[FileCoverage]]) -> st.SearchStrategy[Coverage]:
    files = st.lists(PATHS, unique=True).flatmap(lambda paths: st.tuples(*(file(path) for path in paths)))
    return st.builds(
        Coverage, st.sampled_from(["lcov", "istanbul"]), files, st.sets(st.sampled_from(["/x", "/y"])).map(tuple)
    )


ANY = reports(lambda path: by_line(path) | by_place(path))
ONE_WAY = reports(lambda path: st.builds(lambda metric: file_of(path, metric), elements(STATEMENT)))


@TRIES
@given(ANY, ANY)
def test_the_order_of_reports_makes_no_difference(one: Coverage, other: Coverage) -> None:
    assert merge([one, other]) == merge([other, one])


@TRIES
@given(ANY, ANY, ANY)
def test_the_grouping_of_reports_makes_no_difference(one: Coverage, other: Coverage, third: Coverage) -> None:
    whole = merge([one, other, third])
    assert merge([merge([one, other]), third]) == merge([one, merge([other, third])]) == whole


@TRIES
@given(ANY)
def test_a_report_given_twice_is_given_once(report: Coverage) -> None:
    once = merge([report])
    assert merge([report, report]) == merge([once]) == once
    for name in NAMES:
        assert once.total(name).counts == report.total(name).counts


@TRIES
@given(ANY, ANY)
def test_what_one_report_covers_no_other_uncovers(one: Coverage, other: Coverage) -> None:
    both = {file.path: file for file in merge([one, other]).files}
    for file in one.files:
        for name in NAMES:
            covered = _covered(file.metric(name))
            assert covered <= _covered(both[file.path].metric(name)) or both[file.path].counts(name) is None


@TRIES
@given(ONE_WAY, ONE_WAY)
def test_a_line_that_one_report_shows_as_run_stays_so_when_they_list_the_same_statements(
    one: Coverage, other: Coverage
) -> None:
    def alike(report: Coverage, listed: Coverage) -> Coverage:
        everything = {file.path: file for file in listed.files}
        return replace(report, files=tuple(_listing(file, everything.get(file.path, file)) for file in report.files))

    first, second = alike(one, other), alike(other, one)
    both = {file.path: file for file in merge([first, second]).files}
    for file in first.files:
        assert {*file.executed} <= {*both[file.path].executed}
        assert {*both[file.path].missing} <= {*file.missing}


@TRIES
@given(ANY)
def test_a_total_is_the_sum_of_its_files_or_unknown_as_soon_as_one_is(report: Coverage) -> None:
    for name in NAMES:
        total, parts = report.total(name), [file.counts(name) for file in report.files]
        if total.counts is None:
            assert total.why and (not parts or None in parts)
            assert total.unknown == tuple(f.path for f in report.files if f.counts(name) is None)
        else:
            known = [part for part in parts if part is not None]
            assert total.counts.covered == sum(part.covered for part in known)
            assert total.counts.total == sum(part.total for part in known)
            assert 0 <= total.counts.covered <= total.counts.total and not total.unknown


@TRIES
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.integers(0, 2))), st.sampled_from([STATEMENT, BLOCK]))
def test_the_shards_of_a_run_merged_are_the_run_unsplit(hits: list[tuple[str, int]], way: str) -> None:
    def shard(numbers: set[int]) -> Coverage:
        found = [(place, RAN if number in numbers else MISSED) for place, number in hits]
        return Coverage("shards", (file_of("a.ts", of_elements(way, found)),))

    assert merge([shard({0}), shard({1}), shard({2})]) == merge([shard({0, 1, 2})])


@TRIES
@given(counts(), counts(), counts())
def test_elements_join_as_a_lattice(one: Counts, other: Counts, third: Counts) -> None:
    assert joined_element(one, other) == joined_element(other, one)
    assert joined_element(one, one) == one
    assert joined_element(joined_element(one, other), third) == joined_element(one, joined_element(other, third))


def test_two_different_parts_of_a_lines_branches_are_unknown_until_a_report_took_them_all() -> None:
    def line(covered: int) -> Metric:
        return Metric({"branches of a line": {"12": Counts(covered, 3)}})

    assert joined([line(1), line(0)]).counts == Counts(1, 3)
    unsure = joined([line(1), line(2)])
    assert unsure.counts is None and "not which" in unsure.why_unknown
    assert joined([unsure, line(3)]).counts == Counts(3, 3)


def test_sums_are_merged_with_nothing_but_what_equals_them() -> None:
    sums, listed = of_totals(1, 2), of_elements("path", [("1:0-1:9", RAN), ("2:0-2:9", MISSED)])
    assert joined([sums, listed]).counts == joined([sums, sums]).counts == Counts(1, 2)
    for other in (of_totals(2, 2), of_elements("path", [("1:0-1:9", RAN)])):
        unknown = joined([sums, other])
        assert unknown.counts is None and "sums only" in unknown.why_unknown


def test_elements_told_apart_in_different_ways_have_no_union() -> None:
    unknown = joined([of_lines([1], [2]), Metric({STATEMENT: {"1:0-1:9": RAN}})])
    assert unknown.counts is None and "different ways (line, statement)" in unknown.why_unknown


def test_reports_of_different_sources_have_no_union() -> None:
    unknown = joined([Metric({BLOCK: {"1:1-2:2": Counts(2, 2)}}), Metric({BLOCK: {"1:1-2:2": Counts(0, 3)}})])
    assert unknown.counts is None and "different sources" in unknown.why_unknown


def test_a_report_that_does_not_give_a_metric_adds_nothing_to_it() -> None:
    with_branches = FileCoverage("a.py", (1,), (), branches=of_elements("arc", [("1->2", RAN)]))
    whole = merge([Coverage("one", (with_branches,)), Coverage("two", (FileCoverage("a.py", (1,), ()),))])
    assert whole.total("branches").counts == Counts(1, 1) and whole.tool == "one + two"


def test_one_file_without_a_metric_makes_the_whole_of_it_unknown_and_is_named() -> None:
    files = (FileCoverage("a.py", (1,), (), branches=of_elements("arc", [("1->2", RAN)])), FileCoverage("b.go", (), ()))
    total = Coverage("two", files).total("branches")
    assert total.counts is None and total.unknown == ("b.go",) and "b.go: its report gives no branches" in total.why


def test_a_summary_says_nothing_of_changed_lines() -> None:
    report = Coverage("summary", (FileCoverage("a.ts", (), (), statements=of_totals(9, 9)),))
    assert report.total("statements").counts == Counts(9, 9)
    assert unmeasured(report, {"a.ts": {1}}) == ("a.ts",) and of_changed_lines(report, {"a.ts": {1, 2}}) == (0, 2)


@pytest.mark.parametrize(
    ("way", "found", "executed", "missing"),
    [
        (STATEMENT, {"1:0-3:1": RAN, "2:2-2:9": MISSED}, (1,), (2,)),
        (STATEMENT, {"1:0-1:20": RAN, "1:9-1:19": MISSED}, (), (1,)),
        (BLOCK, {"1:2-3:9": RAN, "5:2-6:9": MISSED}, (1, 2, 3), (5, 6)),
        (BLOCK, {"1:2-2:9": RAN, "2:12-2:20": MISSED}, (1,), (2,)),
        (BLOCK, {"1:2-1:2": Counts(0, 0)}, (), ()),
    ],
)
def test_a_line_ran_when_every_statement_on_it_did(
    way: str, found: dict[str, Counts], executed: tuple[int, ...], missing: tuple[int, ...]
) -> None:
    file = file_of("a", Metric({way: found}))
    assert (file.executed, file.missing) == (executed, missing)


def _covered(metric: Metric | None) -> set[tuple[str, str]]:
    ways = metric.ways if metric is not None else {}
    return {(way, place) for way, found in ways.items() for place, count in found.items() if count.covered > 0}


def _listing(file: FileCoverage, other: FileCoverage) -> FileCoverage:
    """`file` with the statements of `other` too, not run."""
    own, more = file.metric("statements"), other.metric("statements")
    assert own is not None and more is not None
    unrun = Metric({way: dict.fromkeys(found, MISSED) for way, found in more.ways.items()})
    return file_of(file.path, joined([own, unrun]))
