"""Reads a source by its form: what counts as a plan in a README, a TODO list, a check list, a task file, an issue."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from phasegate.workflow.importing import issue, plain_list
from phasegate.workflow.importing.draft import Draft, Form, Source
from phasegate.workflow.importing.sections import Rules, Section, from_markdown

PLANNED = re.compile(
    r"\broad ?-?map\b|\bto ?-?dos?\b|\bplanned\b|\bupcoming\b|\bcoming soon\b|\bwhat'?s next\b|\bnext steps?\b|"
    r"\bfuture (?:work|plans?|features?|improvements?|enhancements?|ideas|goals|directions?)\b|\bbacklog\b|"
    r"\bwish ?list\b|\bmilestones?\b|^\W*plans?\b|^\W*(?:the )?future\W*$",
    re.IGNORECASE,
)
ASIDE = re.compile(
    r"\bhelp(?:ing)? out\b|\bcontribut|\bget(?:ting)? involved\b|\bcredits?\b|\backnowledg|\blicen[cs]e\b|^\W*legend\b|"
    r"\breferences?\b|\blinks?\b|\bresources\b|^\W*(?:about|introduction|overview|lessons|status|vision|philosophy)\b",
    re.IGNORECASE,
)
ORDERING = re.compile(r"\bdependenc(?:y|ies)\b|\bexecution order\b|\bparallel|\bstrategy\b|\bnotes?\b", re.IGNORECASE)
TASK_NUMBER = re.compile(r"^(?:\*\*)?[0-9]+(?:\.[0-9]+)+\.?[ \t]+")


def draft(source: Source) -> Draft:
    """What `source` says that is to be done, in its own words; never raises for what it says."""
    return _READERS[source.form](source)


def _tasks_of(source: Source) -> Draft:
    """A file that exists to list tasks: its boxes, or all its items where it has no box at all."""
    return from_markdown(source, _task_rules)


def _task_rules(cut: Sequence[Section]) -> Rules:
    boxed = any(section.boxed for section in cut)

    def reads(section: Section) -> bool:
        return section.boxed if boxed else _has_items(section) and not section.under(ORDERING)

    return Rules(reads, lambda section: not boxed, keep=lambda text: TASK_NUMBER.sub("", text))


def _todo(source: Source) -> Draft:
    if not source.label.lower().endswith((".md", ".markdown", "-")) and not _looks_like_markdown(source.text):
        return plain_list.draft(source)
    return from_markdown(source, _todo_rules)


def _todo_rules(cut: Sequence[Section]) -> Rules:
    """Boxes where there are any, and every item of a section that calls itself a plan; without boxes all items."""
    boxed = any(section.boxed for section in cut)

    def bullets(section: Section) -> bool:
        return (not boxed or section.within(PLANNED, cut)) and not section.boxed and not section.under(ASIDE)

    def reads(section: Section) -> bool:
        return section.boxed or (_has_items(section) and bullets(section))

    return Rules(reads, bullets, nested=True)


def _has_items(section: Section) -> bool:
    return any(row.what == "item" for row in section.rows)


def _looks_like_markdown(text: str) -> bool:
    return re.search(r"^#{1,6} \S|^[-*+] \[[ xX]\] ", text, re.MULTILINE) is not None


def _readme(source: Source) -> Draft:
    return from_markdown(source, _readme_rules)


def _readme_rules(cut: Sequence[Section]) -> Rules:
    def planned(section: Section) -> bool:
        return section.within(PLANNED, cut)

    def reads(section: Section) -> bool:
        return bool(section.rows) and (planned(section) or section.boxed)

    return Rules(reads, planned, tell_others=False)


_READERS: dict[Form, Callable[[Source], Draft]] = {
    "spec-kit": _tasks_of,
    "openspec": _tasks_of,
    "checklist": _tasks_of,
    "todo": _todo,
    "readme": _readme,
    "issue": issue.draft,
}
