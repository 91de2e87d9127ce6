"""How bad each of the security rules is that ruff and bandit share: `S` and `B` with the same number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from phasegate.collectors.scanners.interface import Looked
from phasegate.evidence.findings import Finding, Severity

HIGH = "201 202 304 312 321 324 401 402 411 412 413 415 501 502 505 507 602 605 609 613 701"
LOW = "101 105 106 107 110 112 311 403 404 405 406 407 408 409 410 504 603 606 607"
SEVERITIES: Mapping[str, Severity] = {
    **dict.fromkeys(HIGH.split(), "high"),
    **dict.fromkeys(LOW.split(), "low"),
}
"""As bandit grades them; the rest is `medium`."""

FINE_IN_TESTS = frozenset({"S101", "B101"})
"""An assertion is what a test is made of."""


def severity_of(rule: str) -> Severity:
    """How bad what a rule finds is."""
    return SEVERITIES.get(rule[1:], "medium")


def suppressed(found: Sequence[Finding], told: Sequence[Finding], how: str) -> tuple[Finding, ...]:
    """`found`, where what the program is silent about when it obeys comments (it `told` the rest) says `how`."""
    loud = {(each.rule, each.path, each.line, each.column) for each in told}
    return tuple(
        each if (each.rule, each.path, each.line, each.column) in loud else replace(each, suppressed=how)
        for each in found
    )


def without_doubles(looked: Looked) -> Looked:
    """Less what bandit finds on a line where ruff found the same."""
    by_ruff = {(each.rule[1:], each.path, each.line) for each in looked.findings if each.tool == "ruff"}
    kept = [e for e in looked.findings if e.tool != "bandit" or (e.rule[1:], e.path, e.line) not in by_ruff]
    return replace(looked, findings=tuple(kept))
