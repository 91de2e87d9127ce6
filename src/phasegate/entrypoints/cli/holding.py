"""A held change as a person sees it: what differs, why it is held, who may have made it, and what ends it."""

from __future__ import annotations

import difflib

import msgspec

from phasegate.engine import custody
from phasegate.engine.desk import Change
from phasegate.errors import Exit, Failure
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import ChangeSettled, PathsRehashed
from phasegate.ledger.state import Held, RunRecord
from phasegate.plain import line
from phasegate.policy.edits import WATCHED
from phasegate.wiring import RealDesk

MOST_LINES = 40
LARGEST = 256 * 1024


class NotKept(Failure):
    """What a held file was before is not kept to the byte."""

    code = "not-kept"
    exit_code = Exit.CANNOT_TELL


class Holding(msgspec.Struct, frozen=True):
    """One held change; `difference` are lines to show, each beginning with what became of it."""

    path: str
    rule: str
    why: str
    difference: tuple[str, ...]


def of(opened: RealDesk, held: Held) -> Holding:
    """What differs in a held file."""
    found = _beside(opened, held) if held.rule == WATCHED else _in_the_tree(opened, held)
    return Holding(held.path, held.rule, held.why, found)


def told(holding: Holding) -> str:
    """A held change as a few lines, with the commands that end it."""
    shown = [f"    {line(row, 200)}" for row in holding.difference[:MOST_LINES]]
    more = len(holding.difference) - MOST_LINES
    shown += [f"    and {more} more lines"] if more > 0 else []
    path = line(holding.path)
    return "\n".join(
        [
            f"{path} is held by the rule {line(holding.rule, 40)}: {line(holding.why, 400)}",
            *(shown or ["    it cannot be shown as text"]),
            f"  keep it: `phasegate answer settle {path}`; undo it: `phasegate answer settle {path} --put-back`",
        ]
    )


def digest(opened: RealDesk, held: Held) -> str:
    """What names the content of a held file as it is now; "" when it is gone."""
    if held.rule == WATCHED:
        return opened.custody.digests().get(held.path, "")
    return opened.tree.rehash([held.path])[held.path]


def settled(opened: RealDesk, run: RunRecord, held: Held, *, put_back: bool) -> list[Fact]:
    """Put the file back when asked to; the facts by which its change is settled."""
    how = "reverted" if put_back else "accepted"
    if held.rule == WATCHED:
        if put_back:
            _restore(opened, held)
        return custody.settled(opened, run, held.path, how)
    if put_back:
        _undo(opened, held)
    return [ChangeSettled(run.id, held.path, how), PathsRehashed(run.id, {held.path: digest(opened, held)})]


def _restore(opened: RealDesk, held: Held) -> None:
    opened.custody.put_back(held.path, held.before)
    if opened.custody.digests().get(held.path, "") != held.before:
        raise NotKept(
            f"{held.path} cannot be put back: what it held is kept without its secrets only.",
            hint="Undo it by hand; `phasegate answer held` shows what to take out.",
        )


def _undo(opened: RealDesk, held: Held) -> None:
    now = digest(opened, held)
    if now != held.before:
        change = Change(held.path, held.before, now)
        opened.tree.undo(change)
        opened.tree.put_back(change)


def _beside(opened: RealDesk, held: Held) -> tuple[str, ...]:
    return custody.difference(opened.custody, held.path, held.before)


def _in_the_tree(opened: RealDesk, held: Held) -> tuple[str, ...]:
    now = digest(opened, held)
    try:
        was = opened.tree.blob(held.before) if held.before else b""
        new = opened.tree.blob(now) if now else b""
    except Failure:
        return ()
    if b"\0" in was + new or max(len(was), len(new)) > LARGEST:
        return (f"- {len(was)} bytes", f"+ {len(new)} bytes")
    rows = difflib.unified_diff(
        was.decode("utf-8", "replace").splitlines(), new.decode("utf-8", "replace").splitlines(), n=1, lineterm=""
    )
    return tuple(rows)[2:]
