"""Reports of a ledger: compiled, drawn in a form, written where nobody's work tree is touched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from phasegate.context.sentences import sentence
from phasegate.ledger.schema import fact_of
from phasegate.report.blocks import Page, references
from phasegate.report.html import html
from phasegate.report.markdown import markdown
from phasegate.report.night import assemble
from phasegate.report.page import page
from phasegate.report.record import Linked, Told
from phasegate.report.values import File, Report, position_of
from phasegate.report.words import Stamp, moment
from phasegate.wiring import RealDesk
from phasegate.workspace import files

Form = Literal["markdown", "html"]

REPORTS = "reports"
"""The folder for reports, beside the ledger: outside every work tree, so that no digest and no agent ever sees it."""


def compiled(desk: RealDesk, since_ms: int | None = None) -> Report:
    """What the ledger says since then; None is since the newest drive or run began."""
    return assemble(
        desk.project.log.read(), desk.state(), workflow=desk.workflow, since_ms=since_ms,
        now_ms=desk.now_ms(), today=desk.today(),
    )  # fmt: skip


def write_report(desk: RealDesk, since_ms: int | None = None) -> tuple[str, str]:
    """Write the report as Markdown and HTML beside the ledger; the paths of both. A drive calls this as it ends."""
    report = compiled(desk, since_ms)
    shown = page(report, local)
    folder = os.path.join(desk.project.directory, REPORTS)
    name = datetime.fromtimestamp(report.window.until_at / 1000).strftime("%Y-%m-%d-%H%M%S")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    paths = []
    for form, suffix in (("markdown", ".md"), ("html", ".html")):
        drawn = draw(desk, shown, report.observed, form, folder)  # type: ignore[arg-type]
        files.write_atomic(folder, name + suffix, drawn.encode())
        paths.append(os.path.join(folder, name + suffix))
    return paths[0], paths[1]


def draw(desk: RealDesk, shown: Page, observed: Mapping[str, int], form: Form, folder: str) -> str:
    """A page in a form, with links as seen from `folder`."""
    told = recorded(desk, references(shown), observed)
    return (markdown if form == "markdown" else html)(shown, _linked(desk, folder), told)


def recorded(desk: RealDesk, refs: Iterable[str], observed: Mapping[str, int]) -> dict[str, Told]:
    """What each reference names, in a sentence; one that names nothing is left out."""
    told = {}
    now = local(desk.now_ms())
    for ref in refs:
        position = position_of(ref) or observed.get(ref, 0)
        event = next(desk.project.log.read(position - 1), None) if position else None
        if event is not None:
            fact = fact_of(event)
            what = sentence(fact) if fact is not None else "its content was erased"
            told[ref] = Told(moment(local(event.clock.ms), now), what)
    return told


def local(ms: int) -> Stamp:
    """What this machine's clock shows for an instant."""
    try:
        when = datetime.fromtimestamp(ms / 1000).astimezone()
    except (ValueError, OverflowError, OSError):
        return Stamp(ms, f"{ms} ms", "", "UTC")
    offset = when.strftime("%z")
    return Stamp(ms, f"{when:%a} {when.day} {when:%b %Y}", f"{when:%H:%M}", f"UTC{offset[:3]}:{offset[3:5]}")


def _linked(desk: RealDesk, folder: str) -> Linked:
    """Files as links from `folder`, where they are still there: in the tree they were written in, else in this one."""

    def address(file: File) -> str:
        for root in dict.fromkeys((file.worktree, desk.worktree)):
            path = os.path.join(root, file.path)
            if root and file.path and os.path.lexists(path):
                return quote(os.path.relpath(path, folder))
        return ""

    return address
