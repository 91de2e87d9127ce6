"""`phasegate check secrets --staged`, `--history`, `--files`: secrets beyond the tree, told and never recorded."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime

import rich_click as click

from phasegate import wiring
from phasegate.entrypoints import secret_search
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import actor
from phasegate.errors import Exit, Failure
from phasegate.evidence.findings import FindingsSeen
from phasegate.gates.found import REMEDIES, Weighed, weigh
from phasegate.ledger.state import State
from phasegate.plain import line
from phasegate.workspace import neighbours

TOLD = 50
EVERYTHING = "--all"
"""The range of a history that has no end."""


def look(*, staged: bool, history: str | None, files: tuple[str, ...], anew: bool, as_json: bool) -> int:
    """Look where was asked, and say what is there."""
    if history is not None and history.startswith("-") and history != EVERYTHING:
        raise click.UsageError(f"{history!r} is no range of commits; write it as in `main..HEAD`.")
    if staged:
        seen, where = secret_search.in_staged(), "what is staged"
    elif history is not None:
        seen = secret_search.in_history(history, lambda said: output.progress(f"phasegate: {said}"), anew=anew)
        where = "the history" if history == EVERYTHING else history
    else:
        seen, where = secret_search.in_files(files), "the files"
    state, today = _waivers()
    return tell(seen, weigh(state, seen, today), where, as_json=as_json)


def _waivers() -> tuple[State, str]:
    """What a project knows of exceptions, if we are in one; without, every finding counts."""
    with contextlib.suppress(Failure):
        project = wiring.open_project(neighbours.nearest(os.getcwd()).root, os.environ)
        try:
            desk = wiring.RealDesk(project, actor())
            return desk.state(), desk.today()
        finally:
            project.close()
    return State(), datetime.now(UTC).date().isoformat()


def tell(seen: FindingsSeen, weighed: Weighed, where: str, *, as_json: bool) -> int:
    """Say what was found; 1 when there is something new, 7 when something could not be read."""
    code = Exit.GATE_FAILED if weighed.new else Exit.CANNOT_TELL if seen.unread or seen.why_unknown else Exit.OK
    if as_json:
        output.give({"looked_at": where, "seen": seen, "new": weighed.new, "exit": int(code)})
        return code
    for finding in weighed.new[:TOLD]:
        output.say(f"{line(finding.path, 400)}:{finding.line}:{finding.column}: {line(finding.message, 400)}")
    if more := seen.total - len(seen.findings) + len(weighed.new[TOLD:]):
        output.say(f"... and {more} more")
    for path in seen.unread[:TOLD]:
        output.say(f"{line(path, 400)}: could not be read")
    waived = f", {len(weighed.waived)} waived" if weighed.waived else ""
    known = f", {len(weighed.known)} known from before" if weighed.known else ""
    output.say(f"phasegate: {len(weighed.new)} secrets in {where} ({seen.files} contents{known}{waived}).")
    for note in seen.notes:
        output.say(f"- {note}")
    if weighed.new:
        output.say(f"  {REMEDIES['secrets']}")
    return code
