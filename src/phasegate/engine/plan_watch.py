"""The plan is where closure is published: a box ticked, or cleared, by another hand is put back and reported."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import msgspec

from phasegate.engine.desk import Change, Desk
from phasegate.errors import Exit, Failure
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import BoxesPutBack, ChangeHeld, PlanRead
from phasegate.ledger.state import RunRecord, State
from phasegate.workflow.plan import Phase


class PlanDemandsLess(Failure):
    """A run is active, and somebody who is not a person put a plan into force that demands less of it."""

    code = "plan-demands-less"
    exit_code = Exit.GATE_FAILED


class Mended(msgspec.Struct, frozen=True):
    """What reading a changed plan came to: facts, what to tell, and the content to write when boxes are put back."""

    facts: tuple[Fact, ...] = ()
    told: tuple[str, ...] = ()
    content: bytes | None = None


def mended(
    desk: Desk, state: State, run: RunRecord, changes: Sequence[Change], *, skip: Collection[str] = ()
) -> Mended:
    """Read the plan again when it is among `changes`; put its boxes back, and hold it when it demands less."""
    path = desk.settings.plan
    changed = next((change for change in changes if change.path == path and path not in skip), None)
    if changed is None or (run.small and not state.plan_digest):  # a plan that nobody began to work on is no plan yet
        return Mended()
    try:
        content = desk.files.read(path)
    except Failure as failure:  # a link that leads out, or no file at all
        why = f"the plan cannot be read: {failure.message}"
        return Mended((ChangeHeld(run.id, path, "plan-unreadable", why, changed.before),), (f"{path} is held: {why}",))
    if content is None:
        return Mended(told=(f"{path} is gone; bring it back.",))
    found = read(desk, state, content)
    after = next((fact.phases for fact in found.facts if isinstance(fact, PlanRead)), state.plan)
    fewer = demands_less(state, after)
    if not fewer or path in run.held:
        return found
    why = f"the plan demands less than before: {', '.join(fewer[:10])}"
    held = ChangeHeld(run.id, path, "plan-demands-less", why, changed.before)
    told = f"{path} is held: {why}. Undo that, or a person accepts it: `phasegate answer settle {path}`."
    return Mended((held, *found.facts), (told, *found.told), found.content)


def refuse_less(state: State, facts: Sequence[Fact]) -> None:
    """Raise `PlanDemandsLess` when a plan about to be put into force takes something from a run that is active."""
    if all(run.status == "ended" for run in state.runs.values()):
        return
    fewer = [lost for fact in facts if isinstance(fact, PlanRead) for lost in demands_less(state, fact.phases)]
    if fewer:
        raise PlanDemandsLess(
            f"A run is active, and this plan no longer demands {', '.join(fewer[:10])}.",
            hint="Bring it back, or let a person put the plan into force.",
        )


def demands_less(state: State, after: Sequence[Phase]) -> list[str]:
    """What phases that are not closed demanded until now, and `after` does not: an agent may not plan its work away."""
    lost = []
    there = {phase.id: phase for phase in after}
    for old in (phase for phase in state.plan if not state.is_closed(phase.id)):
        new = there.get(old.id)
        if new is None:
            lost.append(f"phase {old.id}")
            continue
        tasks = {task.id for task in new.tasks}
        lost += [f"task {task.id}" for task in old.tasks if task.id not in tasks]
        lost += [f"the kind {old.kind} of phase {old.id}"] if new.kind != old.kind else []
        lost += [f"new behaviour in phase {old.id}"] if new.no_new_behaviour and not old.no_new_behaviour else []
        lost += [f"that {id} comes before {old.id}" for id in old.blocked_by if id not in new.blocked_by]
    return lost


def read(desk: Desk, state: State, content: bytes, *, first: bool = False) -> Mended:
    """The plan in `content` against the ledger; the `first` reading imports the boxes it finds ticked."""
    from phasegate.workflow.plan_blocks import PlanUnreadable
    from phasegate.workflow.plan_markdown import parse_plan, tick, untick

    path, digest = desk.settings.plan, hashlib.sha256(content).hexdigest()
    try:
        text = content.decode("utf-8")
        plan = parse_plan(text, path=path)
    except UnicodeDecodeError as problem:
        if first:
            line = content[: problem.start].count(b"\n") + 1
            raise PlanUnreadable(f"{path}:{line} is not UTF-8.", hint="Save the plan as UTF-8.") from problem
        return Mended(told=(f"{path} is not UTF-8 and cannot be read; the plan in force is the last one read.",))
    except Failure as failure:
        if first:
            raise
        return Mended(told=(f"{failure.message} {failure.hint} The plan in force is the last one read.",))
    ticked = {phase.id for phase in plan.phases if phase.done} | {
        task.id for phase in plan.phases for task in phase.tasks if task.done
    }
    facts: list[Fact] = []
    imported = tuple(sorted(ticked)) if first else ()
    if digest != state.plan_digest or first:
        facts.append(PlanRead(path, digest, plan.phases, imported))
    right = boxes_of_closed(state) | state.imported | set(imported)
    boxes = {phase.id for phase in plan.phases} | {task.id for phase in plan.phases for task in phase.tasks}
    wrong, missing = sorted(ticked - right), sorted((right & boxes) - ticked)
    if not wrong and not missing:
        return Mended(tuple(facts))
    text = untick(text, plan, boxes=wrong)
    for phase in plan.phases:
        own = [box for box in missing if box == phase.id or box in {task.id for task in phase.tasks}]
        if own:
            text = tick(text, plan, boxes=own, evidence=link_to(desk, state.record_of(phase.id).manifest))
    told = [f"{path}: boxes ticked by another hand were put back: {', '.join(wrong)}."] if wrong else []
    told += [f"{path}: boxes of closed phases were ticked again: {', '.join(missing)}."] if missing else []
    return Mended((*facts, BoxesPutBack(tuple(wrong + missing))), tuple(told), text.encode("utf-8"))


def boxes_of_closed(state: State) -> set[str]:
    """The boxes the ledger says are done: closed phases and their tasks."""
    boxes: set[str] = set()
    for phase in state.plan:
        if state.record_of(phase.id).status in ("closed", "publishing"):
            boxes |= {phase.id} | {task.id for task in phase.tasks}
    return boxes


def link_to(desk: Desk, target: str) -> str:
    """`target` (relative to the root) as a link from the plan's folder; empty stays empty."""
    if not target:
        return ""
    folder = desk.settings.plan.split("/")[:-1]
    parts = target.split("/")
    while folder and parts[:-1] and folder[0] == parts[0]:
        folder, parts = folder[1:], parts[1:]
    return "../" * len(folder) + "/".join(parts)
