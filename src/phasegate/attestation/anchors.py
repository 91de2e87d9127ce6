"""Does an exported ledger hold, and is it the one that was remembered where nobody could rewrite it?"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from phasegate.attestation.export import Exported
from phasegate.errors import Failure
from phasegate.gates.interface import Verdict
from phasegate.ledger import chain
from phasegate.ledger.log import Head
from phasegate.ledger.schema import fact_of

GATE = "ledger"
WRITTEN = re.compile(r"(?:([0-9a-f-]{36}) )?(\d{1,15})[: ]([0-9a-f]{64})")
ANEW = "Fetch the ledger again, or ask whose clone it is for `phasegate log export`."
TAMPERED = "Somebody changed it. Judge by what verify ran itself, and ask how this came about."


class Anchor(msgspec.Struct, frozen=True):
    """A head that was kept elsewhere, of a ledger ("" = of any), and where it was kept."""

    head: Head
    ledger: str = ""
    kept: str = ""


def anchors_in(text: str, kept: str) -> tuple[Anchor, ...]:
    """Every head written in `text`, as `[LEDGER ]POSITION:HASH`."""
    found = WRITTEN.finditer(text.lower())
    return tuple(Anchor(Head(int(at), hash), ledger or "", kept) for ledger, at, hash in (f.groups() for f in found))


def judged(exported: Exported, anchors: Sequence[Anchor], *, ledger: str = "", project: str = "") -> Verdict:
    """What the exported ledger is worth; `ledger` and `project` are those that it should be of ("" = any)."""
    top = exported.top
    if ledger and top.ledger != ledger:
        return _failed(f"this is ledger {top.ledger}, and it stands where {ledger} belongs", ANEW)
    if project and top.project != project:
        return _failed(f"it is of project {top.project}, and this is {project}", ANEW)
    broken = chain.verify(exported.events, after=top.after if top.after.position else None)
    if broken is not None:
        return _failed(f"{_WORDS[broken.why]} at event {broken.position}: {broken.message}", TAMPERED)
    mine = [anchor for anchor in anchors if anchor.ledger in ("", top.ledger)]
    return next(filter(None, (_against(exported, anchor) for anchor in mine)), None) or _readable(exported, mine)


_WORDS = {
    "changed": "an event was changed",
    "removed": "events were taken out",
    "inserted": "an event was put in",
    "reordered": "events were put into another order",
    "unlinked": "an event was replaced",
    "impossible": "no phasegate would have written what stands",
    "rewritten": "it was rewritten",
    "truncated": "its end was cut off",
}


def _against(exported: Exported, anchor: Anchor) -> Verdict | None:
    """What an anchor says against the ledger, if anything."""
    top, at = exported.top, anchor.head.position
    where = f" ({anchor.kept})" if anchor.kept else ""
    if at > top.head.position:
        return _failed(f"its end was cut off: it ends at event {top.head.position}, and {at} was known{where}", ANEW)
    if at < top.after.position:
        why = f"it begins after event {top.after.position}, and what is remembered is event {at}{where}"
        return Verdict(GATE, "unknown", (why,), "Export the whole of it: `phasegate log export`.")
    here = top.after if at == top.after.position else _head_at(exported, at)
    if here.hash != anchor.head.hash:
        return _failed(f"it is another history: event {at} is not the one that was remembered{where}", TAMPERED)
    return None


def _head_at(exported: Exported, position: int) -> Head:
    event = exported.events[position - exported.top.after.position - 1]
    return Head(event.position, event.hash)


def _readable(exported: Exported, anchors: Sequence[Anchor]) -> Verdict:
    """A chain that holds, whose events may still be of a newer release."""
    try:
        for event in exported.events:
            fact_of(event)
    except Failure as failure:
        return Verdict(GATE, "unknown", (f"the chain holds, but {failure.message}",), failure.hint)
    head = exported.top.head
    against = f", which {len(anchors)} anchors confirm" if anchors else "; nothing kept elsewhere confirms its end"
    return Verdict(GATE, "pass", (f"{len(exported.events)} events, head {head.position}:{head.hash}{against}",))


def _failed(why: str, remedy: str) -> Verdict:
    return Verdict(GATE, "fail", (why,), remedy)
