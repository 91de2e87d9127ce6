"""What a check showed as JUnit XML: each test of the run, and each gate as a test of its own, for CI to display."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from phasegate.evidence.tests import TestResult, TestRun
from phasegate.gates.interface import Verdict
from phasegate.plain import paragraph

ELEMENTS = {"failed": "failure", "error": "error", "skipped": "skipped", "xfailed": "skipped", "xpassed": "skipped"}


def junit(run: TestRun | None, verdicts: Iterable[Verdict]) -> str:
    """A `testsuites` document; a gate that cannot tell is an error, since unknown never passes."""
    gates = [_gate(verdict) for verdict in verdicts]
    results = run.results if run is not None else ()
    suites = [_suite("phasegate", gates), _suite(run.runner if run is not None else "tests", map(_test, results))]
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{"".join(suites)}</testsuites>\n'


def _suite(name: str, cases: Iterable[tuple[str, str]]) -> str:
    told = list(cases)
    counts = {kind: sum(found == kind for found, _ in told) for kind in ("failure", "error", "skipped")}
    numbers = (
        f'tests="{len(told)}" failures="{counts["failure"]}" errors="{counts["error"]}" skipped="{counts["skipped"]}"'
    )
    return f"<testsuite name={quoteattr(_safe(name))} {numbers}>\n{''.join(case for _, case in told)}</testsuite>\n"


def _test(result: TestResult) -> tuple[str, str]:
    file, _, name = result.id.rpartition("::")
    place = f"classname={quoteattr(_safe(file))} name={quoteattr(_safe(name))} file={quoteattr(_safe(result.file))}"
    return _case(f'{place} time="{result.seconds:.3f}"', ELEMENTS.get(result.outcome, ""), result.message)


def _gate(verdict: Verdict) -> tuple[str, str]:
    element = {"pass": "", "fail": "failure", "unknown": "error"}[verdict.says]
    said = "\n".join((*verdict.reasons, verdict.remedy))
    return _case(f'classname="phasegate.gate" name={quoteattr(_safe(verdict.gate))}', element, said)


def _case(attributes: str, element: str, message: str) -> tuple[str, str]:
    if not element:
        return "", f"  <testcase {attributes}/>\n"
    shown = _safe(message)
    first = quoteattr(shown.partition("\n")[0])
    return element, f"  <testcase {attributes}><{element} message={first}>{escape(shown)}</{element}></testcase>\n"


def _safe(text: str) -> str:
    """Text that XML 1.0 (section 2.2) can hold: no control characters, no lone surrogates, no U+FFFE or U+FFFF."""
    shown = paragraph(text, 20_000).encode("utf-8", "replace").decode()
    return shown.replace("\ufffe", "?").replace("\uffff", "?")
