"""The usage of phasegate as a page."""

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
    Quiet,
    Say,
    Section,
    Table,
    Tile,
    cite,
    words,
)
from phasegate.report.usage import Counted, Usage
from phasegate.report.words import Local, counted, moment, number, stretch

ROWS_SHOWN = 12


def usage_page(usage: Usage, local: Local) -> Page:
    """`usage` as a page; `local` is the reader's clock."""
    until = local(usage.window.until_at)
    since = usage.window.since_at
    period = stretch(local(since), until) if since else f"until {until.date}, {until.clock} ({until.zone})"
    parts = (
        _counts("decisions", "What hooks decided", "Decision", usage.decisions), _refused(usage),
        _counts("paths", "Most refused", "Path or command", usage.most_refused, code=True),
        _counts("loops", "Loops by step", "Step", usage.loops),
        _counts("sessions", "Sessions", "Client", usage.sessions),
        _disputed(usage, local),
    )  # fmt: skip
    about = "" if since else "since the ledger began"
    return Page("How phasegate is used here", period, about, _headline(usage),
                 "plain", _tiles(usage), tuple(part for part in parts if part is not None))  # fmt: skip


def _headline(usage: Usage) -> str:
    refused = sum(int(rule.count.value or 0) for rule in usage.refused)
    if not refused:
        return "Nothing was refused."
    disputed = f", {counted(len(usage.disputed), 'refusal')} called wrong" if usage.disputed else ""
    return f"{counted(refused, 'call')} refused by {counted(len(usage.refused), 'rule')}{disputed}."


def _tiles(usage: Usage) -> tuple[Tile, ...]:
    refs = tuple(ref for rule in usage.refused for ref in rule.count.refs[:2])
    refused = sum(int(rule.count.value or 0) for rule in usage.refused)
    loops = sum(int(step.count.value or 0) for step in usage.loops)
    sessions = sum(int(each.count.value or 0) for each in usage.sessions)
    return (
        Tile("Refused", Cited(number(refused), refs), words("calls")),
        Tile("Loops", Cited(number(loops), _first(usage.loops)), words("of phases")),
        Tile("Sessions", Cited(number(sessions), _first(usage.sessions)), words("began or went on")),
        Tile("Exceptions", cite(usage.waivers_in_force), words("in force now")),
        Tile("Called wrong", Cited(number(len(usage.disputed)), tuple(each.ref for each in usage.disputed)),
             words("refusals")),
    )  # fmt: skip


def _first(found: tuple[Counted, ...]) -> tuple[str, ...]:
    return tuple(ref for each in found for ref in each.count.refs[:1])


def _counts(
    anchor: str, title: str, column: str, found: tuple[Counted, ...], *, code: bool = False
) -> Section | None:  # fmt: skip
    if not found:
        return None
    rows = tuple(
        (words(Code(each.name) if code else each.name), words(cite(each.count))) for each in found[:ROWS_SHOWN]
    )
    blocks: list[Block] = [Table((Column(column), Column("Times", True)), rows)]
    left = len(found) - ROWS_SHOWN
    blocks += [Say(words(Quiet(f"And {left} more: phasegate report --usage --json")))] if left > 0 else []
    return Section(anchor, title, tuple(blocks))


def _refused(usage: Usage) -> Section | None:
    if not usage.refused:
        return None
    columns = (Column("Rule"), Column("Times", True), Column("Most telling case", prose=True))
    rows = tuple(
        (words(Code(rule.rule)), words(cite(rule.count)),
         words(Code(rule.telling.target), Quiet(f": {rule.telling.reason}")))
        for rule in usage.refused
    )  # fmt: skip
    wrong = Say(words(Quiet('Was one of them wrong? phasegate why ID --wrong "WHY"')))
    return Section("refused", "Refusals by rule", (Table(columns, rows), wrong))


def _disputed(usage: Usage, local: Local) -> Section | None:
    if not usage.disputed:
        return None
    until = local(usage.window.until_at)
    entries = tuple(
        Entry(words("The refusal of ", Cited(f"event {each.refused[1:]}", (each.refused,)), f": {each.why} ",
                    Quiet(f"{each.by}, "), Cited(moment(local(each.at), until), (each.ref,))))
        for each in usage.disputed
    )  # fmt: skip
    cases = Entry(
        words("As cases to try the rules on:"), commands=(Command("phasegate policy disputed --export FILE"),)
    )
    return Section("disputed", "Called wrong", (Entries((*entries, cases)),))
