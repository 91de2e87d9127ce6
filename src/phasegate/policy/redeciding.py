"""Makes recorded decisions again under another policy, each on what was known at its place in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from phasegate.gates.catalog import ask
from phasegate.gates.interface import Moment, Verdict
from phasegate.ledger.event import Event
from phasegate.ledger.facts import CallAsked, CallRefused, PhaseClosed, StepEntered
from phasegate.ledger.fold import fold
from phasegate.ledger.rulings import RulesSaid
from phasegate.ledger.schema import fact_of
from phasegate.ledger.state import State, utc_date
from phasegate.policy.call_facts import CallAtHand
from phasegate.policy.calls_at_hand import InForce, heard
from phasegate.rules.rule import LEAD

OF_PATHS = ("step", "own-files")
"""Built-in refusals that need no more than what is recorded."""

NAMED = 3


class Redecided(msgspec.Struct, frozen=True):
    """A recorded decision, and what it would be: `then` and `now` in a word, and why it is what it is now.

    `now` is `unknown` where what it was made on is not recorded.
    """

    position: int
    what: str
    then: str
    now: str
    why: str = ""
    names: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether it would have been another."""
        return self.now not in (self.then, "unknown")


def redecided(events: Iterable[Event], against: InForce) -> Iterator[Redecided]:
    """Every decision in `events`, made again."""
    state = State()
    changed: dict[str, tuple[str, ...]] = {}
    for event in events:
        fact = fact_of(event)
        match fact:
            case CallAsked() | CallRefused():
                yield _call(event, fact, state, against)
            case RulesSaid():
                changed |= _paths(fact)
                yield from _held(event, fact, state, against, changed)
            case StepEntered() if fact.came_from and not fact.why.startswith("@"):
                yield from _left(event, fact, state, against, changed)
            case PhaseClosed():
                yield from _closed(event, fact, state, against, changed)
        fold((event,), state)


# -- calls ------------------------------------------------------------------------------------------------------------


def _call(event: Event, fact: CallAsked | CallRefused, state: State, against: InForce) -> Redecided:
    then = "refuse" if isinstance(fact, CallRefused) else "allow"
    what = f"{fact.tool or 'a call'} on {', '.join(fact.paths[:NAMED]) or fact.command or 'nothing named'}"
    names = (fact.call, *fact.paths)
    if isinstance(fact, CallRefused) and not fact.rule.startswith(LEAD) and fact.rule not in OF_PATHS:
        mode = against.settings.rules.mode_of(fact.rule)
        now = "refuse" if mode == "enforce" else "warn" if mode == "warn" else "allow"
        why = f"{fact.rule}, whose mode would be {mode}; what was written is not recorded"
        return Redecided(event.position, what, then, now if now == "refuse" else "allow", why, names)
    said = heard(_at_hand(fact, state, against), None, against, _yields(fact, state))
    now = "refuse" if said.says == "refuse" else "allow"
    told = f"{said.rule}: {said.why}" if said.rule else f"told by {', '.join(said.soft)}" if said.soft else ""
    return Redecided(event.position, what, then, now, told, names)


def _yields(fact: CallAsked | CallRefused, state: State) -> tuple[str, ...]:
    """The built-in refusals that gave way then: the step's in a person's own turn, those of waived files."""
    run, today = state.runs.get(fact.run), utc_date(state.now_ms)
    own = run is not None and run.own_turn != "" and run.own_turn == fact.session
    waived = bool(fact.paths) and all(state.waiver_for("file", (path,), today) for path in fact.paths)
    return (*(("step",) if own else ()), *(("too-large", "binary", "generated", "outside") if waived else ()))


def _at_hand(fact: CallAsked | CallRefused, state: State, against: InForce) -> CallAtHand:
    run = state.runs.get(fact.run)
    inferred = "shell" if fact.command else "edit" if fact.paths else "other"
    does = fact.does if isinstance(fact, CallAsked) else inferred
    classes = tuple(sorted({against.settings.class_of(path) for path in fact.paths}))
    agent = "subagent" if fact.agent else "main"
    call = CallAtHand(does, fact.tool, agent, fact.paths, classes, fact.command, None)
    if run is None:
        return call
    kind, lane = (state.kind_of(run.phase), state.record_of(run.phase).lane) if run.phase else ("", "")
    return msgspec.structs.replace(
        call, active=True, phase=run.phase, kind=kind, lane=lane, step=run.step, mode=run.mode
    )  # fmt: skip


# -- gates ------------------------------------------------------------------------------------------------------------


def _left(
    event: Event, fact: StepEntered, state: State, against: InForce, changed: dict[str, tuple[str, ...]]
) -> Iterator[Redecided]:
    """A step that was left: would its gates and rules have let it be left?"""
    step = next((row for row in against.workflow.steps if row.name == fact.came_from), None)
    what = f"the step {fact.came_from} of phase {fact.phase or '-'} was left for {fact.step}"
    moment = _moment(state, fact.run, fact.subject, against, changed)
    if step is None or moment is None:
        why = "the workflow has no such step" if step is None else "the run is not known"
        yield Redecided(event.position, what, "left", "unknown", why, (fact.phase,))
        return
    yield _judged(event, what, ("left", "held"), ask(step.leaves_when, moment), (fact.phase, fact.came_from))


def _closed(
    event: Event, fact: PhaseClosed, state: State, against: InForce, changed: dict[str, tuple[str, ...]]
) -> Iterator[Redecided]:
    moment = _moment(state, fact.run, fact.subject, against, changed)
    what = f"phase {fact.phase} was closed"
    if moment is None:
        yield Redecided(event.position, what, "closed", "unknown", "the run is not known", (fact.phase,))
        return
    names = against.workflow.closing_gates(moment.kind, moment.lane)
    yield _judged(event, what, ("closed", "held"), ask(names, moment), (fact.phase,))


def _judged(
    event: Event, what: str, words: tuple[str, str], verdicts: tuple[Verdict, ...], names: tuple[str, ...]
) -> Redecided:
    shut = [verdict for verdict in verdicts if not verdict.passes]
    if not shut:
        return Redecided(event.position, what, words[0], words[0], "", names)
    why = "; ".join(f"{verdict.gate}: {', '.join(verdict.reasons)}" for verdict in shut[:NAMED])
    now = words[1] if any(verdict.says == "fail" for verdict in shut) else "unknown"
    return Redecided(event.position, what, words[0], now, why, names)


def _held(
    event: Event, fact: RulesSaid, state: State, against: InForce, changed: dict[str, tuple[str, ...]]
) -> Iterator[Redecided]:
    """Rules that held a step: would they, or others of the same name, still?"""
    shut = [said for said in fact.said if said.mode == "enforce" and said.says != "pass" and not said.waived]
    moment = _moment(state, fact.run, fact.subject, against, changed)
    for said in shut:
        what = f"the rule {said.rule} held the step {fact.place} of phase {fact.phase or '-'}"
        names = (said.rule, f"{LEAD}{said.rule}", fact.phase)
        if against.settings.rules.rule(said.rule) is None:
            yield Redecided(event.position, what, "held", "left", "there is no such rule", names)
        elif moment is not None:
            (verdict,) = ask((f"{LEAD}{said.rule}",), moment)
            now = "left" if verdict.passes else "held"
            yield Redecided(event.position, what, "held", now, "; ".join(verdict.reasons), names)


def _moment(
    state: State, run_id: str, subject: str, against: InForce, changed: dict[str, tuple[str, ...]]
) -> Moment | None:
    run = state.runs.get(run_id)
    return None if run is None else Moment(state, run, against.settings, subject, changed.get(subject))


def _paths(fact: RulesSaid) -> dict[str, tuple[str, ...]]:
    return {} if fact.changed is None else {fact.subject: fact.changed}
