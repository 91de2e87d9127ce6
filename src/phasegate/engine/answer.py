"""One hook call: read the state, decide, record, tell. Recorded before spoken; if the ledger moved, decide again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phasegate.engine import drivers, exceptions, wishes
from phasegate.engine.desk import Desk
from phasegate.engine.judge import (
    SCANNED_BYTES,
    carry_out,
    grounds_of,
    judge,
    of_a_person,
    shown_views,
    stale_views,
    weighed,
)
from phasegate.ledger.custody import HooksMissed, ProcessesLeft, TurnOpened
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import (
    CallAsked,
    CallRefused,
    CallReturned,
    CallsAbandoned,
    PathsRehashed,
    PromptTaken,
    QuestionAsked,
    RunRecovered,
    SecretSeen,
    SessionBegan,
    SessionEnded,
    StopAllowed,
    StopRefused,
)
from phasegate.ledger.log import StateMoved
from phasegate.ledger.rulings import CallJudged, RuleSaid
from phasegate.ledger.state import RunRecord, State
from phasegate.policy import calls as c
from phasegate.policy.edits import STEP, WATCHED, Objection, object_to, object_to_ci
from phasegate.policy.prompts import hands_over, of_the_client
from phasegate.policy.secrets import find_secrets

# Most calls are about a tool. What only tells the agent where it is, or leaves a step, is imported where that is done.
if TYPE_CHECKING:
    from phasegate.engine.advance import Outcome
    from phasegate.gates.interface import Moment

ATTEMPTS = 5
STOPS_REFUSED = 3
"""Refusals to stop with no new event between them, after which the turn may end."""

STOPS_IN_A_STEP = 20
"""Refusals to stop in one visit of a step, whatever happened between them, after which the turn may end."""

ANSWERED = ("strategic_answered", "approval_answered")
"""Gates that open when a person answers: a step that leaves on one may be waited in."""

TOLD = 12
"""Changes of one call that are told one by one."""

TOLD_AT_START = 150
"""Tokens of the same when a session begins."""

TEXT_KEPT = 2000


def answer(call: c.Call, desk: Desk) -> c.Answer:
    """What to answer to `call`, after everything about it is recorded."""
    for attempt in range(ATTEMPTS):
        try:
            return _answer(call, desk, desk.state())
        except StateMoved:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _answer(call: c.Call, desk: Desk, state: State) -> c.Answer:
    run = state.run_in(desk.worktree)
    if run is None or not run.drives:
        return _by_rule(call, desk, state, run)
    bound = run.bound.get(call.caller.session)
    if bound is None or bound[0] != call.caller.pid:
        from phasegate.engine.callers import let_in

        found = let_in(desk, state, run, call)
        if not isinstance(found, State):
            return found
        state = found
    if isinstance(call, c.ConfigChanging):  # what the client is about to obey is judged before it is put back
        return _config(call, desk, state, state.runs[run.id])
    between = isinstance(call, c.SessionOpened | c.PromptGiven)
    state, told = _beside_the_tree(desk, state, state.runs[run.id], between=between)
    return _telling(told, _by_rule(call, desk, state, state.runs[run.id]))


def _by_rule(call: c.Call, desk: Desk, state: State, run: RunRecord | None) -> c.Answer:
    if isinstance(call, c.ToolAsked):
        return _asked(call, desk, state, run)
    if isinstance(call, c.ConfigChanging):
        return _config(call, desk, state, run)
    if run is None or not run.drives:
        return c.Silent()
    match call:
        case c.SessionOpened():
            return _opened(call, desk, state, run)
        case c.PromptGiven():
            return _prompt(call, desk, state, run)
        case c.ToolReturned():
            return _returned(call, desk, state, run)
        case c.TurnEnding():
            return _ending(call, desk, state, run)
        case c.SubagentEnding():
            return _subagent_ended(call, desk, state, run)
        case c.SessionClosed():
            return _closed(call, desk, state, run)
        case c.Compacting():
            return c.Silent()  # the SessionStart that follows tells the state again
    raise AssertionError(f"no rule for {type(call).__name__}")


def _beside_the_tree(
    desk: Desk, state: State, run: RunRecord, *, between: bool = False
) -> tuple[State, tuple[str, ...]]:  # fmt: skip
    """Judge what changed in the files that are watched beside the tree: `between` turns, or during one."""
    seen = desk.custody.digests()
    if seen == run.watched and not any(held.rule == WATCHED for held in run.held.values()):
        return state, ()
    from phasegate.engine.custody import Whose, looked

    flying = [id for id, other in run.in_flight.items() if other.does in wishes.UNSEEN]
    a_persons = between and not flying and not _left(desk, run)
    whose = Whose(flying[0] if flying else "", len(flying) == 1, a_persons)
    return looked(desk, state, run, seen, whose)


def _left(desk: Desk, run: RunRecord) -> tuple[str, ...]:
    """What the agent started and left at work since the last turn; runners of ours are known."""
    return run.left or _running(desk, run)


def _running(desk: Desk, run: RunRecord) -> tuple[str, ...]:
    runners = {check.pid for check in run.checks.values()}
    return desk.left_at_work(runners, {run.driver, *run.sessions, *run.bound} - {""})


def _telling(told: tuple[str, ...], said: c.Answer) -> c.Answer:
    """`said`, after what is told."""
    if not told:
        return said
    words = "phasegate: " + "\n".join(_few(told))
    match said:
        case c.Silent():
            return c.Inform(words)
        case c.Inform(text=text):
            return c.Inform(f"{words}\n{text}")
        case c.Refuse(reason=reason, rule=rule):
            return c.Refuse(f"{reason}\n{words}", rule)
        case c.KeepGoing(reason=reason):
            return c.KeepGoing(f"{words}\n{reason}")


# -- before a tool runs -----------------------------------------------------------------------------------------------


def _asked(call: c.ToolAsked, desk: Desk, state: State, run: RunRecord | None) -> c.Answer:
    use = call.use
    if use.does == "read":
        return c.Silent()
    if run is not None and run.drives and run.turn_over and run.driver == call.caller.session and not call.caller.agent:
        state = _missed(call, desk, state, run)
    soft: list[RuleSaid] = []
    paths = tuple(path for path in map(desk.files.relative, use.paths) if path is not None)
    objection, facts, wished = _objection(call, desk, state, run, paths, soft)
    command = use.text[:TEXT_KEPT] if use.does == "shell" else ""
    run_id = run.id if run is not None and run.drives else ""
    if objection is not None:
        refused = CallRefused(
            run_id, use.id, call.caller.session, call.caller.agent, use.tool, objection.rule, objection.reason,
            paths, command,
        )  # fmt: skip
        desk.append([*facts, refused], relying_on=None)
        return c.Refuse(objection.reason, objection.rule)
    judged: list[Fact] = [CallJudged(run_id, use.id, use.tool, paths, tuple(soft))] if soft else []
    if run_id:
        asked = CallAsked(
            run_id, use.id, call.caller.session, call.caller.agent, use.tool, use.does, paths, command
        )  # fmt: skip
        if run is not None and wished:
            desk.append([asked, *judged, wishes.granted(run, use.id, wished)], relying_on=state)
            return _informed((*_warnings(soft), *wishes.told(run, grounds_of(desk, state, run), wished)))
        desk.append([asked, *judged], relying_on=state)
    elif judged:
        desk.append(judged, relying_on=None)
    return _informed(_warnings(soft))


def _missed(call: c.ToolAsked, desk: Desk, state: State, run: RunRecord) -> State:
    """The turn was over, and no prompt began another: hooks were off for a while, and nobody knows who did what."""
    why = "a tool was asked for in a turn that no prompt had opened, so hooks were off for a while"
    return _settle(desk, state, run, [HooksMissed(run.id, call.caller.session, why)], nobodys=why)[0]


def _objection(
    call: c.ToolAsked, desk: Desk, state: State, run: RunRecord | None, paths: tuple[str, ...], soft: list[RuleSaid]
) -> tuple[Objection | None, list[Fact], list[str]]:
    """The first rule the call breaks, the secrets found on the way, and what the step gives way in to a person.

    What rules say that only observe or warn is put into `soft`.
    """
    use = call.use
    grounds, wished = grounds_of(desk, state, run), []
    own = run is not None and wishes.is_wish(run, call.caller)
    if use.does == "edit":
        for path in use.paths:
            relative = desk.files.relative(path)
            objection = object_to(relative, grounds) if relative is not None else None
            if objection is not None and own and objection.rule == STEP:
                wished.append(relative or path)
                objection = None
            objection = weighed(desk, objection, soft)
            if objection is None and run is not None and run.drives:
                objection = weighed(desk, exceptions.edit_objection(desk, state, path, relative, use.text), soft)
            if objection is not None:
                return objection, [], []
        where = use.paths[0] if use.paths else use.tool
        secrets = exceptions.secrets_in(desk, state, use.text, desk.files.relative(where) or where)
        if secrets:
            rules = ", ".join(sorted({secret.rule for secret in secrets}))
            reason = (
                f"The text carries a secret ({rules}). Write the name of an environment variable instead; "
                f"a person can make an exception of a false alarm: {_waive(secrets)}."
            )
            return Objection("secret", reason), list(secrets), []
    if any(rule.calls for rule in desk.settings.rules.rules):
        from phasegate.engine.call_ruling import object_to_call

        objection, told = object_to_call(desk, state, run, call.caller, use, paths)
        soft += told
        return objection, [], wished
    return None, [], wished


def _warnings(soft: list[RuleSaid]) -> tuple[str, ...]:
    """What the agent is told of rules that warn; those that observe are silent."""
    return tuple(f"a warning by the rule {said.rule}: {said.why}" for said in soft if said.mode == "warn")


def _waive(secrets: list[SecretSeen]) -> str:
    return f'`phasegate waiver add secret {secrets[0].fingerprint} --reason "..." --until 30d`'


def _config(call: c.ConfigChanging, desk: Desk, state: State, run: RunRecord | None) -> c.Answer:
    missing = desk.hooks_missing()
    if not missing:
        return c.Silent()
    reason = f"phasegate's hooks stay in force: {missing}. `phasegate uninstall` takes them out in an orderly way."
    refused = CallRefused(
        run.id if run else "", "", call.caller.session, call.caller.agent, "ConfigChange", "hooks", reason, (call.path,)
    )
    desk.append([refused], relying_on=None)
    return c.Refuse(reason, "hooks")


# -- after a tool ran -------------------------------------------------------------------------------------------------


def _returned(call: c.ToolReturned, desk: Desk, state: State, run: RunRecord) -> c.Answer:
    use = call.use
    if use.does == "read":
        return c.Silent()
    back: list[Fact] = [CallReturned(run.id, use.id, call.ok)] if use.id in run.in_flight else []
    if use.does == "edit":
        paths = [path for path in map(desk.files.relative, use.paths) if path is not None]
        if not _needs_judging(desk, run, use, paths):
            blobs = desk.tree.rehash(paths)
            desk.append([*back, PathsRehashed(run.id, blobs)] if blobs else back, relying_on=None)
            return c.Silent()
    _, told = _settle(desk, state, run, back)
    return _informed(told)


def _needs_judging(desk: Desk, run: RunRecord, use: c.ToolUse, paths: list[str]) -> bool:
    """Whether more than the paths must be looked at: the plan, CI, a path nobody was asked about, or a secret in it."""
    asked = run.in_flight.get(use.id)
    if asked is None or desk.settings.plan in paths or not set(paths) <= set(asked.paths):
        return True
    if any(object_to_ci(path) for path in paths):
        return True
    contents = (desk.files.read(path) or b"" for path in paths)
    return any(find_secrets(content[:SCANNED_BYTES].decode("utf-8", "replace")) for content in contents)


def _subagent_ended(call: c.SubagentEnding, desk: Desk, state: State, run: RunRecord) -> c.Answer:
    """The calls of a subagent that ended never come back."""
    agent = call.caller.agent
    over = tuple(id for id, flying in run.in_flight.items() if agent and flying.agent == agent)
    _, told = settle_tree(desk, state, run, over)
    return _informed(told)


def _informed(told: tuple[str, ...]) -> c.Answer:
    return c.Inform("phasegate: " + "\n".join(_few(told)).removeprefix("phasegate: ")) if told else c.Silent()


def _few(told: tuple[str, ...]) -> tuple[str, ...]:
    more = len(told) - TOLD
    return (*told[:TOLD], f"and {more} more: `phasegate status` and `phasegate log show`.") if more > 0 else told


def brief(told: tuple[str, ...]) -> list[str]:
    """The first of what is told when a session begins, whose context is to stay small, and where the rest is."""
    from phasegate.context.tokens import clipped, fitting
    from phasegate.plain import line

    rows = [clipped(line(text, 400), TOLD_AT_START // 2) for text in told]
    return fitting(rows, TOLD_AT_START, "`phasegate status` and `phasegate log show`")


# -- sessions and prompts ---------------------------------------------------------------------------------------------


def _opened(call: c.SessionOpened, desk: Desk, state: State, run: RunRecord) -> c.Answer:
    """Tell the state again; a session that finds the run without a living driver takes it over and recovers it."""
    from phasegate.context.instruction import instruction, where

    caller = call.caller
    began = SessionBegan(run.id, caller.session, caller.client, caller.version, call.source)
    facts: list[Fact] = [began]
    if not drivers.may_drive(desk, run, caller):
        desk.append(facts, relying_on=None)
        return c.Inform(
            f"phasegate: another session drives the run in this work tree ({where(_moment(desk, state, run))}). "
            "This session is guarded and not driven. A person can hand the run over with `phasegate takeover`."
        )
    facts.append(drivers.taken(desk, run, caller))
    orphans = drivers.orphans(run, caller.session) if call.source != "compact" else ()
    if run.sessions and call.source in ("startup", "resume"):
        facts.append(RunRecovered(run.id, caller.session, run.step))
    told: tuple[str, ...] = ()
    if call.source != "compact":
        undone = tuple(f"{path} was put back after the last session ended" for path in run.undone if not run.sessions)
        state, told = _settle(desk, state, run, [*facts, *_abandoned(run, orphans)], a_persons=True)
        told = (*undone, *told)
    else:
        state = desk.record(facts, relying_on=state)
    return c.Inform("\n".join([*brief(told), instruction(_moment(desk, state, run), desk.workflow)]))


def _prompt(call: c.PromptGiven, desk: Desk, state: State, run: RunRecord) -> c.Answer:
    from phasegate.context.instruction import instruction, where

    caller = call.caller
    if of_the_client(call.text) or not drivers.may_drive(desk, run, caller):
        if run.turn_over and run.driver == caller.session:
            desk.append([TurnOpened(run.id, caller.session)], relying_on=None)
        return c.Silent()
    ours = hands_over(call.text, mode=run.mode, task=run.task)
    kept = {"off": "", "full": call.text[:TEXT_KEPT]}.get(desk.settings.record_prompts, call.text[:TEXT_KEPT])
    own = not ours and wishes.opens(run, caller, desk.now_ms())
    told: tuple[str, ...] = ()
    if not any(flying.does in wishes.UNSEEN for flying in run.in_flight.values()):
        state, told = _settle(desk, state, run, [], a_persons=True)
        run = state.runs[run.id]
    facts: list[Fact] = [PromptTaken(run.id, caller.session, ours, kept, own)]
    if run.driver != caller.session:
        facts.append(drivers.taken(desk, run, caller))
    state = desk.record(facts, relying_on=None)
    moment = _moment(desk, state, run)
    if ours:
        return c.Inform("\n".join([*_few(told), instruction(moment, desk.workflow)]))
    edits = (
        "A change that the step does not allow is let through and recorded as their wish"
        if own
        else "The step limits edits as before"
    )
    return c.Inform(
        "".join(f"{text}\n" for text in _few(told))
        + f"phasegate: a run is active ({where(moment)}). This prompt is the person's own: do what they ask. "
        f"{edits}; if they want the plan to go on they say `continue`."
    )


def _closed(call: c.SessionClosed, desk: Desk, state: State, run: RunRecord) -> c.Answer:
    session = call.caller.session
    # By itself and first: a client that is quitting may not wait until the tree is judged.
    if session in run.sessions or run.driver == session:
        left = _still_at_work(desk, run, session)
        state = desk.record([SessionEnded(run.id, session, call.reason), *left], relying_on=None)
    _write_off(desk, state, state.runs[run.id], session)
    return c.Silent()


def gone(desk: Desk, state: State, run: RunRecord, session: str) -> State:
    """A client was killed, so nobody said that its session is over."""
    left = _still_at_work(desk, run, session)
    state = desk.record(left, relying_on=state) if left else state
    return _write_off(desk, state, state.runs[run.id], session)


def _write_off(desk: Desk, state: State, run: RunRecord, session: str) -> State:
    """Judge what the calls that a session left in flight have done, so that what changes from now on is not theirs."""
    over = tuple(id for id, flying in run.in_flight.items() if flying.session == session)
    if not over:
        return state
    state, _ = _beside_the_tree(desk, state, run)
    return settle_tree(desk, state, state.runs[run.id], over)[0]


def _still_at_work(desk: Desk, run: RunRecord, session: str) -> list[Fact]:
    """What the agent started and left behind, as a fact: what changes from now on may be its work."""
    left = _running(desk, run)
    return [ProcessesLeft(run.id, session, left)] if left or run.left else []


def _rests(desk: Desk, run: RunRecord, caller: c.Caller, why: str) -> c.Answer:
    """The turn may end."""
    desk.append([StopAllowed(run.id, caller.session, why), *_still_at_work(desk, run, caller.session)], relying_on=None)
    return c.Silent()


# -- the end of a turn ------------------------------------------------------------------------------------------------


def _ending(call: c.TurnEnding, desk: Desk, state: State, run: RunRecord) -> c.Answer:
    from phasegate.engine.advance import leave, needs_others
    from phasegate.engine.checks import reap

    caller = call.caller
    if run.driver and run.driver != caller.session and not drivers.may_drive(desk, run, caller):
        return c.Silent()
    over = tuple(id for id, flying in run.in_flight.items() if flying.session == caller.session and not flying.agent)
    state, told = settle_tree(desk, state, run, over)
    run = state.runs[run.id]
    if not run.handed_over:
        return _rests(desk, run, caller, "own")
    seen = desk.tree.observe(shown_views(desk, state))
    outcome = leave(desk, reap(desk, state), seen)
    state = outcome.state
    run = state.runs[run.id]
    others = needs_others(_moment(desk, state, run), outcome.held_by)
    allowed = "waiting" if others else _may_rest(desk, state, run)
    if allowed:
        return _rests(desk, run, caller, allowed)
    return _refuse_stop(call, desk, state, run, outcome, told)


def settle_tree(desk: Desk, state: State, run: RunRecord, over: tuple[str, ...] = ()) -> tuple[State, tuple[str, ...]]:
    """Judge what the tree holds now; calls in `over` will never come back, and one alone may have written unseen."""
    return _settle(desk, state, run, _abandoned(run, over))


def _settle(
    desk: Desk, state: State, run: RunRecord, before: list[Fact], *, a_persons: bool = False, nobodys: str = ""
) -> tuple[State, tuple[str, ...]]:
    """Judge the tree, record it behind `before`, undo what nobody allowed.

    `a_persons` when it changed between turns, `nobodys` says why nobody accounts for a change.
    """
    flying = [id for id, call in run.in_flight.items() if call.does in wishes.UNSEEN]
    if a_persons and not flying and (left := _left(desk, run)):
        nobodys = f"it changed between turns while programs that the agent had started still ran: {', '.join(left)}"
    judgement = judge(
        desk, state, run, call=flying[0] if flying else "", alone=len(flying) == 1, nobodys=nobodys
    )  # fmt: skip
    if a_persons and not flying and not nobodys:
        judgement = of_a_person(judgement)
    facts = [*before, *judgement.facts]
    if facts:
        state = desk.record(facts, relying_on=state)
    state, told = carry_out(desk, state, judgement), judgement.told
    if stale := stale_views(desk, state):
        from phasegate.engine.views import restored

        state, more = restored(desk, state, run, stale)
        told += more
    return state, told


def _abandoned(run: RunRecord, calls: tuple[str, ...]) -> list[Fact]:
    return [CallsAbandoned(run.id, calls)] if calls else []


def _may_rest(desk: Desk, state: State, run: RunRecord) -> str:
    """Why the turn may end here, or "": the run rests or is over, or waits for an answer or for the supervisor."""
    from phasegate.engine.driving import waits_for_supervisor

    step = desk.workflow.step(run.step)
    if step.ends or run.status == "ended":
        return "complete"
    if step.rests or waits_for_supervisor(state, run):
        return "waiting"
    asked = [q for q in state.open_questions() if q.run == run.id and q.phase == run.phase and (q.note or q.subject)]
    return "waiting" if asked and not set(ANSWERED).isdisjoint(step.leaves_when) else ""


def _refuse_stop(
    call: c.TurnEnding, desk: Desk, state: State, run: RunRecord, outcome: Outcome, told: tuple[str, ...]
) -> c.Answer:
    """Send the agent on; after enough refusals that changed nothing, record that a gate is unmet and let it stop."""
    from phasegate.context.instruction import instruction, unmet, where

    moment = _moment(desk, state, run)
    idle = run.refused_stops >= STOPS_REFUSED and run.last_stop_position == state.position
    if idle or run.refused_here >= STOPS_IN_A_STEP:
        question = f"The agent stopped at {where(moment)} although: {unmet(outcome.held_by) or 'the step is not done'}"
        asked = [QuestionAsked(desk.new_id("q"), run.id, question, step=run.step)]
        if state.drive_in(run.worktree) is not None:
            asked = []  # the supervisor starts another session, and asks once when those bring nothing either
        desk.append(asked, relying_on=None)
        return _rests(desk, run, call.caller, "unmet")
    parts = list(_few(told))
    if run.checks:
        parts.append("The tests are still running. Call `phasegate wait`, then go on.")
    elif not outcome.moved:
        parts.append(f"Not done: {where(moment)}. What keeps this step open:\n{unmet(outcome.held_by)}")
    parts.append(instruction(moment, desk.workflow))
    reason = "\n".join(parts)
    desk.append([StopRefused(run.id, call.caller.session, reason[:TEXT_KEPT])], relying_on=None)
    return c.KeepGoing(reason)


def _moment(desk: Desk, state: State, run: RunRecord) -> Moment:
    from phasegate.gates.interface import Moment

    return Moment(state, state.runs[run.id], desk.settings, "")
