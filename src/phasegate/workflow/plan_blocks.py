"""The Markdown of a plan as blocks: headings, list items with their check boxes, lines of prose. Knows no phases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import unquote

from phasegate.errors import Failure
from phasegate.workflow.plan import BULLETS, EVIDENCE_LINK

if TYPE_CHECKING:  # most commands that know plans read none: what is recorded of it will do
    from markdown_it.token import Token

MAX_CHARACTERS = 256 * 1024

LABEL = re.compile(
    r"^[\W_]*(kind|area|blocked[ -]by|depends[ -]on|no new behaviou?r|details?)\b[ \t]*(:?)[ \t]*(.*)$", re.IGNORECASE
)
LINK = re.compile(EVIDENCE_LINK)
BOX = re.compile(rf"^({BULLETS})\[([ xX])\](?=[ \t]|$)")
_BRACKETS = re.compile(r"^\[([^\[\]\n]{0,12})\](.?)")
_ODD_STATE = re.compile(
    r"\s*[xX]?\s*|[^\w^]{1,2}|[A-Za-z]|done|wip|todo|blocked|skip(?:ped)?|completed?|in progress", re.IGNORECASE
)
_LIKE_A_BOX = re.compile(
    r"^[ \t>]*(?:(?:[-*+]|[0-9]{1,9}[.)]|#{1,6})[ \t]+)*\[[ xX]\](?:[ \t]|$)|\|[ \t]*\[[ xX]?\][ \t]*(?:\||\w)"
)
_HEADING_BOX = re.compile(r"^\[([ xX])\][ \t]|[ \t]\[([ xX])\]$")
_LOST_BOX = re.compile(r"(?<!\S)\[[ xX]\](?!\S)")
BLOCKERS = ("blocked by", "depends on")
_HIDING_TAG = re.compile(r"\s*<(?:!--|pre|script|style|textarea)", re.IGNORECASE)


class PlanUnreadable(Failure):
    """The plan could be read in two ways, or in none; the message names the line."""

    code = "plan-unreadable"


class Mark(NamedTuple):
    """A check box in the text: its line, the last line of its paragraph (both from 0), and what they say."""

    line: int
    last: int
    done: bool
    evidence: str


class Block(NamedTuple):
    """A heading, a list item or a line of prose, in the order of the file."""

    what: Literal["heading", "item", "prose"]
    text: str
    line: int
    level: int = 0
    mark: Mark | None = None
    links: tuple[str, ...] = ()
    items: tuple[int, ...] = ()
    strong: bool = False


class Reader:
    """Turns the text of a plan into blocks. Knows Markdown; knows nothing of phases."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        if len(text) > MAX_CHARACTERS:
            raise self.refusal(0, f"is longer than {MAX_CHARACTERS} characters", "Move detail into phase files.")
        if lone := re.search(r"\r(?!\n)", text):
            raise self.refusal(
                text.count("\n", 0, lone.start()),
                "has a carriage return that ends no line",
                "Save the file with LF or CRLF line ends.",
            )
        self.lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
        self.blocks: list[Block] = []
        self.unread: set[int] = set()

    def refusal(self, line: int, what: str, hint: str) -> PlanUnreadable:
        return PlanUnreadable(f"{self.path}:{line + 1} {what}.", hint=hint)

    def read(self) -> list[Block]:
        from markdown_it import MarkdownIt

        lines = list(self.lines)
        for number in range(_front_matter(lines)):
            lines[number] = ""
        env: dict[str, dict[str, object]] = {}
        tokens = MarkdownIt("commonmark").enable("table").parse("\n".join(lines), env)
        if "X" in env.get("references", {}):
            line = next((number for number, text in enumerate(lines) if re.search(r"\[[xX]\]:", text)), 0)
            raise self.refusal(line, "makes every ticked box a link", "Give the link target [x] another name.")
        self._walk(tokens)
        self._nothing_missed()
        return self.blocks

    def _walk(self, tokens: Sequence[Token]) -> None:
        items: list[int] = []
        pending = False  # the innermost item still waits for its first paragraph
        for before, token in zip([None, *tokens], tokens, strict=False):
            match token.type:
                case "list_item_open":
                    items.append(len(self.blocks))
                    self.blocks.append(Block("item", "", token.map[0] if token.map else 0, items=tuple(items[:-1])))
                    pending = True
                case "list_item_close":
                    items.pop()
                    pending = False
                case "fence" | "code_block" | "html_block":
                    self._skip(token)
                    pending = False
                case "inline" if before is not None:
                    if before.type == "heading_open" and before.level == 0:
                        self._heading(before, token)
                    elif before.type == "paragraph_open" and pending:
                        self._item(items, token)
                    elif before.type != "heading_open":
                        self._prose(before, items, token)
                    pending = False

    def _skip(self, token: Token) -> None:
        start, end = token.map or (0, 0)
        if token.type == "fence" and token.level == 0 and not _closed(token, self.lines[end - 1]):
            raise self.refusal(start, "opens a code fence that is never closed", f"Close it with {token.markup}.")
        if token.type == "fence" or _HIDING_TAG.match(token.content):
            if token.content.lstrip().startswith("<!--") and token.type == "html_block" and "-->" not in token.content:
                raise self.refusal(start, "opens a comment that is never closed", "Close it with -->.")
            self.unread.update(range(start, end))

    def _heading(self, opening: Token, inline: Token) -> None:
        start = (inline.map or (0, 1))[0]
        lines = plain(inline)
        text, links = " ".join(text for text, _ in lines), tuple(link for _, links in lines for link in links)
        mark = None
        raw = inline.content
        evidence = LINK.search(raw)
        bare = raw[: evidence.start()] if evidence else raw
        if boxes := list(_HEADING_BOX.finditer(bare)):
            if len(boxes) > 1 or opening.markup in ("=", "-"):
                raise self.refusal(start, "has a check box we cannot place", "Give a # heading one box, first or last.")
            done = (boxes[0][1] or boxes[0][2]) != " "
            mark = Mark(start, start, done, unquote(evidence[1]) if evidence else "")
            text = _HEADING_BOX.sub("", text.removesuffix(" (evidence)") if evidence else text)
            self.unread.add(start)
        if _LOST_BOX.search(text):
            raise self.refusal(start, "has a check box we cannot place", "Give a # heading one box, first or last.")
        self.blocks.append(Block("heading", text.strip(), start, int(opening.tag[1:]), mark, links))

    def _item(self, items: list[int], inline: Token) -> None:
        start, end = inline.map or (0, 1)
        lines = plain(inline)
        block = self.blocks[items[-1]]._replace(
            line=start, text=lines[0][0], links=tuple(lines[0][1]), strong=_starts_strong(inline)
        )
        if box := BOX.match(self.lines[start]):
            evidence = LINK.search(self.lines[end - 1])
            more = takewhile(lambda text: not _is_label(text), (text for text, _ in lines[1:]))
            text = " ".join(" ".join([lines[0][0][3:], *more]).split())
            text = text.removesuffix("(evidence)").rstrip() if evidence else text
            if not text:
                raise self.refusal(start, "has a check box without a text", "Say what is to be done.")
            mark = Mark(start, end - 1, box[2] != " ", unquote(evidence[1]) if evidence else "")
            block = block._replace(text=text, mark=mark)
            self.unread.add(start)
        elif (odd := _BRACKETS.match(inline.content)) and _is_odd(odd):
            raise self.refusal(
                start,
                f"has a check box in a state we do not know, [{odd[1]}]{odd[2].strip()}",
                "Write `- [ ] text` for open and `- [x] text` for done.",
            )
        self.blocks[items[-1]] = block
        for offset, (text, links) in enumerate(lines[1:], 1):
            self.blocks.append(Block("prose", text, start + offset, links=tuple(links), items=tuple(items)))

    def _prose(self, before: Token, items: list[int], inline: Token) -> None:
        start = (inline.map or (0, 1))[0]
        if before.type == "th_open" and inline.content.lower().strip("*_ ") in BLOCKERS:
            raise self.refusal(
                start,
                f"has a table column {inline.content!r}, which phasegate does not read",
                "Say it under each heading, as in `Blocked by: Phase 1`, and rename the column.",
            )
        if before.type in ("th_open", "td_open"):
            return
        strong = _starts_strong(inline)
        for offset, (text, links) in enumerate(plain(inline)):
            self.blocks.append(
                Block("prose", text, start + offset, links=tuple(links), items=tuple(items), strong=strong)
            )

    def _nothing_missed(self) -> None:
        for number, line in enumerate(self.lines):
            if number not in self.unread and _LIKE_A_BOX.search(line):
                raise self.refusal(
                    number,
                    "has a check box that Markdown does not show as one",
                    "Write `- [ ] text` as a list item, not in a quotation, table, HTML or indented code.",
                )


def _front_matter(lines: Sequence[str]) -> int:
    """How many lines the front matter takes; a `---` that nothing closes is a rule, and takes none."""
    if lines[0].rstrip() != "---":
        return 0
    return next((number + 1 for number, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), 0)


def _closed(fence: Token, last_line: str) -> bool:
    return bool(re.fullmatch(rf" {{0,3}}{re.escape(fence.markup[0])}{{{len(fence.markup)},}}[ \t]*", last_line))


def _is_odd(brackets: re.Match[str]) -> bool:
    inside, after = brackets.groups()
    if after and not after.isspace():
        return inside == " " or (inside in ("x", "X") and after not in "([:")
    return inside not in (" ", "x", "X") and _ODD_STATE.fullmatch(inside) is not None


def _is_label(text: str) -> bool:
    label = LABEL.match(text)
    return label is not None and (label[2] == ":" or label[1].lower().replace("-", " ") in BLOCKERS)


def plain(inline: Token) -> list[tuple[str, list[str]]]:
    """The lines of a paragraph as a reader sees them, each with its links; comments and tags are not seen."""
    lines: list[tuple[str, list[str]]] = [("", [])]
    for child in inline.children or []:
        text, links = lines[-1]
        match child.type:
            case "softbreak" | "hardbreak":
                lines.append(("", []))
            case "text" | "text_special" | "image":
                lines[-1] = (text + child.content, links)
            case "code_inline":
                lines[-1] = (f"{text}`{child.content}`", links)
            case "link_open":
                links.append(unquote(str(child.attrs.get("href", ""))))
    return lines


def _starts_strong(inline: Token) -> bool:
    return re.match(r"(?:\[[ xX]\][ \t]+)?(?:\*\*|__)", inline.content) is not None
