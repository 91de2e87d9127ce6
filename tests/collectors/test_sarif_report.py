"""A SARIF file is read as its format means it, and none lets a finding disappear."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from phasegate.collectors.sarif_report import read
from phasegate.collectors.scanners.interface import Looked, ToolSaysNothing
from phasegate.evidence.findings import Finding
from phasegate.report.sarif import sarif

HERE = {"uri": "src/a.py"}


def log(*runs: dict[str, Any], version: str = "2.1.0") -> bytes:
    return json.dumps({"version": version, "runs": list(runs)}).encode()


def run(*results: dict[str, Any], rules: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {"tool": {"driver": {"name": "t", "rules": rules or []}}, "results": list(results), **more}


def result(at: dict[str, Any] = HERE, **more: Any) -> dict[str, Any]:
    place = {"physicalLocation": {"artifactLocation": at, "region": {"startLine": 3, "startColumn": 2}}}
    return {"ruleId": "r", "message": {"text": "said"}, "locations": [place], **more}


def looked(*runs: dict[str, Any], root: str = "/repo") -> Looked:
    return read(log(*runs), root=root)


def one(*runs: dict[str, Any]) -> Finding:
    [finding] = looked(*runs).findings
    return finding


def test_a_finding_has_rule_place_words_and_tool() -> None:
    assert one(run(result())) == Finding("r", "src/a.py", 3, "said", "", "t", "medium", 2)


@pytest.mark.parametrize(
    ("more", "rule", "severity"),
    [
        ({"level": "error"}, {}, "high"),
        ({"level": "note"}, {}, "low"),
        ({"level": "none"}, {}, "info"),
        ({"level": "strange"}, {}, "unknown"),
        ({}, {"defaultConfiguration": {"level": "error"}}, "high"),
        ({}, {"defaultConfiguration": {"level": "note"}}, "low"),
        ({"level": "warning"}, {"properties": {"security-severity": "9.8"}}, "critical"),
        ({"level": "warning"}, {"properties": {"security-severity": "3.0"}}, "low"),
        ({"level": "warning"}, {"properties": {"security-severity": "often"}}, "medium"),
        ({"kind": "review"}, {"defaultConfiguration": {"level": "note"}}, "medium"),
    ],
)
def test_severity_is_of_the_rules_score_else_of_the_level(
    more: dict[str, Any], rule: dict[str, Any], severity: str
) -> None:
    assert one(run(result(**more), rules=[{"id": "r", **rule}])).severity == severity


def test_a_rule_is_found_by_id_by_index_in_an_extension_and_by_its_parent() -> None:
    note = {"defaultConfiguration": {"level": "note"}, "shortDescription": {"text": "about"}}
    nameless = {"ruleId": None, "message": {"text": ""}}
    by_index = {key: value for key, value in result().items() if key not in ("ruleId", "message")}
    assert one(run({**by_index, "ruleIndex": 1, "message": {}}, rules=[{"id": "x"}, {"id": "y", **note}])).rule == "y"
    assert one(run(result(ruleId="y/part"), rules=[{"id": "y", **note}])).severity == "low"
    tool = {"driver": {"name": "t"}, "extensions": [{"name": "e", "rules": [{"id": "z", **note}]}]}
    by_part = {**by_index, "rule": {"index": 0, "toolComponent": {"index": 0}}, "message": {}}
    found = one({"tool": tool, "results": [by_part]})
    assert (found.rule, found.severity, found.message) == ("z", "low", "about")
    assert nameless


def test_words_come_from_the_rule_where_the_result_names_them() -> None:
    rule = {"id": "r", "messageStrings": {"default": {"text": "{0} calls {1}"}}}
    said = {"id": "default", "arguments": ["a", "b\u202e\x1b[31m"]}
    assert one(run(result(message=said), rules=[rule])).message == "a calls b"


@pytest.mark.parametrize("kind", ["pass", "notApplicable", "informational"])
def test_what_is_no_problem_is_no_finding(kind: str) -> None:
    assert not looked(run(result(kind=kind), result(baselineState="absent"))).findings


@pytest.mark.parametrize(
    "hush",
    [
        {"suppressions": [{"kind": "inSource", "justification": "fine"}]},
        {"suppressions": [{"kind": "external", "status": "accepted"}]},
        {"baselineState": "unchanged"},
    ],
)
def test_nothing_in_the_file_silences_a_finding(hush: dict[str, Any]) -> None:
    found = one(run(result(**hush)))
    assert bool(found.suppressed) == ("suppressions" in hush)


@pytest.mark.parametrize(
    ("place", "more", "path"),
    [
        ({"uri": "src/a%20b.py"}, {}, "src/a b.py"),
        ({"uri": "./src/../src/a.py"}, {}, "src/a.py"),
        ({"uri": "src\\a.py"}, {}, "src/a.py"),
        ({"uri": "file:///repo/src/a.py"}, {}, "src/a.py"),
        ({"uri": "file://localhost/repo/src/a.py"}, {}, "src/a.py"),
        ({"uri": "/repo/src/a.py"}, {}, "src/a.py"),
        ({"uri": "a.py", "uriBaseId": "S"}, {"originalUriBaseIds": {"S": {"uri": "file:///repo/src/"}}}, "src/a.py"),
        (
            {"uri": "a.py", "uriBaseId": "S"},
            {"originalUriBaseIds": {"S": {"uri": "src/", "uriBaseId": "R"}, "R": {"uri": "file:///repo"}}},
            "src/a.py",
        ),
        ({"uri": "src/a.py", "uriBaseId": "R"}, {"originalUriBaseIds": {"R": {"uri": "file:///ci/work/"}}}, "src/a.py"),
        ({"index": 0}, {"artifacts": [{"location": {"uri": "src/a.py"}}]}, "src/a.py"),
        ({"uri": "src/a.py", "uriBaseId": "%SRCROOT%"}, {}, "src/a.py"),
        ({"uri": "file:///etc/passwd"}, {}, "file:///etc/passwd"),
        ({"uri": "..%2f..%2fetc/passwd"}, {}, "..%2f..%2fetc/passwd"),
        ({"uri": "https://example.com/a.py"}, {}, "https://example.com/a.py"),
        ({"uri": "http://["}, {}, "http://["),
        ({}, {}, ""),
        ({"uri": "a", "uriBaseId": "S"}, {"originalUriBaseIds": {"S": {"uri": "b/", "uriBaseId": "S"}}}, None),
    ],
)
def test_a_uri_becomes_a_path_in_the_repository_or_stays_as_it_is(
    place: dict[str, Any], more: dict[str, Any], path: str | None
) -> None:
    found = one(run(result(at=place), **more))
    assert path is None or found.path == path


@pytest.mark.parametrize(
    "more",
    [
        {"invocations": [{"executionSuccessful": False}]},
        {"invocations": [{}]},
        {"invocations": [{"executionSuccessful": True, "toolExecutionNotifications": [{"level": "error"}]}]},
        {
            "invocations": [
                {
                    "executionSuccessful": True,
                    "toolConfigurationNotifications": [{"level": "error", "message": {"text": "no rules"}}],
                }
            ]
        },
        {"results": None},
        {"externalPropertyFileReferences": {"results": [{"location": {"uri": "other"}}]}},
    ],
)
def test_a_tool_that_did_not_end_well_leaves_open_what_else_there_is(more: dict[str, Any]) -> None:
    assert looked({**run(), **more}).why_unknown and looked(run(result()), {**run(), **more}).findings
    fine = {"invocations": [{"executionSuccessful": True, "toolExecutionNotifications": [{"message": {"text": "x"}}]}]}
    assert not looked(run(**fine)).why_unknown


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"\xff\xfe{", b"{}", log(), log(run(), version="2.0.0"), b'{"version":"2.1.0","runs":null}',
        b'{"version":"2.1.0","runs":[{"results":[]}]}', log(run({"locations": 3})), b"[" * 100_000,
        b'{"version":"2.1.0","runs":[' + b'{"a":' * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_report_of_a_run_says_nothing(content: bytes) -> None:
    with pytest.raises(ToolSaysNothing) as failure:
        read(content, root="/repo")
    assert failure.value.message


def test_a_byte_order_mark_is_no_reason_to_refuse_and_our_own_files_are_read_back(tmp_path: Path) -> None:
    assert len(read(b"\xef\xbb\xbf" + log(run(result())), root="/repo").findings) == 1
    ours = Finding("S1", "a b.py", 3, "said", "f" * 16, "phasegate", "high", 4)
    [back] = read(sarif("1", [ours], None, []), root=str(tmp_path)).findings
    assert (back.rule, back.path, back.line, back.column, back.message) == ("S1", "a b.py", 3, 4, "said")


WORKFLOW = """on: pull_request_target
jobs:
  greet:
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ github.event.pull_request.title }}"
"""


def test_a_real_scanner_of_other_languages_is_read(tmp_path: Path) -> None:
    """zizmor, which looks at workflows and says how bad it is by level and rule."""
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/ci.yml").write_text(WORKFLOW)
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    command = (zizmor, "--offline", "--quiet", "--format", "sarif", ".")
    written = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=100).stdout
    looked = read(written, root=str(tmp_path))
    assert not looked.why_unknown and looked.tools[0].startswith("zizmor ")
    found = {each.rule: each for each in looked.findings}["zizmor/template-injection"]
    assert (found.path, found.line, found.severity) == (".github/workflows/ci.yml", 6, "high")
