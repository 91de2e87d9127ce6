"""Open when tests noticed every small change that was tried in the changed lines."""

from __future__ import annotations

from phasegate.gates import found
from phasegate.gates.interface import Moment, Verdict, passed, unknown

SCANNER = "mutants"


def gate(moment: Moment) -> Verdict:
    """A sample: which changes are tried, the phase's start says; how many, the time that the settings give."""
    if moment.subject and moment.subject == moment.phase.subject:
        return passed("the tree is as it was when the phase began")
    if found.newest_scan(moment.state, SCANNER, moment.subject) is None:
        remedy = "Run `phasegate check tests`; `mutation_seconds` under [evidence] is the time for it."
        return unknown("no small change was tried in the changed lines of this tree", remedy=remedy)
    return found.judged(moment.state, SCANNER, moment.subject, moment.today, moment.run.phase)
