"""What the tests of importing share: draft a text, merge it, read the plan back."""

from __future__ import annotations

from phasegate.workflow.importing import readers, recognise
from phasegate.workflow.importing.draft import Draft, Form, Source
from phasegate.workflow.importing.merge import Merged, merge
from phasegate.workflow.plan import Phase
from phasegate.workflow.plan_markdown import parse_plan

PATH = "docs/development_roadmap/phases.md"


def drafted(text: str, path: str = "TODO.md", form: Form | None = None) -> Draft:
    known = form or recognise.form_of(path, text)
    assert known is not None, path
    return readers.draft(Source(path, text, known, path, recognise.group_of(path)))


def merged(*drafts: Draft, before: str = "") -> Merged:
    return merge(before, PATH, drafts)


def planned(text: str, path: str = "TODO.md", form: Form | None = None) -> tuple[Phase, ...]:
    """The phases of a new plan that imports `text`."""
    result = merged(drafted(text, path, form))
    return parse_plan(result.text, path=PATH).phases if result.phases else ()


def outline_of(text: str, path: str = "TODO.md", form: Form | None = None) -> list[tuple[str, list[str]]]:
    """Titles and task texts, as a plan reads them."""
    return [(phase.title, [task.text for task in phase.tasks]) for phase in planned(text, path, form)]


def whys(text: str, path: str = "TODO.md", form: Form | None = None) -> list[tuple[int, str]]:
    """What is not in the plan: lines and reasons."""
    return [(one.line, one.why) for one in merged(drafted(text, path, form)).left_out]
