"""Which lines a source hides from its coverage tool."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.collectors.coverage_formats.reports import measured
from phasegate.collectors.left_out import left_out, with_left_out
from phasegate.engine.checks import coverage_of
from phasegate.evidence.coverage import Coverage, FileCoverage, merge
from phasegate.evidence.items import CoverageSeen
from phasegate.settings import Settings

HINTS = st.sampled_from(["/* c8 ignore start */", "/* c8 ignore stop */", "// v8 ignore next 3", "x();", ""])


@pytest.mark.parametrize("text, lines", [
    ("a();\n/* istanbul ignore next */\nb();\nc();\n", [2, 3]),
    ("/* istanbul ignore next: nobody comes here */\n\nb();\nc();\n", [1, 3]),
    ("/* istanbul ignore else */\nif (a) b();\nc();\n", [1, 2]),
    ("if (a) /* istanbul ignore next */ b();\nc();\n", [1]),
    ("// v8 ignore next 2\na();\nb();\nc();\n", [1, 2, 3]),
    ("/* c8 ignore start */\na();\n\n/* c8 ignore stop */\nb();\n", [1, 2, 4]),
    ("/* node:coverage disable */\na();\n/* node:coverage enable */\nb();\n", [1, 2, 3]),
    ("/* istanbul ignore next */\nfunction f() {\n  a();\n  if (b) {\n    c('}');\n  }\n}\nd();\n", [1, 2, 3, 4, 5]),
    ("/* istanbul ignore next */\n@on()\nclass A {\nm() { return /}/ }\n}\nd();\n", [1, 2, 3, 4]),
    ("/* istanbul ignore next */\n/* x */ function f() {\na();\n/*\n}}\n*/\nb();\n}\nc();\n", [1, 2, 3, 7]),
    ("/*\n istanbul\n ignore next */ function f() {\n  a();\n}\nb();\n", [3, 4]),
    ("a();\nb(); // LCOV_EXCL_LINE\nc();\n", [2]),
    ("// LCOV_EXCL_START\na();\n// LCOV_EXCL_STOP\nb();\n", [1, 2, 3]),
    ("// GCOV_EXCL_START\na();\n", [1, 2]),
    ("def f():  # pragma: no cover\n    a()\n\n    b()\nc()\n", [1, 2, 4]),
    ("[ExcludeFromCodeCoverage]\n[B]\npublic void A()\n{\n  x();\n}\ny();\n", [1, 2, 3, 5]),
    ("@lombok.Generated\nvoid a() {\n  x();\n}\ny();\n", [1, 2, 3]),
    ("# :nocov:\na\n# :nocov:\nb\n", [1, 2, 3]),
    ("a();\n/* c8 ignore next */\rb();\nc();\n", [1, 2, 3, 4, 5]),
    ("ignore('istanbul ignore next');\nb();\n", []),
])  # fmt: skip
def test_a_hint_hides_its_own_line_and_what_it_says(text: str, lines: list[int]) -> None:
    assert sorted(left_out(text.encode()).lines) == lines


@given(st.lists(HINTS, max_size=30))
def test_the_lines_lie_in_the_source(lines: list[str]) -> None:
    found = left_out("\n".join(lines).encode())
    assert found.by_line <= found.lines <= {*range(1, len(lines) + 1)}


@given(st.binary(max_size=300) | st.lists(HINTS, max_size=9).map(lambda each: "\r\n{(".join(each).encode()))
def test_any_bytes_are_read(source: bytes) -> None:
    found = left_out(source)
    assert found.by_line <= found.lines


def test_a_changed_line_that_is_hidden_counts_as_not_run(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("a();\n/* istanbul ignore next */\nif (b) c();\nd();\n")
    seen = with_left_out(Coverage("istanbul", (FileCoverage("a.js", (1, 4), ()),)), str(tmp_path))
    assert seen.files[0].excluded == (2, 3)
    told = coverage_of(seen, {"a.js": {1, 2, 3}}, Settings())
    assert isinstance(told, CoverageSeen) and told.changed[0].missing == told.changed[0].excluded == (2, 3)


def test_of_a_file_full_of_hints_or_left_out_whole_every_line_is_left_out() -> None:
    assert left_out(b"// v8 ignore next 9999\n" * 9000).lines >= {*range(1, 9001)}
    assert left_out(b"a();\n/* c8 ignore file */\nb();\n").lines == {1, 2, 3, 4}


def test_a_line_that_a_tool_left_out_and_calls_run_counts_as_not_run(tmp_path: Path) -> None:
    """c8 says of every line it left out that it ran, its hint too."""
    (tmp_path / "a.js").write_text("a();\n/* c8 ignore start */\nb();\n/* c8 ignore stop */\nc();\n")
    seen = with_left_out(Coverage("istanbul", (FileCoverage("a.js", (1, 2, 3, 4, 5), ()),)), str(tmp_path))
    told = coverage_of(seen, {"a.js": {1, 3, 5}}, Settings())
    assert isinstance(told, CoverageSeen) and (told.changed[0].covered, told.changed[0].missing) == (2, (3,))
    assert merge([seen, seen]).files[0].excluded == (2, 3, 4)


def test_what_a_report_of_any_format_leaves_out_counts_as_not_run(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int a;\n// LCOV_EXCL_START\nint b;\n// LCOV_EXCL_STOP\nint c; // LCOV_EXCL_LINE\n")
    report = tmp_path / "lcov.info"
    report.write_text("SF:a.c\nDA:1,1\nend_of_record\n")
    seen = measured([str(report)], root=str(tmp_path), began=0).coverage
    assert seen is not None and seen.files[0].excluded == (2, 3, 4, 5)


def test_an_old_hint_takes_nothing_from_lines_that_ran(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("/* istanbul ignore else */\nif (a) {\n  b();\n}\nc();\n")
    seen = with_left_out(Coverage("istanbul", (FileCoverage("a.js", (2, 3, 5), ()),)), str(tmp_path))
    assert seen.files[0].executed == (2, 3, 5) and seen.files[0].excluded == (1,)


def test_a_report_that_names_what_is_no_file_is_read_all_the_same(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.js")
    told = Coverage("istanbul", (FileCoverage("a.js", (2,), ()), FileCoverage("gone.js", (2,), ())))
    assert with_left_out(told, str(tmp_path)) == told
