"""What a coverage report may say: absent, old, empty, torn or of other sources is unknown, with the reason."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from coverage_samples import COBERTURA, FINAL, JACOCO, SAMPLES, SOURCE, SUMS, write

from phasegate.collectors.coverage_formats import reports
from phasegate.collectors.coverage_formats.reading import UnreadableReport
from phasegate.collectors.coverage_formats.recognise import FORMATS, read, recognise
from phasegate.evidence.items import Counts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = ("src/a.ts", "a.go", "one/src/shop/A.java", "two/src/shop/A.java", "B.java")
    return write(tmp_path / "project", {**dict.fromkeys(files, SOURCE), "go.mod": "module example.com/x\n"})


def why(content: str | bytes, root: Path) -> str:
    with pytest.raises(UnreadableReport) as caught:
        read(content if isinstance(content, bytes) else content.encode(), root=str(root))
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("format", FORMATS)
def test_a_report_is_known_by_what_it_says(format: str, root: Path) -> None:
    content = SAMPLES[format].encode()
    assert recognise(content) == format
    assert recognise(b"\xef\xbb\xbf" + content) == format
    seen = read(content, root=str(root))
    assert len(seen.files) == 1 and seen.total("statements").counts is not None


@pytest.mark.parametrize("format", FORMATS)
def test_a_report_that_was_cut_is_no_report(format: str, root: Path) -> None:
    assert why(SAMPLES[format].rstrip()[:-3], root)


@pytest.mark.parametrize("format", FORMATS)
def test_a_report_of_files_that_are_elsewhere_is_no_report(format: str, root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "none of them lies in this project" in why(SAMPLES[format], tmp_path / "empty")


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "istanbul summary"])
def test_a_report_that_names_lines_a_file_has_not_is_of_other_sources(format: str, root: Path) -> None:
    for path in root.rglob("a.*"):
        path.write_text("")
    (root / "one/src/shop/A.java").write_text("")
    content = (
        SAMPLES[format].replace('"line": 1', '"line": 9').replace('"executed_lines": [1]', '"executed_lines": [9]')
    )
    content = content.replace("DA:1,", "DA:9,").replace('number="1"', 'number="9"').replace('nr="1"', 'nr="9"')
    assert format == "Go cover profile" or "it is of other sources" in why(content, root)


@pytest.mark.parametrize(
    "content",
    [
        "", " \n", "{}", "[]", "null", "{" * 100_000, '{"a":' * 100_000, "mode: maybe\n", "mode: set\n",
        "mode: set\nx", "mode: set\nexample.com/x/a.go:2.1,1.3 2 1\n", "mode: set\nexample.com/x/a.go:1.1,1.3 2\n",
        "SF:src/a.ts\nDA:1,1",
        "SF:src/a.ts\nDA:0,1\nend_of_record\n", "SF:src/a.ts\nDA:1,-1\nend_of_record\n", "TN:\nDA:1,1\nend_of_record\n",
        f"SF:src/a.ts\nDA:{'9' * 30},1\nend_of_record\n", "SF:src/a.ts\nBRDA:1,2\nend_of_record\n", "hello", "<",
        "<a/>", JACOCO.replace("<line ", "<no "),
        "<coverage generated='1'><project/></coverage>", "<report>" * 100 + "</report>" * 100, "<report/>",
        json.dumps({"total": SUMS, "src/a.ts": {**SUMS, "statements": {"total": 5, "covered": 3}}}),
        json.dumps({"total": SUMS, "src/a.ts": {name: {"total": 3, "covered": 4} for name in SUMS}}),
        json.dumps({"src/a.ts": {**FINAL, "s": {"0": 1}}}), json.dumps({"src/a.ts": {**FINAL, "s": {"0": "1"}}}),
        json.dumps({"meta": {}, "files": {"src/a.ts": {"executed_lines": [-1]}}}),
        json.dumps({"meta": {}, "files": {"src/a.ts": {"executed_lines": [1]}}, "totals": {"num_statements": 2}}),
        COBERTURA.replace('lines-valid="2"', 'lines-valid="3"'), COBERTURA.replace("(1/2)", "(3/2)"),
        COBERTURA.replace('hits="1"', 'hits="-1"'), JACOCO.replace('ci="2"', 'ci="0"'),
        b"\xff\xfe<\x00", b"TN:\nSF:\xff\nend_of_record\n",
    ],
)  # fmt: skip
def test_what_is_no_report_or_contradicts_itself_is_refused_with_a_reason(content: str | bytes, root: Path) -> None:
    assert why(content, root)


ENTITY = "<!DOCTYPE coverage [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]>"
OUTSIDE = "<!DOCTYPE coverage [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
PARAMETER = "<!DOCTYPE coverage [<!ENTITY % a SYSTEM 'http://example.com/a.dtd'>%a;]>"


@pytest.mark.parametrize("definitions", [ENTITY, OUTSIDE, PARAMETER, "<!DOCTYPE coverage [<!ELEMENT coverage ANY>]>"])
def test_xml_that_defines_anything_is_refused(definitions: str, root: Path) -> None:
    start = COBERTURA.index("<!DOCTYPE")
    content = COBERTURA[:start] + definitions + COBERTURA[COBERTURA.index(">", start) + 1 :]
    assert "entities" in why(content, root)
    assert "entities" in why(COBERTURA.replace("<source>src", "<source>&undefined;"), root)


@pytest.mark.parametrize(
    "name",
    ["src/a.ts", "./src/../src/a.ts", "src\\a.ts", "{root}/src/a.ts", "file://{root}/src/a.ts", "{link}/src/a.ts"],
)
def test_a_file_is_found_however_it_is_spelt(name: str, root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    spelt = name.format(root=root, link=tmp_path / "link")
    seen = read(f"SF:{spelt}\nDA:1,1\nend_of_record\n".encode(), root=str(tmp_path / "link"))
    assert [file.path for file in seen.files] == ["src/a.ts"]


@pytest.mark.parametrize(
    "name",
    ["../other.ts", "{root}/../other.ts", "out/other.ts", "/etc/passwd", "C:\\src\\a.ts", "src", "a" * 9999, "\0"],
)
def test_a_file_elsewhere_is_left_out_and_counted(name: str, root: Path) -> None:
    (root.parent / "other.ts").write_text(SOURCE)
    (root / "out").symlink_to(root.parent)
    content = f"SF:{name.format(root=root)}\nDA:1,1\nend_of_record\nSF:src/a.ts\nDA:1,1\nend_of_record\n"
    seen = read(content.encode(), root=str(root))
    assert [file.path for file in seen.files] == ["src/a.ts"] and len(seen.outside) == 1


def test_a_suite_in_a_folder_sees_files_beside_it_when_the_project_is_wider(root: Path) -> None:
    content = b"SF:../src/a.ts\nDA:1,1\nend_of_record\n"
    seen = read(content, root=str(root / "one"), within=str(root))
    assert [file.path for file in seen.files] == ["../src/a.ts"]


def test_a_java_file_of_several_modules_is_that_of_its_group_or_nobody_knows_which(root: Path) -> None:
    assert [file.path for file in read(JACOCO.encode(), root=str(root)).files] == ["one/src/shop/A.java"]
    assert "none of them" in why(JACOCO.replace('group name="one"', 'group name="three"'), root)


def test_statements_in_one_place_are_counted_as_often_as_the_tool_does(root: Path) -> None:
    seen = read(json.dumps({"src/a.ts": FINAL}).encode(), root=str(root))
    assert seen.total("statements").counts == Counts(1, 2) and seen.total("lines").counts == Counts(1, 1)
    assert seen.total("branches").counts == Counts(1, 2) and seen.total("functions").counts == Counts(0, 0)
    assert (seen.files[0].executed, seen.files[0].missing) == ((), (1,))


def test_lcov_in_its_new_words_says_the_same(root: Path) -> None:
    old = "SF:src/a.ts\nFN:1,f\nFN:5,9,g\nFNDA:2,f\nFNDA:0,g\nDA:1,1\nend_of_record\n"
    new = "SF:src/a.ts\nFNL:0,1\nFNA:0,2,f\nFNL:1,5,9\nFNA:1,0,g\nFNA:1,0,h<int, int>\nDA:1,1\nend_of_record\n"
    for content in (old, new):
        assert read(content.encode(), root=str(root)).total("functions").counts == Counts(1, 2)


def test_a_file_in_several_records_of_lcov_is_their_union(root: Path) -> None:
    content = "TN:a\nSF:src/a.ts\nDA:1,1\nDA:2,0\nend_of_record\nTN:b\nSF:src/a.ts\nDA:2,4\nDA:3,0\nend_of_record\n"
    assert read(content.encode(), root=str(root)).total("lines").counts == Counts(2, 3)


def test_lcov_of_lines_that_are_not_those_of_the_source_is_refused(root: Path) -> None:
    (root / "src/a.ts").write_text("now\n")
    assert "another one" in why("SF:src/a.ts\nDA:1,1,e2164516f7fe10722ab7052dfe60e6ee\nend_of_record\n", root)
    assert read(b"SF:src/a.ts\nDA:1,1,other-digest\nend_of_record\n", root=str(root)).files


# --- the reports that a run left --------------------------------------------------------------------------------------


def measured(root: Path, *names: str, began: float = 0) -> reports.Measured:
    return reports.measured([str(root / name) for name in names], root=str(root), began=began)


def test_reports_of_one_run_are_merged_and_kept(root: Path) -> None:
    (root / "a.info").write_text(SAMPLES["lcov"])
    (root / "b.out").write_text(SAMPLES["Go cover profile"])
    seen = measured(root, "b.out", "a.info")
    assert seen.coverage is not None and seen.coverage.tool == "go cover + lcov"
    assert [file.path for file in seen.coverage.files] == ["a.go", "src/a.ts"]
    assert [artifact.name for artifact in seen.reports] == ["coverage-1.info", "coverage-2.out"]


def test_a_report_that_is_absent_old_empty_or_no_file_is_unknown(root: Path) -> None:
    (root / "old.info").write_text(SAMPLES["lcov"])
    os.utime(root / "old.info", (1, 1))
    (root / "empty.info").write_text("")
    os.mkfifo(root / "pipe.info")
    now = time.time()
    assert measured(root).why_not == "the run left no coverage report"
    for name, reason in (("old", "older than the run"), ("empty", "empty"), ("pipe", "no regular"), ("no", "No such")):
        seen = measured(root, f"{name}.info", began=now)
        assert seen.coverage is None and seen.why_not.startswith(f"{name}.info: ") and reason in seen.why_not


def test_one_unreadable_report_among_good_ones_makes_the_whole_unknown(root: Path) -> None:
    (root / "a.info").write_text(SAMPLES["lcov"])
    (root / "b.info").write_text("SF:src/a.ts\n")
    seen = measured(root, "a.info", "b.info")
    assert seen.coverage is None and seen.why_not.startswith("b.info: the tracefile was cut")
