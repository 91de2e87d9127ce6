"""A look back as a page: findings by rule, what it cost, what was not read, and what phasegate would have done."""

from __future__ import annotations

from phasegate.report.blocks import (
    Block,
    Cited,
    Code,
    Column,
    Command,
    Entries,
    Entry,
    Page,
    Plain,
    Quiet,
    Say,
    Section,
    Table,
    Tile,
    Tone,
    words,
)
from phasegate.report.lookback.look import RULES, Look, Spent
from phasegate.report.lookback.seen import At, Cost, Finding, Rule, Unread
from phasegate.report.words import UNKNOWN, Local, counted, duration, money, number, rough, stretch

SHOWN = 12
"""Findings of one rule that a page shows; `--json` has all."""

ALSO = 3

TITLES: dict[Rule, tuple[str, str, str]] = {
    "key": ("keys", "Keys that passed through",
            "phasegate refuses an edit that carries a key, and redacts what it records."),
    "weakened": ("tests", "Tests that check less than they did",
                 "phasegate closes a phase only on a test run of its own, and says which tests are gone."),
    "claim": ("claims", "“Done”, with no test run behind it",
              "In a run, phasegate runs the tests itself, and a turn does not end on a false “done”."),
    "loop": ("circles", "Going in circles",
             "phasegate counts the loops of a phase, and after seven puts it to a person."),
}  # fmt: skip


def lookback_page(look: Look, local: Local, now_ms: int) -> Page:
    """`look` as a page; `local` is the reader's clock."""
    period = stretch(local(int(look.since * 1000)), local(now_ms)) if look.since else "from the beginning"
    sections = [_section(rule, look) for rule in RULES]
    return Page(
        "What happened before phasegate",
        period,
        "read on this machine; nothing was sent or written",
        _headline(look),
        "bad" if look.findings else "good" if look.sessions or look.commits else "wait",
        _tiles(look),
        tuple(section for section in (*sections, _spent(look, local), _unread(look), _closing(look)) if section),
    )


def _headline(look: Look) -> str:
    read = f"{counted(len(look.sessions), 'session')} and {counted(look.commits, 'commit')}"
    if not look.sessions and not look.commits:
        return "There was nothing to read: no session of a coding agent and no commit in this time."
    if not look.findings:
        return f"Nothing was found in {read}. The rules speak only when they are sure."
    return f"{counted(len(look.findings), 'finding')} in {read}. The rules speak only when they are sure."


def _tiles(look: Look) -> tuple[Tile, ...]:
    labels = {"key": "Keys", "weakened": "Tests weakened", "claim": "Unproved claims", "loop": "Circles"}
    found = [(rule, sum(finding.rule == rule for finding in look.findings)) for rule in RULES]
    tiles = [Tile(labels[rule], Cited(number(count)), (), _tone(rule, count)) for rule, count in found]
    return (*tiles, Tile("Cost", Cited(_usd(_total(look.sessions))), words(_at_work(_total(look.sessions)))))


def _tone(rule: Rule, count: int) -> Tone:
    if not count:
        return "good"
    return "bad" if rule in ("key", "weakened") else "wait"


def _section(rule: Rule, look: Look) -> Section | None:
    found = [finding for finding in look.findings if finding.rule == rule]
    if not found:
        return None
    anchor, title, would = TITLES[rule]
    blocks: list[Block] = [Entries(tuple(_entry(finding) for finding in found[:SHOWN]))]
    if len(found) > SHOWN:
        blocks.append(Say(words(Quiet(f"And {len(found) - SHOWN} more: phasegate lookback --json"))))
    blocks.append(Say(words(Quiet(would))))
    return Section(anchor, title, tuple(blocks), _tone(rule, len(found)))


def _entry(finding: Finding) -> Entry:
    also = () if finding.rule == "claim" else finding.also  # `more` says what these places are
    rows = [words(Code(finding.at.shown()), *_also(also))]
    rows += [words(Quiet(more)) for more in finding.more]
    return Entry(words(Plain(finding.what)), tuple(rows), tone=_tone(finding.rule, 1))


def _also(places: tuple[At, ...]) -> tuple[Quiet | Code, ...]:
    shown: list[Quiet | Code] = []
    for place in places[:ALSO]:
        shown += [Quiet(", " if shown else "  see also "), Code(place.shown())]
    left = len(places) - ALSO
    return (*shown, Quiet(f" and {left} more")) if left > 0 else tuple(shown)


def _spent(look: Look, local: Local) -> Section | None:
    if not look.sessions:
        return None
    columns = (Column("Session"), Column("Began"), Column("Prompts", True), Column("At work", True),
               Column("Idle", True), Column("Tokens in", True), Column("Out", True), Column("Cost", True))  # fmt: skip
    newest = sorted(look.sessions, key=lambda spent: -spent.began)[:SHOWN]
    blocks: list[Block] = [Table(columns, tuple(_row(spent, local) for spent in newest))]
    left = len(look.sessions) - len(newest)
    total = _total(look.sessions)
    tokens = (
        f"{rough(total.tokens_in)} tokens in, {rough(total.tokens_out)} out, {rough(total.tokens_cached)} from cache"
    )
    said = f"In all {_at_work(total)}, {_usd(total)}, {tokens}."
    blocks.append(Say(words(said)))
    idle = "Idle time is left out of the time at work: gaps over five minutes, and waiting for your next prompt."
    older = f" {counted(left, 'older session')}: phasegate lookback --json" if left else ""
    unknown = sum(spent.cost.usd is None for spent in look.sessions)
    price = f" {counted(unknown, 'session')} did not say what it cost." if unknown else ""
    blocks.append(Say(words(Quiet(idle + price + older))))
    blocks += [Say(words(Quiet("Transcripts lie in "), Code(place))) for place in look.places[:ALSO]]
    return Section("cost", "Time and cost", tuple(blocks))


def _row(spent: Spent, local: Local) -> tuple[tuple[Plain | Code | Quiet, ...], ...]:
    began, cost = local(int(spent.began * 1000)), spent.cost
    cells = (
        number(spent.prompts),
        duration(cost.active),
        duration(cost.idle),
        rough(cost.tokens_in),
        rough(cost.tokens_out),
        _usd(cost),
    )
    return ((Code(spent.id[:8]),), (Quiet(f"{began.day}, {began.clock}"),), *((Plain(cell),) for cell in cells))


def _total(sessions: tuple[Spent, ...]) -> Cost:
    costs = [spent.cost for spent in sessions]
    known = [cost.usd for cost in costs if cost.usd is not None]
    return Cost(
        sum(known) if known else None, sum(c.tokens_in for c in costs), sum(c.tokens_out for c in costs),
        sum(c.tokens_cached for c in costs), sum(c.active for c in costs), sum(c.idle for c in costs),
    )  # fmt: skip


def _usd(cost: Cost) -> str:
    return UNKNOWN if cost.usd is None else money(cost.usd)


def _at_work(cost: Cost) -> str:
    return f"{duration(cost.active)} at work"


def _unread(look: Look) -> Section | None:
    if not look.unread and not look.notes:
        return None
    merged: dict[tuple[str, str], int] = {}
    for item in look.unread:
        merged[item.what, item.why] = merged.get((item.what, item.why), 0) + item.count
    rows = [Entry(words(_unread_words(Unread(what, why, count)))) for (what, why), count in [*merged.items()][:SHOWN]]
    more = [Entry(words(f"And {len(merged) - SHOWN} more: phasegate lookback --json"))] if len(merged) > SHOWN else []
    return Section(
        "unread", "What was not read", (Entries((*rows, *more, *(Entry(words(note)) for note in look.notes))),)
    )


def _unread_words(item: Unread) -> str:
    return f"{number(item.count)} × {item.what}: {item.why}." if item.count != 1 else f"{item.what}: {item.why}."


def _closing(look: Look) -> Section:
    if look.findings:
        said = "With phasegate, this is watched while the agent works."
    elif look.sessions or look.commits:
        said = "phasegate keeps it that way."
    else:
        said = "There was nothing to read: no session and no commit of that time."
    begin = Entry(
        words(said), commands=(Command("phasegate init", "set up"), Command("phasegate demo", "watch it first"))
    )
    return Section("next", "From now on", (Entries((begin,)),))
