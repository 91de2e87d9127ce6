"""Writes what a check showed for machines: JUnit and SARIF files, each replaced whole."""

from __future__ import annotations

import os

import msgspec

from phasegate.engine.advance import observe
from phasegate.engine.checks import RUN_ARTIFACT
from phasegate.evidence.findings import FindingsSeen
from phasegate.evidence.items import TestsSeen
from phasegate.evidence.tests import TestRun
from phasegate.gates.found import weigh
from phasegate.gates.interface import Verdict
from phasegate.ledger.state import State
from phasegate.report.sarif import sarif as as_sarif
from phasegate.wiring import VERSION, RealDesk
from phasegate.workspace import files


def write(opened: RealDesk, verdicts: tuple[Verdict, ...], *, junit: str | None, sarif: str | None) -> None:
    """Write the files that are asked for: `verdicts`, and what is recorded about the tree as it is."""
    if junit is None and sarif is None:
        return
    state, seen = observe(opened, opened.state())
    run = _run(opened, state, seen.subject)
    if junit is not None:
        from phasegate.report.junit import junit as as_junit

        put(junit, as_junit(run, verdicts).encode())
    if sarif is not None:
        scans = _scans(state, seen.subject)
        found = [finding for scan in scans for finding in scan.findings]
        put(sarif, as_sarif(VERSION, found, run, verdicts, _let_be(state, scans, opened.today())))


def _run(opened: RealDesk, state: State, subject: str) -> TestRun | None:
    """The newest test run on the tree, with every test of it."""
    found = state.newest(TestsSeen, subject=subject)
    kept = [artifact for artifact in found.artifacts if artifact.name == RUN_ARTIFACT] if found is not None else []
    return msgspec.json.decode(opened.kept(kept[0]), type=TestRun) if kept else None


def _scans(state: State, subject: str) -> list[FindingsSeen]:
    """The newest scan of each kind of the tree."""
    newest = {
        e.seen.scanner: e.seen
        for e in state.evidence.values()
        if isinstance(e.seen, FindingsSeen) and e.speaks_for(subject)
    }
    return list(newest.values())


def _let_be(state: State, scans: list[FindingsSeen], today: str) -> dict[str, str]:
    """Why a finding shuts no gate, by its fingerprint."""
    why: dict[str, str] = {}
    for scan in scans:
        weighed = weigh(state, scan, today)
        why |= {each.fingerprint: "it was there before" for each in weighed.known}
        why |= {each.fingerprint: f"it is below {scan.least}" for each in weighed.slight}
        why |= {each.fingerprint: f"{waiver.id} of {waiver.owner}: {waiver.reason}" for each, waiver in weighed.waived}
    return why


def put(path: str, content: bytes) -> None:
    """Write a file that a person named, whole; folders that are missing are made."""
    folder, name = os.path.split(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as problem:
        raise files.NotWritable(f"{folder} cannot be made: {problem.strerror}.", hint="Name another file.") from problem
    files.write_atomic(folder, name, content)
