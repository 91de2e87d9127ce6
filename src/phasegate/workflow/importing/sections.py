"""From an outline to phases: which heading is one, which items are its tasks, and a reason for all that is neither."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from phasegate.workflow.importing import order
from phasegate.workflow.importing.draft import (
    LONGEST,
    Draft,
    DraftNote,
    DraftPhase,
    DraftTask,
    LeftOut,
    Source,
    left_out,
)
from phasegate.workflow.importing.kinds import kind_of
from phasegate.workflow.importing.outline import Row, outline
from phasegate.workflow.plan_phases import ITEM_WORDS, NAMED, NUMBERED

FINISHED = re.compile(
    r"^\W*(?:(?:already |recently )?(?:done|completed?|finished|shipped|implemented|released|achieved|archived?)\b|"
    r"change ?log|what'?s new|history\b|what we(?: have|['’]ve)? (?:built|shipped|done)\b)|[✅✔☑]",
    re.IGNORECASE,
)
REJECTED = re.compile(
    r"^\W*(?:won'?t|will not|rejected|non[- ]?goals?|out[- ]of[- ]scope|"
    r"(?:what(?:['’]?s| is) )?(?:not )?in (?:our|the) scope|not planned|abandoned|dropped|cancelled)\b",
    re.IGNORECASE,
)
MARKED_DONE = re.compile(r"^[✅✔☑🎉]|[✅✔☑]\ufe0f?$|^\[?(?:done|completed)\]?\b[:\s-]|[(\[](?:done|completed)[)\]]\.?$",
                         re.IGNORECASE)  # fmt: skip
NOTE = re.compile(
    r"^\W*(?:\w+ )?(?:goals?|purpose|critical|objective|independent test|checkpoint|exit criteri(?:a|on)|"
    r"definition of done|deliverables?|outcome)\b[^.:：]{0,40}[:：][ \t]*\S",
    re.IGNORECASE,
)
_PHASE_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_FINAL = re.compile(r"^\W*(?:final|last) phase\b", re.IGNORECASE)
_WAITS = re.compile(r"\((?:depends on|blocked by)[^()]*\bT[0-9]{2,4}\b[^()]*\)", re.IGNORECASE)
_TASK_ID = re.compile(r"\bT([0-9]{2,4})\b")
LONGEST_ORDER = 400


class Section(Struct, frozen=True):
    """What stands between two headings; `chain` are the headings around it, outermost first."""

    chain: tuple[Row, ...]
    rows: tuple[Row, ...]

    @property
    def boxed(self) -> bool:
        return any(row.box in ("open", "done") for row in self.rows)

    def under(self, pattern: re.Pattern[str]) -> bool:
        """Whether any heading around it says so."""
        return any(pattern.search(head.text) for head in self.chain)

    def within(self, pattern: re.Pattern[str], cut: Sequence[Section]) -> bool:
        """The same, but for the very first heading of the document, which names it."""
        first = next((section.chain[0].line for section in cut if section.chain), 0)
        return any(pattern.search(head.text) for head in self.chain if head.line != first or len(cut) < 3)


class Rules(Struct, frozen=True):
    """How a form is read: which sections are a plan, and in which an item without a box is a task."""

    reads: Callable[[Section], bool]
    bullets: Callable[[Section], bool]
    keep: Callable[[str], str] = str
    skips: Callable[[str], str] = lambda text: ""
    nested: bool = False
    tell_others: bool = True


def sections(rows: Sequence[Row]) -> list[Section]:
    """`rows` cut at their headings."""
    found: list[Section] = []
    chain: list[Row] = []
    inner: list[Row] = []
    for row in rows:
        if row.what != "heading":
            inner.append(row)
            continue
        found.append(Section(tuple(chain), tuple(inner)))
        chain, inner = [head for head in chain if head.level < row.level] + [row], []
    found.append(Section(tuple(chain), tuple(inner)))
    return [section for section in found if section.chain or section.rows]


def draft_phases(
    source: Source, cut: Sequence[Section], rules: Rules, title: str
) -> tuple[list[DraftPhase], list[LeftOut]]:
    """The phases of `source`, and what is in none; a list under no heading takes `title`."""
    drafter = _Drafter(source, cut, rules, title)
    drafter.read()
    return drafter.phases(), drafter.left


class _Drafter:
    """Sorts the sections of one source under the headings that become phases."""

    def __init__(self, source: Source, cut: Sequence[Section], rules: Rules, title: str) -> None:
        self.source, self.cut, self.rules, self.title = source, cut, rules, title
        firsts = [section.chain[0] for section in cut if section.chain and section.chain[0].level == 1]
        self.document = firsts[0] if firsts and all(first is firsts[0] for first in firsts) else None
        self.heads: dict[int, Row | None] = {}
        self.parents: dict[int, Row | None] = {}
        self.tasks: dict[int, list[DraftTask]] = {}
        self.notes: dict[int, list[DraftNote]] = {}
        self.sayings: list[tuple[Row, int | None]] = []
        self.left: list[LeftOut] = []

    def read(self) -> None:
        for section in self.cut:
            if self.rules.reads(section):
                self._items(section, self._key(section))
        for section in self.cut:
            key = self._key(section)
            if key in self.tasks:
                self._others(section, key, self.rules.reads(section))
            else:
                self._pass_over(section)

    def _key(self, section: Section) -> int:
        """The line of the heading whose phase a section is part of; 0 above the first heading."""
        head = self._head(section.chain)
        key = head.line if head else 0
        self.heads.setdefault(key, head)
        outer = [row for row in section.chain if head and row.line < head.line and row is not self.document]
        self.parents.setdefault(key, outer[-1] if outer else None)
        return key

    def _pass_over(self, section: Section) -> None:
        if self.rules.tell_others and section.under(_ORDERING):
            for row in section.rows:
                if row.what == "code":
                    self.leave(row.line, row.text, "an order drawn in code")
                elif row.what == "table":
                    self.leave(row.line, row.text, "a table")
                elif (
                    order.SAYS_ORDER.search(row.text) or order.NOTHING.search(row.text) or order.ARROW.search(row.text)
                ):
                    self.sayings.append((row, None))
        elif section.rows and (self.rules.tell_others or self.rules.reads(section)):
            head = section.chain[-1] if section.chain else section.rows[0]
            self.leave(head.line, head.text, "a section without tasks")

    def _head(self, chain: Sequence[Row]) -> Row | None:
        """The heading that is the phase: the outermost that is called one or numbered, else the nearest."""
        for head in chain:
            if head is not self.document and (is_named(head.text) or NUMBERED.match(head.text)):
                return head
        return chain[-1] if chain else None

    def leave(self, line: int, text: str, why: str) -> None:
        self.left.append(left_out(self.source, line, text, why))

    def _items(self, section: Section, key: int) -> None:
        bullets, finished = self.rules.bullets(section), section.under(FINISHED)
        rejected = section.under(REJECTED)
        holds = {line for row in section.rows if row.what == "item" for line in row.above}
        boxed_in = {line for row in section.rows if row.box in ("open", "done") for line in row.above}
        taken: set[int] = {task.line for task in self.tasks.get(key, [])}
        for row in (row for row in section.rows if row.what == "item"):
            why = self._why_not(row, bullets, holds, boxed_in, taken)
            if why or rejected:
                self.leave(row.line, row.text, why or "stands under what is not to be done")
                continue
            text = self.rules.keep(row.text)
            done = row.box == "done" or row.struck or bool(MARKED_DONE.search(text))
            done = done or (finished and row.box == "none")
            taken.add(row.line)
            if said := _WAITS.search(text):
                self.sayings.append((msgspec.structs.replace(row, text=said[0]), key))
            self.tasks.setdefault(key, []).append(DraftTask(text, row.line, done, row.above))

    def _why_not(self, row: Row, bullets: bool, holds: set[int], boxed_in: set[int], taken: set[int]) -> str:
        """Why an item is no task; "" when it is one."""
        text = self.rules.keep(row.text)
        if row.box == "odd":
            return "a box in a state that is not known"
        if not re.search(r"\w", text):
            return "an item without words"
        if len(text) > LONGEST:
            return f"longer than {LONGEST:,} characters"
        if row.box != "none":
            return self.rules.skips(text)
        if row.line in boxed_in:
            return "a group without a box of its own; its boxes are tasks"
        if any(line in taken for line in row.above) and not (bullets and self.rules.nested):
            return "text beneath a task"
        if not bullets:
            return "an item without a check box"
        if row.line in holds and text.endswith(":"):
            return "a group; its items are tasks"
        return self.rules.skips(text)

    def _others(self, section: Section, key: int, items_too: bool) -> None:
        """What else stands in a phase: its notes, what it waits for, and what is left out."""
        tables: set[int] = set()
        taken = {task.line for task in self.tasks[key]}
        for row in section.rows:
            if row.what == "item":
                if order.LABELLED.match(row.text) and row.line not in taken:
                    self.sayings.append((row, key))
                elif not items_too:
                    self.leave(row.line, row.text, "an item without a check box")
            elif row.what == "table":
                if not tables & {row.line, row.line - 1, row.line - 2}:
                    self.leave(row.line, row.text, "a table")
                tables.add(row.line)
            elif row.above:
                self.leave(row.line, row.text, "text beneath a task")
            elif row.what in ("prose", "quote") and NOTE.match(row.text) and len(row.text) <= LONGEST:
                self.notes.setdefault(key, []).append(DraftNote(row.text, row.line))
            elif row.what == "prose" and order.LABELLED.match(row.text):
                self.sayings.append((row, key))
            elif row.text:
                self.leave(row.line, row.text, {"code": "code", "quote": "a quotation"}.get(row.what, "prose"))
        head = section.chain[-1] if section.chain else None
        if head and head.line != key and section.rows:
            self.leave(head.line, head.text, "a heading inside a phase")

    def phases(self) -> list[DraftPhase]:
        """One phase for each heading that has tasks, in the order of the source."""
        keys = sorted(key for key in self.heads if key in self.tasks)
        titles = self._titles(keys)
        blocked = self._order(keys)
        return [self._phase(key, titles[key], tuple(sorted(blocked.get(key, ())))) for key in keys]

    def _phase(self, key: int, title: str, blocked_by: tuple[int, ...]) -> DraftPhase:
        kind = kind_of(self._titled(key), self.source.group or self._parent(key))
        return DraftPhase(title, key, kind, tuple(self.tasks[key]), tuple(self.notes.get(key, ())), blocked_by)

    def _titled(self, key: int) -> str:
        head = self.heads[key]
        return bare_title(head.text) if head else self.title

    def _parent(self, key: int) -> str:
        parent = self.parents[key]
        return bare_title(parent.text) if parent else ""

    def _titles(self, keys: Sequence[int]) -> dict[int, str]:
        """The title of each; where two are the same, the heading above each goes before it."""
        alone = {self.document.line, 0} if self.document else {0}
        titles = {key: self.source.group if key in alone and self.source.group else self._titled(key) for key in keys}
        same = {title for title in titles.values() if list(titles.values()).count(title) > 1}
        for key, title in titles.items():
            lead = [self.source.group] if self.source.group else []
            lead += [self._parent(key)] if title in same and self._parent(key) else []
            titles[key] = ": ".join(dict.fromkeys([*lead, title]))[:LONGEST]
        return titles

    def _order(self, keys: Sequence[int]) -> dict[int, set[int]]:
        named = [self._named(key) for key in keys]
        blocked: dict[int, set[int]] = {}
        for row, of in self.sayings:
            text, own = row.text[:LONGEST_ORDER], of if of in keys else None
            found, understood = order.waits(text, named, of=own)
            for then, firsts in found.items():
                blocked.setdefault(then, set()).update(firsts)
            if not understood:
                self.leave(row.line, row.text, "says an order, but of no two phases of this source")
        for then, firsts in blocked.items():
            for later in [first for first in firsts if first >= then]:
                firsts.discard(later)
                self.leave(then, self._titled(then), f"waits for a phase further down, {self._titled(later)[:60]}")
        return blocked

    def _named(self, key: int) -> order.Named:
        head = self.heads[key]
        number = (
            _PHASE_NUMBER.search(head.text) if head and (is_named(head.text) or NUMBERED.match(head.text)) else None
        )
        ids = frozenset(int(id) for task in self.tasks[key] if (id := _first_id(task.text)))
        return order.Named(key, self._titled(key), number[0] if number else "", ids)


_ORDERING = re.compile(r"\bdependenc|\border\b", re.IGNORECASE)


def _first_id(text: str) -> str:
    match = _TASK_ID.match(text.lstrip("*_` "))
    return match[1] if match else ""


def is_named(heading: str) -> bool:
    """Whether a heading calls itself a phase, milestone, sprint or stage with a number."""
    return _FINAL.match(heading) is not None or any(NAMED[word].match(heading) for word in ITEM_WORDS)


def bare_title(heading: str) -> str:
    """A heading without the number that it counts phases by: the plan has numbers of its own."""
    match = NAMED["phase"].match(heading) or NUMBERED.match(heading) or _FINAL.match(heading)
    rest = heading[match.end() :].lstrip(" \t:：.)—–-") if match else ""
    return rest or heading


def from_markdown(source: Source, rules: Callable[[Sequence[Section]], Rules]) -> Draft:
    """The draft of a Markdown text by the rules that its sections call for."""
    cut = sections(outline(source.text))
    phases, left = draft_phases(source, cut, rules(cut), source.group or source.label.rpartition("/")[2])
    if not phases:
        left.append(left_out(source, 0, source.label, "nothing in it reads as a task"))
    return Draft(source, tuple(phases), tuple(left))
