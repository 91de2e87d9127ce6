"""What rules said is recorded with the facts they read, each time that it is another than before."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from phasegate.engine.desk import Desk
from phasegate.gates.interface import Moment, Verdict
from phasegate.ledger.rulings import RuleSaid, RulesSaid
from phasegate.ledger.state import State
from phasegate.rules.deciding import Decision
from phasegate.rules.rule import Value

MOST_PATHS = 200
"""Items of a list that are recorded of a fact."""

MOST_WORDS = 500


def told(desk: Desk, moment: Moment, place: str, verdicts: Iterable[Verdict]) -> State:
    """The state after what the rules among `verdicts` said is recorded, where the run does not know it yet."""
    fresh = [verdict for verdict in verdicts if verdict.decided is not None and not _known(moment, verdict)]
    if not fresh:
        return moment.state
    said = tuple(said_by(verdict.decided, verdict.waived) for verdict in fresh if verdict.decided is not None)
    changed = moment.changed if len(moment.changed or ()) <= MOST_PATHS else None
    fact = RulesSaid(moment.run.id, moment.run.phase, place, moment.subject, said, changed)
    return desk.record([fact], relying_on=moment.state)


def said_by(decided: Decision, waived: str = "") -> RuleSaid:
    """A decision as it is recorded."""
    facts = {name: recorded(value) for name, value in decided.facts.items()}
    return RuleSaid(decided.rule, decided.mode, decided.says, "; ".join(decided.reasons)[:MOST_WORDS], facts, waived)


def recorded(value: Value | None) -> str:
    """The value of a fact as it is recorded; of a longer list than is recorded, nothing is known later."""
    if isinstance(value, tuple | list) and len(value) > MOST_PATHS:
        value = None
    return msgspec.json.encode(value).decode()


def _known(moment: Moment, verdict: Verdict) -> bool:
    decided = verdict.decided
    assert decided is not None
    last = moment.run.ruled.get(decided.rule)
    return last is not None and (last.mode, last.says, last.subject) == (decided.mode, decided.says, moment.subject)
