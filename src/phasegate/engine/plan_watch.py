"""The plan is where closure is published: a box ticked, or cleared, by another hand is put back and reported."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import msgspec

from phasegate.engine.desk import Change, Desk
from phasegate.errors import Failure
from phasegate.ledger.facts import BoxesPutBack, Fact, PlanRead
from phasegate.ledger.state import State


class Mended(msgspec.Struct, frozen=True):
    """What reading a changed plan came to: facts, what to tell, and the content to write when boxes are put back."""

    facts: tuple[Fact, ...] = ()
    told: tuple[str, ...] = ()
    content: bytes | None = None


def mended(desk: Desk, state: State, changes: Sequence[Change], *, skip: Collection[str] = ()) -> Mended:
    """Read the plan again when it is among `changes`, and put its boxes back to what the ledger says."""
    path = desk.settings.plan
    if path in skip or all(change.path != path for change in changes):
        return Mended()
    content = desk.files.read(path)
    return read(desk, state, content) if content is not None else Mended(told=(f"{path} is gone; bring it back.",))


def read(desk: Desk, state: State, content: bytes, *, first: bool = False) -> Mended:
    """The plan in `content` against the ledger; the `first` reading imports the boxes it finds ticked."""
    from phasegate.workflow.plan_markdown import parse_plan, tick, untick

    path, digest = desk.settings.plan, hashlib.sha256(content).hexdigest()
    try:
        text = content.decode("utf-8")
        plan = parse_plan(text, path=path)
    except UnicodeDecodeError:
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
