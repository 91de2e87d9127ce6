"""Which lines a source of JavaScript hides from its coverage tool."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.collectors.js_ignored import ignored, with_ignored
from phasegate.engine.checks import coverage_of
from phasegate.evidence.coverage import Coverage, FileCoverage
from phasegate.evidence.items import CoverageSeen
from phasegate.settings import Settings

HINTS = st.sampled_from(["/* c8 ignore start */", "/* c8 ignore stop */", "// v8 ignore next 3", "x();", ""])


@pytest.mark.parametrize("text, lines", [
    ("a();\n/* istanbul ignore next */\nb();\nc();\n", [2, 3]),
    ("/* istanbul ignore next: nobody comes here */\n\nb();\nc();\n", [1, 3]),
    ("/* istanbul ignore else */\nif (a) b();\nc();\n", [1, 2]),
    ("if (a) /* istanbul ignore next */ b();\nc();\n", [1]),
    ("// v8 ignore next 2\na();\nb();\nc();\n", [1, 2, 3]),
    ("/* c8 ignore start */\na();\n\n/* c8 ignore stop */\nb();\n", [1, 2, 3, 4]),
    ("/* node:coverage disable */\na();\n/* node:coverage enable */\nb();\n", [1, 2, 3]),
    ("ignore('istanbul ignore next');\nb();\n", []),
])  # fmt: skip
def test_a_hint_hides_its_own_line_and_what_it_says(text: str, lines: list[int]) -> None:
    assert [number for number in ignored(text.encode()) if number <= text.count("\n") + 1] == lines


@given(st.lists(HINTS, max_size=30))
def test_lines_are_told_once_in_their_order_and_lie_in_the_source(lines: list[str]) -> None:
    found = [*ignored("\n".join(lines).encode())]
    assert found == sorted({*found}) and all(1 <= number <= max(1, len(lines)) for number in found)


@given(st.binary(max_size=300))
def test_any_bytes_are_read(source: bytes) -> None:
    assert [*ignored(source)] == sorted({*ignored(source)})


def test_a_changed_line_that_is_hidden_counts_as_not_run(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("a();\n/* istanbul ignore next */\nif (b) c();\nd();\n")
    seen = with_ignored(Coverage("istanbul", (FileCoverage("a.js", (1, 4), ()),)), str(tmp_path))
    assert seen.files[0].excluded == (2, 3)
    told = coverage_of(seen, {"a.js": {1, 2, 3}}, Settings())
    assert isinstance(told, CoverageSeen) and told.changed[0].missing == told.changed[0].excluded == (2, 3)
