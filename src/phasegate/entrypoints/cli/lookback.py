"""`phasegate lookback`: what went wrong before phasegate was there, from what already lies on this machine's disk."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from datetime import datetime

import rich_click as click

from phasegate.agents import claude_transcripts as transcripts
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import json_option
from phasegate.entrypoints.cli.terminal_page import drawn
from phasegate.entrypoints.reporting import local
from phasegate.entrypoints.times import moment_of
from phasegate.errors import Exit, Failure
from phasegate.policy.secrets import TooLargeToScan, find_secrets
from phasegate.report.blocks import Page
from phasegate.report.lookback.keys import surely_key
from phasegate.report.lookback.look import Look, Looking
from phasegate.report.lookback.page import lookback_page
from phasegate.report.lookback.seen import Secret, Unread
from phasegate.report.markdown import markdown
from phasegate.workspace import git, history


class NothingToRead(Failure):
    """What `--sessions` names is not there."""

    code = "nothing-to-read"
    exit_code = Exit.USAGE


@click.command()
@click.option("--since", default="30d", show_default=True, metavar="TIME",
              help="From when: `yesterday`, `8h`, `2w`, a date, `all`.")  # fmt: skip
@click.option("--sessions", type=click.Path(), metavar="PATH",
              help="A transcript, or a folder of them, instead of those found for this repository.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["terminal", "markdown"]), default="terminal", show_default=True,
              help="How to draw it.")  # fmt: skip
@json_option
def lookback(since: str, sessions: str | None, form: str, as_json: bool) -> int:
    """Show what your agent did here before: unproved claims, weakened tests, keys, circles, time and cost.

    Reads Claude Code's transcripts and the git history on this machine. Needs no set-up, writes nothing and sends
    nothing. Exits with 1 when something was found.

    Example: phasegate lookback --since 2w
    """
    now = datetime.now().astimezone()
    look = _look(moment_of(since, now) / 1000, sessions)
    if as_json:
        output.give(look)
    else:
        page = lookback_page(look, local, int(now.timestamp() * 1000))
        output.say(_drawn(page, form).removesuffix("\n"))
    return Exit.GATE_FAILED if look.findings else Exit.OK


def _drawn(page: Page, form: str) -> str:
    if form == "markdown":
        return markdown(page, lambda file: "", {})
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return drawn(page, width=shutil.get_terminal_size((100, 24)).columns, colour=colour)


def _look(since: float, sessions: str | None) -> Look:
    unread: list[Unread] = []
    notes: list[str] = []
    looking = Looking(_scan)
    place = _place(notes)
    roots = _roots(place)
    places = _read_sessions(looking, roots, since, sessions, unread, notes)
    if place is not None:
        _read_history(looking, place, since, unread)
    return looking.result(since, unread, tuple(notes), tuple(places))


def _place(notes: list[str]) -> git.Place | None:
    try:
        return git.locate(os.getcwd())
    except Failure as failure:
        notes.append(f"No git history: {failure.message}")
        return None


def _roots(place: git.Place | None) -> list[str]:
    """Every directory whose sessions belong here: this folder, the repository, and its work trees."""
    if place is None:
        return [os.path.realpath(os.getcwd())]
    roots = [place.root]
    if os.path.basename(place.common) == ".git":
        roots.append(os.path.dirname(place.common))
    linked = os.path.join(place.common, "worktrees")
    for name in sorted(os.listdir(linked)) if os.path.isdir(linked) else []:
        back = git.first_line(os.path.join(linked, name, "gitdir"))
        roots += [os.path.realpath(os.path.dirname(back))] if back else []
    return list(dict.fromkeys(roots))


def _read_sessions(
    looking: Looking, roots: list[str], since: float, named: str | None, unread: list[Unread], notes: list[str]
) -> list[str]:
    caps = transcripts.Caps()
    home = transcripts.transcripts_home(os.environ)
    if named is not None and not os.path.exists(named):
        raise NothingToRead(f"{named} is not there.", hint="Name a transcript (.jsonl) or a folder of them.")
    found = (
        transcripts.given(named, since, caps, unread) if named else transcripts.find(home, roots, since, caps, unread)
    )
    if not found:
        notes.append(f"No transcript of Claude Code in {named or home} belongs here.")
    left = caps.total
    for number, transcript in enumerate(found, 1):
        left -= sum(os.path.getsize(path) for path in (transcript.path, *transcript.subagents) if os.path.exists(path))
        if left < 0:
            unread.append(Unread("sessions", f"more than {caps.total >> 20} MiB in all", len(found) - number + 1))
            break
        _said("sessions", number, len(found))
        looking.session(transcripts.read(transcript, roots, _scan, caps, unread))
    return list(dict.fromkeys(_shown(os.path.dirname(transcript.path)) for transcript in found))


def _read_history(looking: Looking, place: git.Place, since: float, unread: list[Unread]) -> None:
    skipped, caps = history.Skipped(), history.Caps()
    try:
        for commit in history.commits(place, since, caps, skipped, lambda done, of: _said("commits", done, of)):
            looking.commit(commit)
    except git.GitMissing:
        raise
    except Failure as failure:
        unread.append(Unread("the git history", failure.message.rstrip(".")))
    unread += _skipped(skipped, caps)


def _skipped(skipped: history.Skipped, caps: history.Caps) -> Iterable[Unread]:
    rows = (
        ("commits", f"older than the newest {caps.commits}; a later --since reads fewer", skipped.commits),
        ("commits", f"more than {caps.total >> 20} MiB of text in all", skipped.over_budget),
        ("commits", f"more than {caps.files} files each, an import", skipped.bulky),
        ("versions of files", f"larger than {caps.blob >> 20} MiB", skipped.files),
    )
    return [Unread(what, why, count) for what, why, count in rows if count]


def _scan(text: str) -> tuple[Secret, ...]:
    try:
        secrets = find_secrets(text)
    except TooLargeToScan:
        return ()
    rows = text.split("\n") if secrets else []
    return tuple(
        Secret(found.rule, found.line, found.fingerprint)
        for found in secrets
        if surely_key(found.rule, found.shown, rows[found.line - 1])
    )


def _shown(path: str) -> str:
    """A path as a person writes it."""
    home = os.path.expanduser("~").rstrip("/")
    return "~" + path[len(home) :] if home and path.startswith(home + "/") else path


def _said(what: str, done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(
            f"\r\x1b[Kphasegate: {what} {done:,} of {of:,}",
            end="\r" if done < of else "\r\x1b[K",
            file=sys.stderr,
            flush=True,
        )
