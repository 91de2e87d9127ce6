"""A task without a plan: one sentence becomes one small phase, of the kind that its words name."""

from __future__ import annotations

from collections.abc import Collection

from phasegate.workflow.plan import Kind, Phase, Task
from phasegate.workflow.plan_phases import kind_named, slug

PREFIX = "task:"
"""No phase of a plan has a colon in its id, so the two never meet."""

MOST_LETTERS = 2000
MOST_TASKS = 20
TITLE_LETTERS = 120


def small_phase(sentence: str, kind: Kind | None, tasks: Collection[str], taken: Collection[str]) -> Phase:
    """The phase that `sentence` makes, with an id that is not among those `taken`; by default it is the only task."""
    title = " ".join(sentence.split())
    id_ = _free(PREFIX + (slug(title)[:40].rstrip("-") or "untitled"), taken)
    named = tuple(Task(f"{number}", text, False, 0) for number, text in enumerate(tasks or (title,), 1))
    chosen = kind or kind_named(title)
    return Phase(
        id_, title[:TITLE_LETTERS], chosen, kind is not None, "", named, (), False, 0, False, "", ""
    )  # fmt: skip


def _free(wanted: str, taken: Collection[str]) -> str:
    number, id_ = 1, wanted
    while id_ in taken:
        number += 1
        id_ = f"{wanted}-{number}"
    return id_
