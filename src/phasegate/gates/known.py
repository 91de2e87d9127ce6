"""The typed facts that rules may ask of a moment: each with its type, what it means, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

import msgspec

from phasegate.evidence.findings import FindingsSeen
from phasegate.evidence.items import CoverageSeen, Evidence, TestsSeen
from phasegate.evidence.levels import Assurance
from phasegate.gates.interface import Moment
from phasegate.rules.conditions import CannotEvaluate, Type
from phasegate.rules.rule import Value
from phasegate.settings import FileClass
from phasegate.workflow.definition import FACTS as OF_WORKFLOWS


class Known(msgspec.Struct, frozen=True):
    """A fact: its type, what it says, and the only values it can have (empty: any)."""

    type: Type
    about: str
    values: tuple[str, ...] = ()


ANYWHERE: Mapping[str, Known] = {
    "phase": Known("text", "the id of the phase in the plan; empty without one"),
    "kind": Known("text", "the kind of the phase; empty without one", OF_WORKFLOWS["kind"]),
    "lane": Known("text", "the lane that the phase goes by", OF_WORKFLOWS["lane"]),
    "step": Known("text", "the step of the workflow that the run is at; empty without a run"),
    "mode": Known("text", "how the run began", ("start", "drive")),
}
"""Known of a tool call and at a gate alike."""

AT_GATES: Mapping[str, Known] = {
    "loops": Known("number", "how often the phase went back to its uncertainties"),
    "driver": Known("texts", "who drives the run: the account and the git address it began under"),
    "approvals.strong": Known("texts", "who approved, by a signature, that the phase closes on exactly this tree"),
    "approvals.weak": Known("texts", "who approved that at a terminal"),
    "changed.paths": Known("texts", "the files that differ from the phase's start, phasegate's own left out"),
    "changed.files": Known("number", "how many those are"),
    "changed.classes": Known("texts", "their classes: tests, source, docs, config, plan"),
    "tests.complete": Known("flag", "whether the newest test run on this tree was complete"),
    "tests.collected": Known("number", "tests that it found"),
    "tests.passed": Known("number", "tests that passed"),
    "tests.red": Known("number", "tests that did not"),
    "tests.skipped": Known("number", "tests that were skipped"),
    "tests.new": Known("number", "tests that the start of the phase did not have"),
    "tests.gone": Known("number", "tests of the start that are no more"),
    "tests.assurance": Known("text", "how sure the run is", get_args(Assurance)),
    "coverage.statements": Known("number", "per cent of all statements that tests ran, on this tree"),
    "coverage.branches": Known("number", "per cent of all branches"),
    "coverage.changed": Known("number", "per cent of the changed lines that tests ran"),
    "notes.open": Known("number", "open notes of the phase"),
    "notes.errors": Known("number", "those of them that are errors"),
    "questions.open": Known("number", "questions that wait for a person"),
    "waivers.gates": Known("number", "exceptions of gates in force"),
    "waivers.weak": Known("number", "exceptions in force that no signature stands behind"),
}
"""Known where a gate is asked. One that is missing, for there is no evidence of this tree, is not known."""

GATE, FINDINGS = "gate.", "findings."
FAMILIES: Mapping[str, Known] = {
    f"{GATE}NAME": Known("text", "what the gate NAME of the catalogue says", ("pass", "fail")),
    f"{FINDINGS}SCANNER": Known("number", "what SCANNER found in this tree, if it read all of it"),
}
"""Facts with a name of their own behind the dot."""


def known_at_gates(name: str) -> Known | None:
    """What a fact at a gate is; None when there is none of that name."""
    if name.startswith(GATE):
        return FAMILIES[f"{GATE}NAME"]
    if name.startswith(FINDINGS):
        return FAMILIES[f"{FINDINGS}SCANNER"]
    return ANYWHERE.get(name) or AT_GATES.get(name)


def reader(moment: Moment, gate: Callable[[str], str]) -> Callable[[str], Value | None]:
    """How a rule reads facts of this moment; `gate` says what a gate of the catalogue says."""

    def read(name: str) -> Value | None:
        if known_at_gates(name) is None:
            raise CannotEvaluate(f"there is no fact {name!r} at a gate")
        if name.startswith(GATE):
            said = gate(name.removeprefix(GATE))
            return None if said == "unknown" else said
        if name.startswith(FINDINGS):
            return _findings(moment, name.removeprefix(FINDINGS))
        return READ[name](moment)

    return read


def _tests(ask: Callable[[TestsSeen], Value | None]) -> Callable[[Moment], Value | None]:
    def read(moment: Moment) -> Value | None:
        found = moment.tests(moment.subject)
        return None if found is None else ask(found[1])

    return read


def _assurance(moment: Moment) -> Value | None:
    found = moment.tests(moment.subject)
    return None if found is None else found[0].assurance


def _coverage(ask: Callable[[CoverageSeen], Value | None]) -> Callable[[Moment], Value | None]:
    def read(moment: Moment) -> Value | None:
        found = moment.coverage(moment.subject)
        return None if found is None or not isinstance(found[1], CoverageSeen) else ask(found[1])

    return read


def _branches(seen: CoverageSeen) -> Value | None:
    return seen.branches.percent if seen.branches is not None else None


def _changed_percent(seen: CoverageSeen) -> Value | None:
    return None if seen.unmeasured else seen.changed_percent


def _statements(seen: CoverageSeen) -> Value | None:
    return seen.percent if seen.total else None


def _classes(moment: Moment) -> tuple[FileClass, ...] | None:
    if moment.changed is None:
        return None
    return tuple(sorted({moment.settings.class_of(path) for path in moment.changed}))


def _approvals(kind: str) -> Callable[[Moment], Value | None]:
    def read(moment: Moment) -> Value | None:
        if not moment.subject:
            return None
        given = (each for each in moment.phase.approvals if each.subject == moment.subject and each.approval == kind)
        return tuple(each.by for each in given)

    return read


def _findings(moment: Moment, scanner: str) -> Value | None:
    for evidence in reversed(moment.state.evidence.values()):
        if _is_of(evidence, scanner) and evidence.speaks_for(moment.subject):
            seen = evidence.seen
            return seen.total if isinstance(seen, FindingsSeen) and not (seen.unread or seen.why_unknown) else None
    return None


def _is_of(evidence: Evidence, scanner: str) -> bool:
    return isinstance(evidence.seen, FindingsSeen) and evidence.seen.scanner == scanner


def _waivers(moment: Moment) -> list[tuple[str, str]]:
    return [(each.what, each.approval) for each in moment.state.waivers.values() if each.holds_on(moment.today)]


READ: Mapping[str, Callable[[Moment], Value | None]] = {
    "phase": lambda moment: moment.run.phase,
    "kind": lambda moment: moment.kind if moment.run.phase else "",
    "lane": lambda moment: moment.lane if moment.run.phase else "",
    "step": lambda moment: moment.run.step,
    "mode": lambda moment: moment.run.mode,
    "loops": lambda moment: moment.phase.loops,
    "driver": lambda moment: moment.run.people or None,
    "approvals.strong": _approvals("strong"),
    "approvals.weak": _approvals("weak"),
    "changed.paths": lambda moment: moment.changed,
    "changed.files": lambda moment: None if moment.changed is None else len(moment.changed),
    "changed.classes": _classes,
    "tests.complete": _tests(lambda seen: seen.complete),
    "tests.collected": _tests(lambda seen: seen.collected),
    "tests.passed": _tests(lambda seen: seen.passed),
    "tests.red": _tests(lambda seen: len(seen.red)),
    "tests.skipped": _tests(lambda seen: seen.skipped),
    "tests.new": _tests(lambda seen: len(seen.new) if seen.compared_to else None),
    "tests.gone": _tests(lambda seen: len(seen.gone) if seen.compared_to else None),
    "tests.assurance": _assurance,
    "coverage.statements": _coverage(_statements),
    "coverage.branches": _coverage(_branches),
    "coverage.changed": _coverage(_changed_percent),
    "notes.open": lambda moment: len(moment.state.open_notes(moment.run.phase)),
    "notes.errors": lambda moment: sum(note.kind == "error" for note in moment.state.open_notes(moment.run.phase)),
    "questions.open": lambda moment: len(moment.state.open_questions()),
    "waivers.gates": lambda moment: sum(what == "gate" for what, _ in _waivers(moment)),
    "waivers.weak": lambda moment: sum(approval == "weak" for _, approval in _waivers(moment)),
}
"""How each fact is read."""
