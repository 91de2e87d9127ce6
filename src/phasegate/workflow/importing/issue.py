"""Reads the text of an issue: as Markdown, or as `gh issue view` prints it, with or without `--json`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from phasegate.foreign import UNREADABLE
from phasegate.workflow.importing.draft import LONGEST, Draft, DraftPhase, DraftTask, Source, clean
from phasegate.workflow.importing.kinds import kind_of, kind_of_labels
from phasegate.workflow.importing.sections import Rules, Section, from_markdown
from phasegate.workflow.plan import Kind

ASKED = re.compile(
    r"\btasks?\b|\bto ?-?dos?\b|\bcheck ?lists?\b|\bacceptance\b|\bcriteri|\brequirements?\b|\bsub-?tasks?\b|\bscope\b|"
    r"\bdeliverables?\b|\bnext steps?\b|\bproposed (?:changes?|work)\b|\bplan\b|\bdefinition of done\b|\bwork items?\b|"
    r"\bgoals\b|\broad ?-?map\b",
    re.IGNORECASE,
)
DECLARES = re.compile(
    r"^\W*(?:(?:i|we)(?:['’](?:ve|m|d|ll|re))?\b|yes\b|no\b|by submitting|"
    r"this (?:issue|is not|is a|bug)\b|my (?:issue|question)|"
    r"(?:checked|searched|read|confirmed) (?:the|that|for|other|existing|all)\b)",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\Atitle:[ \t]*(?P<title>[^\n]*)\n(?:(?P<rest>(?:[a-z-]+:[^\n]*\n)*))--\n")


class _Label(msgspec.Struct):
    name: str = ""


class _Json(msgspec.Struct):
    """What `gh issue view --json title,body,url,number,labels` prints of an issue."""

    title: str = ""
    body: str | None = ""
    url: str = ""
    number: int = 0
    labels: list[_Label] = []


class _Issue(msgspec.Struct, frozen=True):
    """An issue taken apart: `source` is its body as it is read on, with the lines that its links name."""

    title: str
    line: int
    source: Source
    labels: list[str]


def draft(source: Source) -> Draft:
    """One phase for each list of tasks in the issue; without one, a phase with the title for its task."""
    issue = _taken_apart(source)
    read = from_markdown(issue.source, _rules)
    kind = kind_of_labels(issue.labels)
    if not read.phases and issue.title:
        task = DraftTask(issue.title[:LONGEST], issue.line)
        only = DraftPhase(task.text, issue.line, kind or kind_of(issue.title), (task,))
        return Draft(issue.source, (only,), tuple(left for left in read.left_out if left.line))
    phases = tuple(_titled(phase, issue.title, kind, len(read.phases) == 1) for phase in read.phases)
    return Draft(issue.source, phases, read.left_out)


def _titled(phase: DraftPhase, title: str, kind: Kind | None, alone: bool) -> DraftPhase:
    if not title:
        return phase
    own = title if alone or phase.title == title else f"{title}: {phase.title}"
    return msgspec.structs.replace(phase, title=own[:LONGEST], kind=kind or (kind_of(title) if alone else phase.kind))


def _rules(cut: Sequence[Section]) -> Rules:
    boxed = any(row.box in ("open", "done") and not DECLARES.match(row.text) for section in cut for row in section.rows)

    def reads(section: Section) -> bool:
        if boxed or section.boxed:
            return section.boxed
        return section.under(ASKED) and any(row.what == "item" for row in section.rows)

    def skips(text: str) -> str:
        return "a declaration of whoever wrote the issue" if DECLARES.match(text) else ""

    return Rules(reads, lambda section: not boxed and section.under(ASKED), skips=skips)


def _taken_apart(source: Source) -> _Issue:
    found = _from_json(source) or _from_header(source)
    if found:
        return found
    for number, text in enumerate(source.text.split("\n")[:50], 1):
        if match := re.match(r"\ufeff?#[ \t]+(.+)$", text):
            return _Issue(clean(match[1].rstrip("# \t\r")), number, source, [])
    return _Issue("", 0, source, [])


def _from_json(source: Source) -> _Issue | None:
    if not source.text.lstrip().startswith("{"):
        return None
    try:
        given = msgspec.json.decode(source.text.encode("utf-8", "replace"), type=_Json)
    except UNREADABLE:
        return None
    named = _named(source, clean(given.url), given.number)
    body = msgspec.structs.replace(named, text=given.body or "")
    return _Issue(clean(given.title), 1, body, [label.name for label in given.labels])


def _from_header(source: Source) -> _Issue | None:
    text = source.text.replace("\r\n", "\n")
    if not (match := _HEADER.match(text)):
        return None
    fields = dict(row.split(":", 1) for row in match["rest"].split("\n") if ":" in row)
    number = fields.get("number", "").strip()
    named = _named(source, "", int(number) if number.isdecimal() and len(number) < 10 else 0)
    # The header becomes blank lines, so that the numbers of the others stay.
    body = "\n" * match[0].count("\n") + text[match.end() :]
    return _Issue(clean(match["title"]), 1, msgspec.structs.replace(named, text=body),
                  fields.get("labels", "").split(","))  # fmt: skip


def _named(source: Source, url: str, number: int) -> Source:
    """The source by the name that the issue gives itself, unless it lies in a file."""
    if source.target or not re.match(r"https?://\S+$", url):
        label = f"issue #{number}" if number and not source.target else source.label
        return msgspec.structs.replace(source, label=label)
    return msgspec.structs.replace(source, label=url, target=url)
