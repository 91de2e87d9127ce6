"""The three forms of a page: nothing that others wrote is ever markup, and every form says the same."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from phasegate.entrypoints.cli.terminal_page import drawn
from phasegate.ledger.driving import ClientEnding, DriveEnded
from phasegate.report import markdown as md
from phasegate.report.blocks import (
    Bar,
    Bars,
    Cited,
    Code,
    Column,
    Command,
    Doc,
    Entries,
    Entry,
    Page,
    Plain,
    Quiet,
    Say,
    Section,
    Strong,
    Table,
    Tile,
    references,
)
from phasegate.report.html import html
from phasegate.report.markdown import markdown
from phasegate.report.page import headline, page
from phasegate.report.record import Told
from phasegate.report.sections import HOW_ENDED, OUTCOMES
from phasegate.report.usage import usage
from phasegate.report.usage_page import usage_page
from phasegate.report.values import File, Report
from phasegate.report.words import Stamp
from tests.cli.recorded import HOSTILE, dangerous, filled
from tests.report.story import told
from tests.report.test_night import MORNING, report_of

NASTY = (
    HOSTILE, "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))", "**x** _y_ ~z~",
    "</style><script>", "| a | b |", "# x", "&lt;b&gt;", "```", "x\n\n# head\n", "http://evil.example www.evil.example",
    "<!-- ", "'; DROP", "\u202egnp", "a@b.example", "[x]: http://evil.example", "![i](x)", "`a``b`", "\\`", "\\",
)  # fmt: skip
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=40))
VOID = {"meta", "br", "img", "link", "hr", "input"}


def local(ms: int) -> Stamp:
    return Stamp(ms, "Sun 22 Nov 2026", f"{ms // 3_600_000 % 24:02d}:{ms // 60_000 % 60:02d}", "UTC+00:00")


def no_link(file: File) -> str:
    return ""


def everything(text: str) -> Page:
    """A page with every kind of block and bit, all holding `text`."""
    cited, doc = Cited(text, ("@1", "ev-1"), 3, text), Doc(File("/w", text), text)
    words = (Plain(text), Strong(text), Quiet(text), Code(text), cited, doc)
    blocks = (
        Say(words, "bad"), Entries((Entry(words, (words,), (Command(text, text),), "wait"),), ranked=True),
        Entries((Entry(words),)), Table((Column(text), Column(text, True)), ((words, words),)),
        Bars(text, (Bar(words, 0.5, cited, text),)),
    )  # fmt: skip
    return Page(text, text, text, text, "bad", (Tile(text, cited, words, "good"),), (Section("a", text, blocks),))


class Reader(HTMLParser):
    """Tags in balance, and what they say."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data if "style" not in self.open else ""


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


SHAPE = [
    (tag, sorted(attributes)) for tag, attributes in read(html(everything("x"), no_link, {"@1": Told("x", "x")})).seen
]


@how(max_examples=60)
@given(TEXTS)
def test_html_has_the_same_tags_whatever_others_wrote(text: str) -> None:
    shown = html(everything(text), no_link, {"@1": Told(text, text)})
    reader = read(shown)
    assert [(tag, sorted(attributes)) for tag, attributes in reader.seen] == SHAPE
    assert not dangerous(shown)
    assert not [name for _, attributes in reader.seen for name in attributes if name.startswith("on")]
    assert {value[0] for _, a in reader.seen if (value := a.get("href"))} <= {"#"}


def tokens(text: str) -> list[Any]:
    found = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        found += [token, *(token.children or [])]
    return found


MARKUP = frozenset(
    "link_open html_inline html_block image em_open s_open heading_open strong_open fence code_block list_item_open "
    "td_open blockquote_open hr".split()
)


def shape(text: str) -> list[str]:
    """The markup of a Markdown text; an empty text has no strong words."""
    return [token.type for token in tokens(markdown(everything(text), no_link, {"@1": Told(text, text)}))
            if token.type in MARKUP]  # fmt: skip


PLAIN = shape("x")


@how(max_examples=60)
@given(TEXTS.filter(lambda text: re.search(r"\w", text) is not None))
def test_markdown_has_the_same_markup_whatever_others_wrote(text: str) -> None:
    shown = markdown(everything(text), no_link, {"@1": Told(text, text)})
    assert not dangerous(shown)
    assert [kind for kind in shape(text) if kind not in ("strong_open", "link_open")] == [
        kind for kind in PLAIN if kind not in ("strong_open", "link_open")
    ]
    links = [token.attrGet("href") for token in tokens(shown) if token.type == "link_open"]
    assert set(links) <= {f"#{md.RECORD}"}


@how(max_examples=60)
@given(TEXTS, st.integers(20, 140), st.booleans())
def test_a_terminal_is_sent_no_character_of_others_that_it_could_obey(text: str, width: int, colour: bool) -> None:
    shown = drawn(everything(text), width=width, colour=colour)
    assert not dangerous(re.sub(r"\x1b\[[0-9;]*m", "", shown))
    assert colour or "\x1b" not in shown
    assert max(map(len, re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()), default=0) <= 100


@pytest.mark.parametrize("text", NASTY)
def test_text_alone_is_text_in_markdown(text: str) -> None:
    assert {token.type for token in tokens(md.text(text))} <= {
        "paragraph_open", "paragraph_close", "inline", "text", "text_special", "softbreak",
    }  # fmt: skip


# -- what a night says ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def night() -> Page:
    return page(report_of(told()), local)


def test_the_headline_says_what_closed_and_what_waits() -> None:
    said = headline(report_of(told()))
    assert said == "4 of 6 phases closed. 1 deferred phase, 2 questions and 1 held change wait for you."


@pytest.mark.parametrize(
    "claim",
    [
        "4 of 6 phases closed", "$4.31", "2.2 M", "35.1 %", "61.2 %", "+26.1", "1 h 2 min", "usage limit",
        "phasegate answer approve q-8e41d07c35", "Exchange rates", "docs/style.md",
        "tests/test_dates.py::test_leap_day",
        "phasegate report --answer", "14be02d91c",
    ],
)  # fmt: skip
def test_every_form_says_it(night: Page, claim: str) -> None:
    told_ = {ref: Told("02:00", "something") for ref in references(night)}
    assert claim in drawn(night, width=100, colour=False)
    assert claim in markdown(night, no_link, told_)
    assert claim in read(html(night, no_link, told_)).said


def test_every_figure_in_html_leads_to_a_line_of_the_record(night: Page) -> None:
    told_ = {ref: Told("02:00", "something") for ref in references(night)}
    seen = read(html(night, no_link, told_)).seen
    ids = {attributes["id"] for _, attributes in seen if "id" in attributes}
    cited = [attributes["href"] for tag, attributes in seen if tag == "a" and attributes.get("class") == "cited"]
    assert len(cited) > 50 and {href[1:] for href in cited if href} <= ids


def test_every_reference_in_markdown_is_defined_and_names_its_command(night: Page) -> None:
    told_ = {ref: Told("02:00", "something") for ref in references(night)}
    links = [t for t in tokens(markdown(night, no_link, told_)) if t.type == "link_open"]
    assert len(links) > 50
    assert all(re.match(r"phasegate (why @\d+|evidence show ev-\w+)$", str(link.attrGet("title"))) for link in links)


def test_the_html_page_loads_nothing_and_runs_nothing(night: Page) -> None:
    shown = html(night, no_link, {})
    assert "<script" not in shown and "url(" not in shown and "default-src 'none'" in shown
    assert not re.search(r"(?:src|href)=[\"'](?!#)", shown)


def test_an_archived_manifest_is_linked_where_it_is(night: Page) -> None:
    shown = html(night, lambda file: f"../{file.path}", {})
    assert 'href="../archive/investigations/project/2026-11-22_1/evidence.json"' in shown


def test_usage_counts_what_the_ledger_has() -> None:
    teller = told()
    found = usage(teller.log.read(), teller.state, since_ms=0, now_ms=MORNING, today="2026-11-22")
    assert {rule.rule: rule.count.value for rule in found.refused} == {"step": 4, "secret": 2, "own-files": 1}
    assert found.most_refused[0].name == "src/invoices/money.py"
    assert {loop.name: loop.count.value for loop in found.loops} == {"implement": 3}
    assert found.waivers_in_force.value == 1
    shown = drawn(usage_page(found, local), width=100, colour=False)
    assert "7 calls refused by 3 rules." in shown and "--wrong" in shown


def test_every_ending_and_outcome_has_words() -> None:
    assert set(HOW_ENDED) == set(ClientEnding.__args__)
    outcomes = next(field.type for field in msgspec.structs.fields(DriveEnded) if field.name == "outcome")
    assert set(OUTCOMES) == {"", *outcomes.__args__}


def test_a_report_of_hostile_facts_is_drawn_in_every_form() -> None:
    """Every field of a report that is text holds what somebody wrote who wants to be obeyed."""
    report = msgspec.structs.replace(filled(Report), first=())
    shown = page(report, local)
    for text in (drawn(shown, width=90, colour=False), html(shown, no_link, {}), markdown(shown, no_link, {})):
        assert not dangerous(text)
        assert "\x1b" not in text
