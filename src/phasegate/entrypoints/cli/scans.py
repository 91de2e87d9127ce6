"""What a scan found, told one by one: what is new with the fingerprint to waive it by, and how much was let be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from phasegate.entrypoints.cli import output
from phasegate.evidence.findings import Finding
from phasegate.gates.found import newest_scan, weigh
from phasegate.ledger.state import State
from phasegate.plain import line

MOST = 50
"""Findings shown on a terminal."""


def tell(state: State, scanner: str, subject: str, today: str) -> None:
    """The new findings of the newest scan, the worst first, and what is known of those let be."""
    found = newest_scan(state, scanner, subject)
    if found is None:
        return
    weighed = weigh(state, found[1], today)
    for finding in weighed.new[:MOST]:
        output.say(_line(finding))
    if len(weighed.new) > MOST:
        output.say(f"  and {len(weighed.new) - MOST} more; `--json` has all of them")
    for finding, waiver in weighed.waived:
        until = f" until {waiver.until}" if waiver.until else ""
        output.say(f"  waived{until} ({waiver.id}): {line(finding.place)} {line(finding.message, 100)}")
    for note in found[1].notes:
        output.say(f"  {line(note, 400)}")
    if found[1].tools:
        output.say(f"  looked: {line(', '.join(found[1].tools), 300)}")


def _line(finding: Finding) -> str:
    said = f"{line(finding.rule, 80)} {line(finding.place)} {line(finding.message, 300)}"
    return f"  {finding.severity} {said}{_hush(finding)} [{finding.fingerprint}]"


def _hush(finding: Finding) -> str:
    return f" (silenced by {line(finding.suppressed, 80)})" if finding.suppressed else ""


def as_builtins(state: State, scanner: str, subject: str, today: str) -> dict[str, Any] | None:
    """The newest scan with what becomes of each finding."""
    found = newest_scan(state, scanner, subject)
    if found is None:
        return None
    weighed = weigh(state, found[1], today)
    seen = msgspec.to_builtins(found[1])
    groups = {"new": weighed.new, "known": weighed.known, "slight": weighed.slight}
    becomes = [{"becomes": word, **_whole(each)} for word, group in groups.items() for each in group]
    becomes += [{"becomes": "waived", "waiver": waiver.id, **_whole(each)} for each, waiver in weighed.waived]
    return {**seen, "evidence": found[0].id, "findings": becomes}


def _whole(finding: Finding) -> dict[str, Any]:
    """With its empty fields, which the ledger leaves out."""
    return {name: getattr(finding, name) for name in finding.__struct_fields__}


def of(state: State, asked: tuple[str, ...], subject: str, today: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every scan that was asked about."""
    for name in asked:
        scan = as_builtins(state, name, subject, today)
        if scan is not None:
            yield name, scan
