"""Which blocks of a plan are phases, by the rule `plan_markdown` opens with, and what each of them says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, NoReturn

from phasegate.errors import Failure
from phasegate.workflow.plan import KINDS, Kind, Phase, Plan, Task
from phasegate.workflow.plan_blocks import LABEL, Block, Mark, Reader

MAX_BOXES = 5_000
MAX_BLOCKERS = 100
WORDS = ("phase", "milestone", "sprint", "stage", "step", "task")
ITEM_WORDS = WORDS[:-2]  # "Step 1: ..." in a list is a task

_NUMBER = r"[A-Za-z]?[0-9]{1,3}(?:\.[0-9]{1,3})*[A-Za-z]?|[IVX]{1,5}|[A-Z]"
NAMED = {
    word: re.compile(
        rf"^[\W_]*(?:{word}|{word.title()}|{word.upper()})[ \t]*#?({_NUMBER})"
        r"(?!\w|[/–-][0-9]|[ \t]*[&+])[ \t]*([:.)—–-]|$)?"
    )
    for word in WORDS
}
NUMBERED = re.compile(
    r"^[\W_]*(?=[0-9]+(?:\.[0-9]|[.):][ \t]|[ \t]+[—–-]))"
    r"([0-9]{1,3}(?:\.[0-9]{1,3})*)[.):]?(?:[ \t]+[—–-])?[ \t]+(?=\S)"
)
_WRITTEN = re.compile(r"^(?:[Tt]ask[ \t]+)?([\w]+(?:\.[0-9]{1,4})+)(?![\w.]*\w)")
_TAG = re.compile(r"[(\[][ \t]*(" + "|".join(KINDS) + r")[ \t]*[)\]]", re.IGNORECASE)
_BLOCKED_TAG = re.compile(r"\([ \t]*(?:blocked by|depends on)[ \t:]([^()]*)\)", re.IGNORECASE)
_QUIET_TAG = re.compile(r"\([ \t]*no new behaviou?r[ \t]*\)", re.IGNORECASE)
_REFERENCE = re.compile(
    rf"^(?P<word>(?:{'|'.join(WORDS)})s?[ \t]+)?#?(?P<id>{_NUMBER})(?!\w|\.[0-9])"
    r"(?:[ \t]*(?:-|–|—|to|through|\.\.)[ \t]*(?P<last>[0-9]+)\b)?(?![ \t]*(?:/|\+|or\b))(?P<rest>.*)$",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"^(?:[\W_]+|[\W_]*(?:none|nothing|n/a|no)\b.*)$", re.IGNORECASE)
_AREA = re.compile(r"^\w[\w.-]{0,63}$")
# The first of these words in a title names the kind of a phase that states none; without one it is a feature.
_TITLE_WORDS: dict[Kind, str] = {
    "feature": "add adds implement introduce support create build new feature",
    "fix": "fix fixes bug bugs bugfix hotfix repair patch regression",
    "refactor": "refactor refactoring restructure reorganise reorganize simplify rename extract cleanup",
    "docs": "doc docs document documentation readme guide tutorial handbook",
    "spike": "spike research investigate investigation prototype poc feasibility experiment evaluate",
    "chore": "chore ci upgrade bump dependencies tooling housekeeping maintenance scaffold scaffolding",
}
_KIND_WORDS = {word: kind for kind, words in _TITLE_WORDS.items() for word in words.split()}


def inferred_kind(title: str) -> Kind | None:
    """The kind that the first telling word of `title` names."""
    return next((_KIND_WORDS[word] for word in re.findall(r"\w+", title.lower()) if word in _KIND_WORDS), None)


class PlanEmpty(Failure):
    """The plan lists no phase."""

    code = "plan-empty"


class Span(NamedTuple):
    """Where a phase stands among the blocks: `head`, and up to `end` what belongs to it."""

    head: int
    end: int
    id: str
    title: str


class Reading(NamedTuple):
    """A plan with the place of each of its boxes, by phase or task id, and of its spans."""

    plan: Plan
    marks: dict[str, Mark]
    blocks: list[Block]
    spans: list[Span]


class _Finder:
    """Finds the phases among the blocks, by the rule this module opens with."""

    def __init__(self, reader: Reader) -> None:
        self.refusal = reader.refusal
        self.blocks = reader.blocks
        self.without: list[tuple[Span, str]] = []

    def spans(self) -> list[Span]:
        for word in WORDS:
            if found := self._named(word, "heading") or (word in ITEM_WORDS and self._named(word, "item")):
                return found
        if self.without and any(block.mark for block in self.blocks):
            self._refuse_unboxed(self.without[0])
        self._no_bold_headings(WORDS)
        return self._numbered() or self._nearest()

    def _end(self, head: int) -> int:
        block = self.blocks[head]
        for index in range(head + 1, len(self.blocks)):
            other = self.blocks[index]
            if block.what == "item" and head not in other.items:
                return index
            if block.what == "heading" and other.what == "heading" and other.level <= block.level:
                return index
        return len(self.blocks)

    def _boxed(self, head: int, end: int) -> bool:
        return any(block.mark for block in self.blocks[head:end])

    def _named(self, word: str, what: str) -> list[Span]:
        spans: list[Span] = []
        without: list[tuple[Span, str]] = []
        for index, block in enumerate(self.blocks):
            if block.what != what or block.items or not (name := NAMED[word].match(block.text)):
                continue
            span = Span(index, self._end(index), name[1].lower(), block.text[name.end() :])
            if self._boxed(span.head, span.end):
                self._take(span, spans)
            elif name[2] is not None and not (spans and spans[-1].end > index):
                without.append((span, word))
        if what == "item" and not any(self._boxed(span.head + 1, span.end) for span in spans):
            return []
        if spans and without:
            self._refuse_unboxed(without[0])
        self.without.extend(without)
        if spans:
            self._no_bold_headings(WORDS[: WORDS.index(word) + 1], spans)
        return spans

    def _refuse_unboxed(self, found: tuple[Span, str]) -> NoReturn:
        span, word = found
        raise self.refusal(
            self.blocks[span.head].line,
            f"is {word} {span.id} without a check box",
            "Give it one, or nothing could say that it is done.",
        )

    def _take(self, span: Span, spans: list[Span]) -> None:
        outer = spans[-1] if spans else None
        if outer is None or span.head >= outer.end:
            spans.append(span)
        elif span.id != outer.id and not span.id.startswith(outer.id + "."):
            raise self.refusal(
                self.blocks[span.head].line,
                f"starts {span.id} inside {outer.id}",
                "Put phases side by side, under headings of one level.",
            )

    def _no_bold_headings(self, words: Iterable[str], spans: Sequence[Span] = ()) -> None:
        around = {index: span.id for span in spans for index in range(span.head, span.end)}
        for index, block in enumerate(self.blocks):
            bold = block.what == "prose" and block.strong and not block.items
            names = (NAMED[word].match(block.text) for word in words if bold)
            if any(name and name[2] is not None and name[1].lower() != around.get(index) for name in names):
                raise self.refusal(
                    block.line,
                    f"looks like a phase but is no heading: {block.text[:60]!r}",
                    "Write it as a heading, as in `## Phase 1: Title`.",
                )

    def _numbered(self) -> list[Span]:
        spans: list[Span] = []
        for index, block in enumerate(self.blocks):
            if block.what == "heading" and (name := NUMBERED.match(block.text)):
                span = Span(index, self._end(index), name[1], block.text[name.end() :])
                if self._boxed(span.head, span.end) and not (spans and index < spans[-1].end):
                    spans.append(span)
        return spans

    def _nearest(self) -> list[Span]:
        heads = [index for index, block in enumerate(self.blocks) if block.what == "heading"]
        sections = zip(heads, [*heads[1:], len(self.blocks)], strict=False)
        return [
            Span(head, end, slug(_untagged(self.blocks[head].text)), self.blocks[head].text)
            for head, end in sections
            if self._boxed(head, end)
        ]


def _untagged(title: str) -> str:
    """A title without its tags: correcting a kind must not give the phase another id."""
    for pattern in (_TAG, _BLOCKED_TAG, _QUIET_TAG):
        title = pattern.sub("", title)
    return " ".join(title.strip(" \t:—–-").split())


def slug(title: str) -> str:
    """A title as a name: letters and digits of any script in lower case, dashes between, at most 60."""
    return re.sub(r"[\W_]+", "-", title.lower()).strip("-")[:60].rstrip("-")


def read(text: str, path: str) -> Reading:
    reader = Reader(text, path)
    blocks = reader.read()
    spans = _Finder(reader).spans()
    inside = {index for span in spans for index in range(span.head, span.end)}
    for index, block in enumerate(blocks):
        if block.mark and index not in inside:
            raise reader.refusal(
                block.line,
                "has a check box outside every phase",
                "Move it under the heading of a phase, or take its box away.",
            )
    if not spans:
        raise PlanEmpty(
            f"{path} lists no phase with a check box.",
            hint="Write one, as in `## Phase 1: Title` and `- [ ] task` below it.",
        )
    builders = [_Builder(reader, span) for span in spans]
    marks: dict[str, Mark] = {}
    for builder in builders:
        builder.read(marks)
    _refuse_same_ids(reader, builders)
    titles = {slug(builder.title) or builder.span.id: builder.span.id for builder in builders}
    blockers = [builder.resolved(titles, [span.id for span in spans]) for builder in builders]
    plan = Plan(path, tuple(builder.phase(ids) for builder, ids in zip(builders, blockers, strict=True)))
    _refuse_circles(reader, plan)
    return Reading(plan, marks, blocks, spans)


class _Builder:
    """Builds one phase from its span."""

    def __init__(self, reader: Reader, span: Span) -> None:
        self.reader, self.span = reader, span
        self.head = reader.blocks[span.head]
        self.title = span.title
        self.kinds: list[tuple[str, int]] = []
        self.areas: list[tuple[str, int]] = []
        self.blockers: list[tuple[str, int, bool]] = []
        self.quiet = False
        self.details: list[str] = []
        self.tasks: list[Task] = []

    def read(self, marks: dict[str, Mark]) -> None:
        if not self.span.id:
            raise self.reader.refusal(self.head.line, "is a phase without a name", "Give it a number or a title.")
        self._tags()
        for index in range(self.span.head + 1, self.span.end):
            block = self.reader.blocks[index]
            if not block.mark and not self._in_task(block):
                self._label(block)
        self._number(marks)
        if self.head.mark:
            marks[self.span.id] = self.head.mark

    def _in_task(self, block: Block) -> bool:
        return any(item != self.span.head and self.reader.blocks[item].mark for item in block.items)

    def _tags(self) -> None:
        title, line = self.title, self.head.line
        for tag in _TAG.finditer(title):
            self.kinds.append((tag[1], line))
        for tag in _BLOCKED_TAG.finditer(title):
            self.blockers.append((tag[1], line, True))
        self.quiet = _QUIET_TAG.search(title) is not None
        self.title = _untagged(title)
        evidence = self.head.mark.evidence if self.head.mark else ""
        self.details = [link for link in self.head.links if _is_file(link) and link != evidence]

    def _label(self, block: Block) -> None:
        for part in re.split(r"[ \t][·|•][ \t]", block.text.replace("`", "")):
            label = LABEL.match(part)
            if label and (block.what != "heading" or not label[3]):
                self._state(label[1].lower().replace("-", " "), label[3].strip(), label[2] == ":", block)

    def _state(self, name: str, value: str, colon: bool, block: Block) -> None:
        match name:
            case "kind" if colon:
                self.kinds.append((value.strip(" \t*_."), block.line))
            case "area" if colon:
                self.areas.append((value.strip(" \t*_"), block.line))
            case "blocked by" | "depends on":
                if not value:
                    raise self.reader.refusal(block.line, "names no phase behind it", "Write `Blocked by: Phase 1`.")
                self.blockers.append((value, block.line, colon))
            case "detail" | "details" if colon:
                self.details.extend(link for link in block.links if _is_file(link))
            case _ if name.startswith("no new"):
                self.quiet = self.quiet or value.lower().strip(" *_.") not in ("no", "false")

    def _number(self, marks: dict[str, Mark]) -> None:
        names: dict[int, str] = {}
        counts: dict[str, int] = {}
        prefix = self.span.id
        for index in range(self.span.head + 1, self.span.end):
            block = self.reader.blocks[index]
            if block.what == "heading":
                number = re.match(r"^\W*(\w+(?:\.[0-9]+)+)(?!\w)", block.text)
                prefix = number[1] if number and number[1].startswith(self.span.id + ".") else self.span.id
            if not block.mark:
                continue
            parent = next((names[item] for item in reversed(block.items) if item in names), prefix)
            counts[parent] = counts.get(parent, 0) + 1
            written = _WRITTEN.match(block.text)
            stated = written is not None and written[1].startswith(self.span.id + ".")
            names[index] = id = written[1] if written and stated else f"{parent}.{counts[parent]}"
            marks[id] = block.mark
            self.tasks.append(Task(id, block.text, block.mark.done, block.line + 1, block.mark.evidence))
        if len(marks) > MAX_BOXES:
            raise self.reader.refusal(self.head.line, f"makes it more than {MAX_BOXES} boxes", "Split the plan.")

    def resolved(self, titles: Mapping[str, str], ids: list[str]) -> tuple[str, ...]:
        """The ids of the phases that block this one, named by id or by title."""
        found: list[str] = []
        for value, line, strict in self.blockers:
            whole = slug(value)
            pieces = [value] if whole in titles else re.split(r",|;|&|\band\b", re.sub(r"\([^()]*\)", "", value))
            if len(pieces) > MAX_BLOCKERS:
                raise self.reader.refusal(line, f"names more than {MAX_BLOCKERS} phases", "Name a range, as in 1-9.")
            for piece in (piece.strip(" \t*_.") for piece in pieces):
                if (name := slug(piece)) in titles:
                    found.append(titles[name])
                elif piece and not _NOTHING.match(piece):
                    found.extend(self._referred(piece, line, strict, ids))
        return tuple(dict.fromkeys(found))

    def _referred(self, piece: str, line: int, strict: bool, ids: list[str]) -> list[str]:
        reference = _REFERENCE.match(piece)
        sure = reference and (reference["word"] or not re.match(r"[ \t]*\w", reference["rest"]))
        if reference and sure and reference["id"].lower() in ids:
            first = ids.index(reference["id"].lower())
            if not (last := reference["last"]):
                return [ids[first]]
            if last in ids[first:]:
                return ids[first : ids.index(last) + 1]
        if (
            strict
            or sure
            or piece.lower() in ids
            or re.match(rf"(?:{'|'.join(WORDS)})s?[ \t]+[0-9]", piece, re.IGNORECASE)
        ):
            raise self.reader.refusal(
                line,
                f"is blocked by {piece[:60]!r}, which is no phase of this plan",
                f"Name phases by id, as in `Blocked by: {ids[0]}`.",
            )
        return []

    def phase(self, blocked_by: tuple[str, ...]) -> Phase:
        kind, stated = self._kind()
        mark = self.head.mark
        done = mark.done if mark else all(task.done for task in self.tasks)
        evidence = mark.evidence if mark else next((task.evidence for task in reversed(self.tasks) if done), "")
        return Phase(
            id=self.span.id,
            title=self.title or self.span.id,
            kind=kind,
            kind_stated=stated,
            area=self._area(),
            tasks=tuple(self.tasks),
            blocked_by=blocked_by,
            no_new_behaviour=self.quiet,
            line=self.head.line + 1,
            done=done,
            detail=(self.details or [""])[0].partition("#")[0],
            evidence=evidence,
        )

    def _kind(self) -> tuple[Kind, bool]:
        stated = {kind.lower(): line for kind, line in self.kinds}
        for name, line in reversed(stated.items()):
            if name not in KINDS or len(stated) > 1:
                said = " and ".join(stated) if len(stated) > 1 else name
                raise self.reader.refusal(line, f"states the kind {said[:60]!r}", f"Name one of {', '.join(KINDS)}.")
        for kind in KINDS:
            if kind in stated:
                return kind, True
        return kind_named(self.title), False

    def _area(self) -> str:
        for area, line in self.areas:
            if area and (not _AREA.match(area) or area != self.areas[0][0]):
                raise self.reader.refusal(
                    line, f"states the area {area[:60]!r}", "Name one area, in letters, digits, . _ -."
                )
        return self.areas[0][0] if self.areas else ""


def kind_named(title: str) -> Kind:
    """The kind that the first telling word of a title names; a feature when none does."""
    return inferred_kind(title) or "feature"


def _is_file(link: str) -> bool:
    return bool(re.fullmatch(r"(?![/\\#])(?![A-Za-z][A-Za-z0-9+.-]*:)[^#?\x00-\x1f]+\.(?:md|markdown)(?:#.*)?", link))


def _refuse_same_ids(reader: Reader, builders: Sequence[_Builder]) -> None:
    seen: dict[str, int] = {}
    for id, line in [(b.span.id, b.head.line) for b in builders] + [
        (t.id, t.line - 1) for b in builders for t in b.tasks
    ]:
        if id in seen:
            raise reader.refusal(
                line,
                f"has the id {id} again, which line {seen[id] + 1} has",
                "Give every phase and task a number or title of its own.",
            )
        seen[id] = line


def _refuse_circles(reader: Reader, plan: Plan) -> None:
    free: set[str] = set()
    waiting = list(plan.phases)
    while ready := [phase for phase in waiting if free.issuperset(phase.blocked_by)]:
        free.update(phase.id for phase in ready)
        waiting = [phase for phase in waiting if phase.id not in free]
    if waiting:
        ids = ", ".join(phase.id for phase in waiting)
        raise reader.refusal(
            waiting[0].line - 1,
            f"is in a circle of phases that wait for each other: {ids}",
            "Take one `blocked by` away.",
        )
