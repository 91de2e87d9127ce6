"""Whatever a repository, a tool or a database wrote is read or refused with a reason, and half of it is no whole."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.collectors import sarif_report
from phasegate.collectors.scanners import bandit, govulncheck, npm_audit, pip_audit, ruff
from phasegate.collectors.scanners.interface import ToolSaysNothing
from phasegate.dependencies import osv
from phasegate.dependencies.go_modules import go_mod
from phasegate.dependencies.holes import audited
from phasegate.dependencies.licences import as_spdx, judged, of_text
from phasegate.dependencies.locks import READERS
from phasegate.dependencies.osv import NoRecord
from phasegate.dependencies.packages import ECOSYSTEMS, LARGEST, Locked, NoLock, Package, locked
from phasegate.dependencies.python_locks import requirements

sys.path.insert(0, str(Path(__file__).parents[1] / "collectors"))

from test_audits import HOLE
from test_govulncheck import WRITTEN

EXAMPLES = 20_000 if os.environ.get("PHASEGATE_TIER") == "release" else 60
pytestmark = pytest.mark.timeout(1800)
LOCKS = [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "dependencies/data").glob("*/*"))]
GO = b"module m\ngo 1.16\ntoolchain go1.22.3\nrequire (\n\ta.b/c v1.0.0\n)\nreplace a.b/c => ./c\n"
PLACE = {"physicalLocation": {"artifactLocation": {"uri": "a%20b.py", "uriBaseId": "S"}, "region": {"startLine": 3}}}
SARIF = json.dumps(
    {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "t", "rules": [{"id": "r", "properties": {"security-severity": "9"}}]}},
                "originalUriBaseIds": {"S": {"uri": "file:///repo/"}},
                "results": [{"ruleId": "r", "message": {"text": "x"}, "locations": [PLACE], "suppressions": [{}]}],
                "invocations": [{"executionSuccessful": True}],
            }
        ],
    }
).encode()
RUFF = b'[{"code": "S307", "filename": "/x/a.py", "message": "m", "location": {"row": 1, "column": 2}}]'
BANDIT = (
    b'{"errors": [{"filename": "b", "reason": "r"}], "metrics": {}, "results": [{"filename": "a", "test_id": "B1",'
    b'"issue_text": "m", "issue_severity": "LOW", "line_number": 1}]}'
)
PIP = (
    b'{"dependencies": [{"name": "a", "version": "1", "vulns": '
    b'[{"id": "X", "fix_versions": ["2"], "aliases": ["Y"]}]}]}'
)
NPM = (
    b'{"auditReportVersion": 2, "vulnerabilities": {"a": {"name": "a", "via": ["b", {"source": 1, "name": "a", '
    b'"title": "t", "url": "u", "severity": "low", "range": "<1"}]}}}'
)
INTRUDERS = (
    b"\xff\xfe", b"\x00", b"\xed\xa0\x80", b'"\\ud800"', b"1e999", b"-1", b"9" * 5000, b"NaN", b"null", b"[" * 5000,
    b'{"a":' * 5000, b"&a ", b"*a ", b"!!python/object:os.system ", b"<<: ", b"---\n", b"...\n", b"\t", b"\r\n", b"'",
    b'"', b"..", b"%2e%2e", b"\xe2\x80\xae", b"\x1b[31m", b"a." * 300, b"(" * 500, b"[[package]]\n", b"{}", b"[]",
    b"1.0rc1",
    b" AND ", b"@", b"npm:", b"workspace:", b"=>", b"v1.0.0", b"# ", b"\\\n", b"==", b"===", b",", b"}",
)  # fmt: skip
Change = tuple[int, int, bytes]


def spoilt(data: bytes, changes: list[Change]) -> bytes:
    """`data` with pieces taken out and others put in."""
    for at, length, piece in changes:
        at %= len(data) + 1
        data = data[:at] + piece + data[at + length :]
    return data


CHANGES = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 30), st.sampled_from(INTRUDERS)), max_size=4)


def is_sound(read: Locked) -> None:
    assert all(package.name and package.version and package.ecosystem in ECOSYSTEMS for package in read.packages)
    repr(read).encode()


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from([*LOCKS, GO, b"", b"x"]), CHANGES)
@pytest.mark.parametrize("reader", [*dict.fromkeys(READERS.values()), requirements], ids=lambda each: each.__name__)
def test_lock_files(reader: Callable[[bytes], Locked], data: bytes, changes: list[Change]) -> None:
    try:
        is_sound(reader(spoilt(data, changes)))
    except NoLock as refused:
        assert str(refused)


@settings(max_examples=EXAMPLES, deadline=None)
@given(CHANGES)
def test_go_sums(changes: list[Change]) -> None:
    try:
        is_sound(go_mod(GO, spoilt(b"a.b/c v1.0.0 h1:x=\nd.e/f v1.2.0 h1:x=\n", changes)))
    except NoLock as refused:
        assert str(refused)


@settings(max_examples=EXAMPLES, deadline=None)
@given(CHANGES, st.sampled_from(("1.0", "1.2.0-rc.1", "x", "9" * 400)))
def test_advisories(changes: list[Change], version: str) -> None:
    try:
        record = osv.read(spoilt(json.dumps(HOLE).encode(), changes))
    except NoRecord as refused:
        assert str(refused)
        return
    for ecosystem, name, advisory in osv.advisories(record):
        audited([Package(ecosystem, name, version)], lambda _, advisory=advisory: [advisory])  # type: ignore[misc]


REPORTS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "sarif": (SARIF, lambda data: sarif_report.read(data, root="/repo")),
    "ruff": (RUFF, lambda data: list(ruff._findings(data, "/repo"))),
    "bandit": (BANDIT, lambda data: list(map(bandit._finding, bandit._read(data).results))),
    "pip-audit": (PIP, lambda data: pip_audit.read(data, "uv.lock", [Package("PyPI", "a", "1")])),
    "npm audit": (NPM, lambda data: npm_audit.read(data, "package-lock.json", locked([]))),
    "govulncheck": (WRITTEN.read_bytes(), lambda data: govulncheck.read(data, "go.mod")),
}


@settings(max_examples=EXAMPLES, deadline=None)
@given(changes=CHANGES)
@pytest.mark.parametrize("name", REPORTS)
def test_reports_of_tools(name: str, changes: list[Change]) -> None:
    data, read = REPORTS[name]
    try:
        repr(read(spoilt(data, changes))).encode("utf-8", "surrogatepass")
    except ToolSaysNothing as refused:
        assert refused.message


@pytest.mark.parametrize("name", [each for each in REPORTS if each != "govulncheck"])
def test_half_a_report_is_none(name: str) -> None:
    data, read = REPORTS[name]
    for end in range(0, len(data.rstrip()), 7):
        with pytest.raises(ToolSaysNothing):
            read(data[:end])


@settings(max_examples=EXAMPLES, deadline=None)
@given(CHANGES)
def test_licences(changes: list[Change]) -> None:
    for data in (b"MIT OR (Apache-2.0 AND GPL-2.0-only WITH Classpath-exception-2.0)", b"Permission is hereby granted"):
        text = spoilt(data, changes).decode(errors="replace")
        assert judged(text, ("MIT",), ("GPL-2.0-only",)).says in ("allowed", "denied", "not allowed", "unknown")
        as_spdx(text)
        of_text(text)


def test_nothing_larger_than_its_limit_is_read() -> None:
    assert LARGEST < 1 << 30 and osv.LARGEST < LARGEST
