"""What a check showed as SARIF 2.1.0: findings with their places, red tests, and the gates that did not pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from phasegate.evidence.findings import Finding
from phasegate.evidence.tests import TestResult, TestRun
from phasegate.gates.interface import Verdict
from phasegate.plain import paragraph

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"fail": "error", "unknown": "warning"}
BY_SEVERITY = {
    "unknown": "error", "critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note",
}  # fmt: skip


def sarif(
    version: str,
    findings: Iterable[Finding],
    run: TestRun | None,
    verdicts: Iterable[Verdict],
    let_be: Mapping[str, str] | None = None,
) -> bytes:
    """One SARIF log with one run of phasegate `version`; `let_be` says why, of the fingerprints that shut no gate."""
    red = [result for result in run.results if result.is_red] if run is not None else []
    results = [
        *(_finding(each, (let_be or {}).get(each.fingerprint)) for each in findings),
        *map(_red, red),
        *_gates(verdicts),
    ]
    rules = [{"id": rule} for rule in sorted({result["ruleId"] for result in results})]
    tool = {"driver": {"name": "phasegate", "version": version, "rules": rules}}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": tool, "results": results, "columnKind": "utf16CodeUnits"}],
    }
    return msgspec.json.format(msgspec.json.encode(log), indent=2) + b"\n"


def _finding(finding: Finding, let_be: str | None) -> dict[str, Any]:
    result = _result(finding.rule, BY_SEVERITY[finding.severity], finding.message, finding.path, finding.line)
    if finding.column > 0:
        result["locations"][0]["physicalLocation"]["region"]["startColumn"] = finding.column
    if let_be is not None:
        result["suppressions"] = [{"kind": "external", "justification": _safe(let_be)}]
    about = {"tool": finding.tool, "severity": finding.severity, "package": finding.package}
    ids = [_safe(id) for id in (finding.advisory, *finding.aliases) if id]
    return {
        **result,
        "partialFingerprints": {"phasegate/v1": _safe(finding.fingerprint)},
        "properties": {name: _safe(said) for name, said in about.items() if said}
        | ({"advisories": ids} if ids else {}),
    }


def _red(result: TestResult) -> dict[str, Any]:
    return _result("red-test", "error", f"{result.id}: {result.message or result.outcome}", result.file, result.line)


def _gates(verdicts: Iterable[Verdict]) -> Iterator[dict[str, Any]]:
    for verdict in verdicts:
        if verdict.says in LEVELS:
            said = "; ".join((*verdict.reasons, verdict.remedy))
            yield _result(f"gate/{verdict.gate}", LEVELS[verdict.says], said, "phasegate.toml", 1)


def _result(rule: str, level: str, text: str, path: str, line: int) -> dict[str, Any]:
    place = {
        "artifactLocation": {"uri": quote(path or "phasegate.toml", errors="replace"), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": max(1, line)},
    }
    rule = _safe(rule) or "finding"
    message = _safe(text) or rule
    return {"ruleId": rule, "level": level, "message": {"text": message}, "locations": [{"physicalLocation": place}]}


def _safe(text: str) -> str:
    """Text that JSON in UTF-8 can hold, without characters that steer a terminal."""
    return paragraph(text, 4000).encode("utf-8", "replace").decode()
