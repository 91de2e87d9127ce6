"""Failing tests and shut gates become uncertainties by themselves, and are settled by what proves them gone."""

from __future__ import annotations

from collections.abc import Iterable

from phasegate.engine.desk import Desk
from phasegate.evidence.items import Evidence, RedTest, TestsSeen
from phasegate.gates.catalog import CATALOG, ask
from phasegate.gates.interface import Moment, Verdict
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import NoteAdded, NoteResolved
from phasegate.rules.rule import LEAD

MOST_TESTS = 20
"""Failing tests that get a note of their own; the rest share the gate's."""

NO_DOUBT = ("notes_settled", "tasks_evidenced", "kind_gates", "approved")
"""Gates that, shut, leave nothing uncertain: other notes say why, or a link is missing that doublecheck asks for."""

TEST_GATES = ("no_new_red", "red_first", "same_tests", "tests_ran")


def raised(desk: Desk, moment: Moment, verdicts: Iterable[Verdict]) -> list[Fact]:
    """Notes for what keeps the gates shut and is not noted yet."""
    known = {note.about for note in moment.state.open_notes(moment.run.phase)}
    shut = [verdict for verdict in verdicts if not verdict.passes and verdict.gate not in NO_DOUBT]
    facts: list[Fact] = []
    tests = moment.tests(moment.subject)
    red = [test for test in tests[1].red if test.id in tests[1].newly_red or test.id in tests[1].new] if tests else []
    if any(verdict.gate in TEST_GATES for verdict in shut):
        facts += [_of_test(desk, moment, test) for test in red[:MOST_TESTS] if f"test:{test.id}" not in known]
    for verdict in shut:
        about = f"gate:{verdict.gate}"
        if about not in known and not (red and verdict.gate in TEST_GATES):
            facts.append(_of_gate(desk, moment, verdict))
    return facts


def settled(moment: Moment) -> list[Fact]:
    """Resolutions of notes about gates that are open now."""
    facts: list[Fact] = []
    for note in moment.state.open_notes(moment.run.phase):
        gate = note.about.removeprefix("gate:")
        if note.about.startswith("gate:") and (gate in CATALOG or gate.startswith(LEAD)):
            (verdict,) = ask((gate,), moment)
            if verdict.passes:
                facts.append(NoteResolved(note.id, "; ".join(verdict.reasons), verdict.evidence))
    return facts


def settled_by(evidence: Evidence, moment_notes: Iterable[tuple[str, str]]) -> list[Fact]:
    """Resolutions of notes (id, about) about tests that this complete run shows green."""
    seen = evidence.seen
    if not isinstance(seen, TestsSeen) or not seen.complete:
        return []
    red = {test.id for test in seen.red} | set(seen.gone)
    return [
        NoteResolved(id, "the test passes", (evidence.id,))
        for id, about in moment_notes
        if about.startswith("test:") and about.removeprefix("test:") not in red
    ]


def _of_test(desk: Desk, moment: Moment, test: RedTest) -> NoteAdded:
    file = test.file or test.id.partition("::")[0]
    return NoteAdded(
        desk.new_id("note"), moment.run.id, moment.run.phase, "uncertainty", "major",
        f"{test.id} fails: {test.message or test.cause}", file=file, line=test.line,
        remedy="Mend the code, then run `phasegate check tests`.", about=f"test:{test.id}",
    )  # fmt: skip


def _of_gate(desk: Desk, moment: Moment, verdict: Verdict) -> NoteAdded:
    return NoteAdded(
        desk.new_id("note"), moment.run.id, moment.run.phase, "uncertainty", "major",
        f"{verdict.gate}: {'; '.join(verdict.reasons)}", remedy=verdict.remedy, about=f"gate:{verdict.gate}",
    )  # fmt: skip
