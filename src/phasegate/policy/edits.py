"""Which files the present step lets anybody edit; asked before an edit, and of every difference that a call left."""

from __future__ import annotations

import msgspec

from phasegate.settings import AT_THE_FORGE, Settings, matches
from phasegate.workflow.definition import Workflow


class Grounds(msgspec.Struct, frozen=True):
    """On what an edit is judged. Without a run `step` is empty, and only phasegate's own files are closed."""

    settings: Settings
    workflow: Workflow
    step: str = ""
    kind: str = ""


class Objection(msgspec.Struct, frozen=True):
    """Why a path may not be edited: the rule's name, and a reason that says what is permitted instead."""

    rule: str
    reason: str


WATCHED = "watched"
"""The rule by which a change of a file that is watched beside the tree is put back or held."""

CI = "ci"
"""The rule by which a change of what judges at the forge is held until a person has looked at it."""

STEP = "step"
"""The rule by which a step or the kind of a phase forbids an edit; the only one that gives way to a person's wish."""


def steps_for(path: str, grounds: Grounds) -> list[str]:
    """The steps, for an agent to work in, that would let `path` be edited."""
    file_class = grounds.settings.class_of(path)
    return [
        row.name for row in grounds.workflow.steps if row.does and _step_permits(path, file_class, grounds, row.name)
    ]


def object_to(path: str, grounds: Grounds) -> Objection | None:
    """The objection to editing `path` (relative to the root, `/` between parts), or None."""
    file_class = grounds.settings.class_of(path)
    if file_class == "own":
        return Objection(
            "own-files",
            f"{path} is written by phasegate or by a person, never by an agent. "
            "Use the `phasegate` commands to record what you want to say.",
        )
    if not grounds.step or _step_permits(path, file_class, grounds, grounds.step):
        return None
    return Objection(STEP, _reason(path, file_class, grounds))


def object_to_ci(path: str) -> Objection | None:
    """The objection to leaving a file that judges at the forge to an agent alone, or None."""
    if not matches(path.replace("../", ""), AT_THE_FORGE):
        return None
    return Objection(CI, "it says how changes are judged at the forge, so a person looks at its change.")


def _step_permits(path: str, file_class: str, grounds: Grounds, step: str) -> bool:
    """A path is open when both the step and the kind of the phase name it, by class or by pattern."""
    by_step = _names(grounds.workflow.step(step).may_edit, path, file_class)
    return by_step and _kind_permits(path, file_class, grounds)


def _kind_permits(path: str, file_class: str, grounds: Grounds) -> bool:
    return not grounds.kind or _names(grounds.workflow.kind(grounds.kind).may_edit, path, file_class)


def _names(may_edit: tuple[str, ...], path: str, file_class: str) -> bool:
    return file_class in may_edit or matches(path, tuple(entry for entry in may_edit if "/" in entry or "*" in entry))


def _reason(path: str, file_class: str, grounds: Grounds) -> str:
    step = grounds.workflow.step(grounds.step)
    if not _kind_permits(path, file_class, grounds):
        return (
            f"A {grounds.kind} phase edits no {file_class} files, and {path} is one. Put the change into another phase."
        )
    open_ = ", ".join(step.may_edit) or "nothing"
    where = steps_for(path, grounds)
    allowed = f"The step {where[0]} would allow it." if where else "No step of this workflow allows it."
    return (
        f"The step {step.name} may edit {open_}; {path} is a {file_class} file. {allowed} "
        "End this step with `phasegate done` when what it asks for is there."
    )
