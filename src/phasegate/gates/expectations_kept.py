"""Open when no test that was there expects anything else: in a phase that is to keep behaviour, nothing may."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, failed, passed
from phasegate.gates.tests_not_weakened import MOST, compared, names, remedy

RULES = ("expectation-changed", "data-changed")


def gate(moment: Moment) -> Verdict:
    """Looks at what the comparison with the phase's start only tells elsewhere."""
    found = compared(moment)
    if isinstance(found, Verdict):
        return found
    evidence, seen = found
    changed = [each for each in seen.findings if each.rule in RULES]
    phase = moment.run.phase
    left = [each for each in changed if moment.state.waiver_for("finding", names(each, phase), moment.today) is None]
    if left:
        told = [f"{each.place} {each.rule}: {each.message} [{each.fingerprint}]" for each in left[:MOST]]
        more = (f"and {len(left) - MOST} more",) if len(left) > MOST else ()
        return failed(*told, *more, remedy=remedy(left[0], phase), evidence=(evidence.id,))
    waived = f", {len(changed)} waived" if changed else ""
    return passed(f"the tests expect what they did{waived}", evidence=(evidence.id,))
