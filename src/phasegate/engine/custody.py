"""What happens beside the tree: watched files that changed are put back, held, or known from then on, and why."""

from __future__ import annotations

import msgspec

from phasegate.engine.desk import Custody, Desk
from phasegate.ledger.custody import WatchMoved, WatchPutBack, WatchTaken
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import ChangeHeld, ChangeSettled
from phasegate.ledger.state import RunRecord, State
from phasegate.policy.custody import bends, may_be_put_back
from phasegate.policy.edits import WATCHED
from phasegate.policy.secrets import redact_bytes

SHOWN = 3
"""Lines of a change that are told."""


class Whose(msgspec.Struct, frozen=True):
    """Who can have made a change: one `call` `alone`, a person between turns, or nobody can tell."""

    call: str = ""
    alone: bool = False
    a_persons: bool = False


def begun(desk: Desk, run: str) -> WatchTaken:
    """The watched files as a run finds them; what they hold is kept, so that a later change can be shown."""
    seen = desk.custody.digests()
    for name, digest in seen.items():
        _keep(desk.custody, name, digest)
    return WatchTaken(run, seen)


def looked(
    desk: Desk, state: State, run: RunRecord, seen: dict[str, str], whose: Whose
) -> tuple[State, tuple[str, ...]]:  # fmt: skip
    """Judge how what was `seen` beside the tree differs, record it, and put back what is ours; what to tell of it."""
    if not run.watched:
        return desk.record([begun(desk, run.id)], relying_on=None), ()
    facts: list[Fact] = []
    told: list[str] = []
    moved: dict[str, dict[str, str]] = {}
    for name in sorted(name for name in {*seen, *run.watched} if seen.get(name) != run.watched.get(name)):
        if name in run.held:
            continue
        lines, why = _weighed(desk.custody, run, name, seen.get(name, ""))
        if lines and whose.a_persons:
            why = "nobody but a person was at work"
            told.append(f"{_plain(name)} changed between turns ({_first(lines)}); that is taken for a person's doing.")
        if why:
            moved.setdefault(why, {})[name] = seen.get(name, "")
            _keep(desk.custody, name, seen.get(name, ""))
            continue
        fact, text = _answered(desk.custody, run, name, seen.get(name, ""), lines, whose)
        facts.append(fact)
        told.append(text)
    facts += [WatchMoved(run.id, names, why, whose.call) for why, names in moved.items()]
    facts += _reverted(run, seen)
    if facts:
        state = desk.record(facts, relying_on=state)
    for fact in facts:
        if isinstance(fact, WatchPutBack):
            desk.custody.put_back(fact.path, fact.restored)
    return state, tuple(told)


def settled(desk: Desk, run: RunRecord, name: str, how: str) -> list[Fact]:
    """The facts by which a held change of a watched file is as it should be."""
    now = desk.custody.digests().get(name, "")
    _keep(desk.custody, name, now)
    return [ChangeSettled(run.id, name, how), WatchMoved(run.id, {name: now}, f"it was {how}")]


def renewed(desk: Desk, before: dict[str, str], why: str) -> None:
    """Know what a command of a person has changed since the watched files were as `before`."""
    run, seen = desk.state().run_in(desk.worktree), desk.custody.digests()
    changed = {name: seen.get(name, "") for name in {*seen, *before} if seen.get(name) != before.get(name)}
    if run is None or not run.watched or not changed:
        return
    for name, digest in changed.items():
        _keep(desk.custody, name, digest)
    desk.record([WatchMoved(run.id, changed, why)], relying_on=None)


def difference(custody: Custody, name: str, before: str) -> tuple[str, ...]:
    """The lines that count in what a watched file was and is."""
    return bends(name, custody.kept(before) if before else None, _shown(name, custody.content(name)))


def _weighed(custody: Custody, run: RunRecord, name: str, now: str) -> tuple[tuple[str, ...], str]:
    """The lines of a change that bend something; where there are none, why it is harmless."""
    before, after = run.watched.get(name, ""), custody.content(name)
    if not now and custody.is_there(name):
        return (), "it is read from another place now"
    if _is_new_environment(run, name):
        return (), "an environment was made"
    if name.endswith((".pth", "customize.py")) and (after is None or custody.is_of_a_package(name, after)):
        return (), "a package was installed or removed"
    was = custody.kept(before) if before else None
    if before and was is None:
        return ("what it held is not kept",), ""
    lines = bends(name, was, _shown(name, after))
    return lines, "" if lines else "nothing in it bends how work is judged"


def _is_new_environment(run: RunRecord, name: str) -> bool:
    """Whether the file lies in a virtual environment that was not there when the run began to watch."""
    folder = name.partition("/lib/")[0] if "/site-packages/" in name else name.removesuffix("/pyvenv.cfg")
    inside = folder != name and not name.startswith((".git/", "/", "~"))
    return inside and f"{folder}/pyvenv.cfg" not in run.watched


def _answered(
    custody: Custody, run: RunRecord, name: str, now: str, lines: tuple[str, ...], whose: Whose
) -> tuple[Fact, str]:
    """Put back what is ours and one call alone can have changed; hold everything else."""
    before = run.watched.get(name, "")
    said = f"{_plain(name)} is watched, for it bends how work is judged ({_first(lines)})"
    if whose.alone and may_be_put_back(name):
        overwritten = _keep(custody, name, now)
        where = custody.path(name)
        command = f"cp {_quoted(overwritten)} {_quoted(where)}" if overwritten else f"rm {_quoted(where)}"
        why = f"{_first(lines)}"
        fact = WatchPutBack(run.id, name, whose.call, why, before, now, command)
        return fact, f"{said}; it was put back. A person may change it: `{command}` restores what it held."
    why = f"{_first(lines)}; no single call accounts for it" if not whose.alone else _first(lines)
    held = ChangeHeld(run.id, name, WATCHED, why, before)
    return (
        held,
        f"{said}; it is held, and no gate opens until it is undone or a person settles it: `phasegate answer held`.",
    )


def _reverted(run: RunRecord, seen: dict[str, str]) -> list[Fact]:
    """Held changes of watched files that somebody undid."""
    return [
        ChangeSettled(run.id, name, "reverted")
        for name, held in run.held.items()
        if held.rule == WATCHED and seen.get(name, "") == held.before
    ]


def _keep(custody: Custody, name: str, digest: str) -> str:
    """Keep what the file holds now under its digest; where it lies, "" when there is nothing."""
    content = _shown(name, custody.content(name)) if digest else None
    return custody.keep(digest, content) if content is not None else ""


def _shown(name: str, content: bytes | None) -> bytes | None:
    """What is kept of a file: to the byte when it may have to be put back, else without secrets."""
    return content if content is None or may_be_put_back(name) else redact_bytes(content)[0]


def _first(lines: tuple[str, ...]) -> str:
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return "; ".join(_plain(line, 120) for line in lines[:SHOWN]) + more


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)


def _plain(text: str, most: int = 300) -> str:
    from phasegate.plain import line

    return line(text, most)
