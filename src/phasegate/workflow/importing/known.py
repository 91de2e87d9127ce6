"""What a plan has from where already: the tasks with a line beneath them that says where they came from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from phasegate.workflow.importing.draft import DraftPhase, DraftTask
from phasegate.workflow.plan_phases import Reading

_FROM = re.compile(r"^From (.+?)(?::(\d+))?$")


class Known(Struct, frozen=True):
    """A task of the plan that was imported: which phase it is in, its words, and the place its link names."""

    phase: str
    title: str
    text: str
    label: str
    line: int
    done: bool


def origin(label: str, line: int) -> str:
    """What a link says of the place it leads to."""
    return f"{label}:{line}" if line else label


def imported(reading: Reading) -> list[Known]:
    """The tasks of a plan that name their source, in its order."""
    return list(_named(reading))


def _named(reading: Reading) -> Iterator[Known]:
    tasks = {task.line: (phase, task) for phase in reading.plan.phases for task in phase.tasks}
    for block in reading.blocks:
        place = _FROM.match(block.text) if block.what == "item" and not block.mark and block.items else None
        if place and (found := tasks.get(reading.blocks[block.items[-1]].line + 1)):
            phase, task = found
            yield Known(phase.id, phase.title, task.text, place[1], int(place[2] or 0), task.done)


def matched(label: str, phases: Sequence[DraftPhase], known: Sequence[Known]) -> dict[tuple[int, int], Known]:
    """For each place (index of phase, index of task) of a draft that the plan has, what it has there.

    A task is known by its source and words, first in a phase of its own title, then anywhere; then by the very line
    that a link names, whatever a person made of the words since.
    """
    places = {(p, t): (phase, task) for p, phase in enumerate(phases) for t, task in enumerate(phase.tasks)}
    rest = [one for one in known if one.label in {label, *(task.label for _, task in places.values())}]
    found: dict[tuple[int, int], Known] = {}
    for fits in (_in_place, _by_words, _by_line):
        waiting: dict[object, list[Known]] = {}
        for one in rest:
            waiting.setdefault(fits(one.label, one.title, one.text, one.line), []).append(one)
        for place, (phase, task) in places.items():
            if place not in found and (
                same := waiting.get(fits(task.label or label, phase.title, task.text, task.line))
            ):
                found[place] = same.pop(0)
        taken = {id(one) for one in found.values()}
        rest = [one for one in rest if id(one) not in taken]
    return found


def _in_place(label: str, title: str, text: str, line: int) -> object:
    return label, title, text


def _by_words(label: str, title: str, text: str, line: int) -> object:
    return label, text


def _by_line(label: str, title: str, text: str, line: int) -> object:
    return label, line


def reworded(task: DraftTask, one: Known) -> bool:
    """Whether the plan has other words for a task than its source has."""
    return task.text != one.text
