"""Open when phasegate ran the tests to their end on exactly this tree."""

from __future__ import annotations

from phasegate.evidence.items import TestsSeen
from phasegate.evidence.levels import short_of
from phasegate.gates.interface import Moment, Verdict, failed, passed, some, unknown
from phasegate.ledger.state import State

REMEDY = "Run `phasegate check tests`."
LEVEL_REMEDY = 'Mend what it names, or let a person set `closes_at = "recorded"` under [evidence] in phasegate.toml.'
INFRASTRUCTURE_REMEDY = "A person reads the difference and approves it: `phasegate waiver infrastructure`."


def gate(moment: Moment) -> Verdict:
    """Whether a complete, recorded test run speaks for the tree as it is."""
    found = moment.tests(moment.subject)
    if found is None:
        return unknown("no test run is recorded for the tree as it is now", remedy=REMEDY)
    evidence, tests = found
    if not tests.complete:
        return unknown(f"the test run is incomplete: {tests.why_incomplete}", remedy=REMEDY, evidence=(evidence.id,))
    short = short_of(tests.levels, moment.settings.evidence.closes_at)
    if short:
        return unknown(*short, remedy=LEVEL_REMEDY, evidence=(evidence.id,))
    pending = unapproved(tests, moment.state, moment.today)
    if pending:
        return unknown(
            f"the result hangs on changed test infrastructure that nobody approved: {some(pending)}",
            remedy=INFRASTRUCTURE_REMEDY, evidence=(evidence.id,),
        )  # fmt: skip
    if not tests.collected:
        return failed("the test run found no test", remedy="Write tests, or set `tests.args` so that they are found.")
    return passed(
        f"{tests.passed} of {tests.collected} tests pass on this tree ({evidence.assurance})", evidence=(evidence.id,)
    )


def unapproved(tests: TestsSeen, state: State, today: str) -> list[str]:
    """The changed infrastructure that a result hangs on and that no person has approved as it is."""
    return [
        each.path for each in tests.infrastructure if state.waiver_for("infrastructure", (each.subject,), today) is None
    ]
