"""Every built-in gate by name; a new gate is a file beside this one and a line here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from phasegate.gates import (
    approval_answered,
    approved,
    baseline_known,
    changed_lines_checked,
    checklist_answered,
    covered,
    expectations_kept,
    finding_recorded,
    licences_allowed,
    new_tests_fail,
    no_known_vulnerabilities,
    no_new_red,
    notes_settled,
    nothing_held,
    red_first,
    red_seen,
    same_tests,
    sast_clean,
    strategic_answered,
    tasks_evidenced,
    tests_not_weakened,
    tests_ran,
    tree_changed,
    tree_restored,
    uncertainties_categorised,
)
from phasegate.gates.interface import Gate, Moment, Verdict, unknown
from phasegate.gates.ruled import ruled
from phasegate.gates.standing import QUESTIONS, standing
from phasegate.rules.rule import LEAD

CATALOG: Mapping[str, Gate] = {
    "baseline_known": baseline_known.gate,
    "new_tests_fail": new_tests_fail.gate,
    "tree_changed": tree_changed.gate,
    "tests_ran": tests_ran.gate,
    "no_new_red": no_new_red.gate,
    "tests_not_weakened": tests_not_weakened.gate,
    "expectations_kept": expectations_kept.gate,
    "covered": covered.gate,
    "changed_lines_checked": changed_lines_checked.gate,
    "red_first": red_first.gate,
    "red_seen": red_seen.gate,
    "same_tests": same_tests.gate,
    "tree_restored": tree_restored.gate,
    "checklist_answered": checklist_answered.gate,
    "tasks_evidenced": tasks_evidenced.gate,
    "notes_settled": notes_settled.gate,
    "nothing_held": nothing_held.gate,
    "uncertainties_categorised": uncertainties_categorised.gate,
    "strategic_answered": strategic_answered.gate,
    "approval_answered": approval_answered.gate,
    "approved": approved.gate,
    "finding_recorded": finding_recorded.gate,
    "sast_clean": sast_clean.gate,
    "licences_allowed": licences_allowed.gate,
    "no_known_vulnerabilities": no_known_vulnerabilities.gate,
}


NEVER_WAIVED = ("nothing_held", "approved", "approval_answered")
"""Gates that say that somebody has to look; an exception would hide just that."""


def ask(names: Iterable[str], moment: Moment) -> tuple[Verdict, ...]:
    """What each gate says, in order; nobody knows what an unknown gate would say, and it never passes."""
    return tuple(msgspec.structs.replace(_ask(name, moment), gate=name) for name in names)


def gate_names() -> tuple[str, ...]:
    """Every gate that a rule can name: those of a phase, and what is asked of a tree outside any."""
    return tuple(dict.fromkeys([*CATALOG, *QUESTIONS]))


def at_place(place: str, moment: Moment) -> tuple[Verdict, ...]:
    """What the rules for a place outside the workflow say: `@check` or `@verify`."""
    return ask([f"{LEAD}{rule.id}" for rule in moment.settings.rules.at(place)], moment)


def _ask(name: str, moment: Moment) -> Verdict:
    if name.startswith(LEAD):
        return _of_rule(name, moment)
    gate = CATALOG.get(name)
    if gate is None and name in QUESTIONS:
        return standing((name,), moment.state, moment.subject, moment.today)[0]
    if gate is None:
        return unknown(f"there is no gate called {name!r}", remedy="Mend the workflow definition.")
    said = gate(moment)
    return said if said.passes or name in NEVER_WAIVED else _excepted(name, said, moment)


def _of_rule(name: str, moment: Moment) -> Verdict:
    """A rule as a gate: excepted where a person said so, and open in any case while it only observes or warns."""
    rule = moment.settings.rules.rule(name.removeprefix(LEAD))
    if rule is None:
        return unknown(f"there is no rule called {name!r}", remedy="A person trusts the settings: `policy trust`.")
    said = ruled(rule, moment, lambda gate: _ask(gate, moment))
    if not said.passes and rule.waiver != "never":
        said = _excepted(name, said, moment, strong=rule.waiver == "strong")
    if said.passes or rule.mode == "enforce":
        return said
    told = "observed" if rule.mode == "observe" else "a warning"
    reasons = tuple(f"{told}, not enforced: {reason}" for reason in said.reasons)
    return Verdict(name, "pass", reasons, said.remedy, said.evidence, decided=said.decided)


def _excepted(name: str, said: Verdict, moment: Moment, *, strong: bool = False) -> Verdict:
    """`said`, or a pass where a person made an exception of this gate in this phase, with what it said by itself."""
    subject = (f"{name}@{moment.run.phase}",)
    about = [each for each in moment.state.waivers.values() if each.what == "gate" and each.is_about(subject)]
    holding = [each for each in about if each.holds_on(moment.today)]
    waiver = next((each for each in holding if not strong or each.approval == "strong"), None)
    if waiver is None:
        weak = "does not count: the rule asks for one with a signature"
        told = tuple(f"the exception {each.id} {weak}" for each in holding[-1:]) or tuple(
            f"the exception {each.id} is over: {each.ended or each.until}" for each in about[-1:]
        )
        return msgspec.structs.replace(said, reasons=(*said.reasons, *told)) if told else said
    why = f"waived by {waiver.by} as {waiver.id}" + (f" until {waiver.until}" if waiver.until else "")
    reasons = (f"{why}: {waiver.reason}", *(f"without that: {reason}" for reason in said.reasons))
    return Verdict(name, "pass", reasons, evidence=said.evidence, waived=waiver.id, decided=said.decided)
