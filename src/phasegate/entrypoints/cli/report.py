"""`phasegate report`: one page on what happened, what needs a person, and on what evidence."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import rich_click as click

from phasegate.entrypoints import reporting
from phasegate.entrypoints.cli import answering, output
from phasegate.entrypoints.cli.session import desk, json_option
from phasegate.entrypoints.cli.terminal_page import drawn
from phasegate.entrypoints.reporting import draw, local
from phasegate.entrypoints.times import moment_of
from phasegate.errors import Exit
from phasegate.report.blocks import Page
from phasegate.report.page import page
from phasegate.report.usage import Usage, usage
from phasegate.report.usage_page import usage_page
from phasegate.report.values import Report
from phasegate.report.words import number, utc
from phasegate.wiring import RealDesk
from phasegate.workspace import files

INSTANTS = ("at", "since_at", "until_at", "asked_at", "began_at")
"""Fields of a report that are instants: UTC milliseconds in memory, ISO 8601 in JSON."""


MANY_EVENTS = 50_000
"""Reading more than these takes a second and more."""


@click.command()
@click.option("--since", metavar="TIME", help="From when: `yesterday`, `8h`, `07:30`, a date, `all`. "
              "Default: since the newest drive or run began.")  # fmt: skip
@click.option(
    "--usage", "of_usage", is_flag=True, help="How phasegate itself is used here; nothing leaves this machine."
)
@click.option("--format", "form", type=click.Choice(["terminal", "markdown", "html"]), default="terminal",
              show_default=True, help="How to draw it.")  # fmt: skip
@click.option("--output", "target", type=click.Path(dir_okay=False), metavar="FILE", help="Write it there.")
@click.option("--answer", "answers", is_flag=True, help="Then answer the open questions, one key each.")
@json_option
def report(
    since: str | None, of_usage: bool, form: str, target: str | None, answers: bool, as_json: bool
) -> int:  # fmt: skip
    """Show what happened, what needs you, and on what evidence; every figure with what shows it.

    Example: phasegate report --since yesterday --format html --output report.html
    """
    if answers:
        answering.refuse_others()
    since_ms = moment_of(since, datetime.now().astimezone()) if since is not None else None
    with desk(looks=True) as opened:
        value = _compiled(opened, since_ms, of_usage)
        shown = usage_page(value, local) if isinstance(value, Usage) else page(value, local)
        text = _as_json(value) if as_json else _drawn(opened, shown, value.observed, form, target)
    if target is None:
        output.say(text.removesuffix("\n"))
    else:
        files.write_atomic(os.path.dirname(os.path.abspath(target)), os.path.basename(target), text.encode())
        output.progress(f"phasegate: wrote {target}.")
    return answering.ask() if answers else Exit.OK


def _compiled(opened: RealDesk, since_ms: int | None, of_usage: bool) -> Report | Usage:
    if opened.state().position > MANY_EVENTS:
        output.progress(f"phasegate: reading {number(opened.state().position)} events")
    if not of_usage:
        return reporting.compiled(opened, since_ms)
    return usage(
        opened.project.log.read(), opened.state(), since_ms=since_ms or 0, now_ms=opened.now_ms(), today=opened.today()
    )


def _drawn(opened: RealDesk, shown: Page, observed: Mapping[str, int], form: str, target: str | None) -> str:
    if form == "terminal":
        colour = target is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        return drawn(shown, width=shutil.get_terminal_size((100, 24)).columns, colour=colour) + "\n"
    folder = os.path.dirname(os.path.abspath(target)) if target else os.getcwd()
    return draw(opened, shown, observed, "markdown" if form == "markdown" else "html", folder)


def _as_json(value: Report | Usage) -> str:
    """One line of JSON in ASCII, as `output.give` prints it, with instants as UTC."""
    return json.dumps(in_utc(msgspec.to_builtins(value)), separators=(",", ":"), ensure_ascii=True) + "\n"


def in_utc(value: Any) -> Any:
    """`value` with every instant in ISO 8601."""
    if isinstance(value, dict):
        return {key: utc(item) if key in INSTANTS and isinstance(item, int) else in_utc(item)
                for key, item in value.items()}  # fmt: skip
    return [in_utc(item) for item in value] if isinstance(value, list | tuple) else value
