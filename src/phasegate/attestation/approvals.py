"""Who approved what in an exported ledger, and which text each of them must have signed for it to count."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal

import msgspec

from phasegate.attestation.export import Exported
from phasegate.attestation.statement import ApprovalSeen
from phasegate.errors import Failure
from phasegate.ledger.event import Event
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import QuestionAnswered
from phasegate.ledger.schema import fact_of
from phasegate.ledger.waivers import WaiverEnded, WaiverGiven

TYPED = "typed at a terminal; only a signature counts here"
UNSIGNED = "the ledger does not hold its signature"
OTHER_TEXT = "what was signed is not what was recorded"


class Claim(msgspec.Struct, frozen=True):
    """An approval as recorded: by whom, how strongly; `fact` is what it was given for. `why_not` it cannot count."""

    id: str
    about: str
    by: str
    strength: Literal["weak", "strong"]
    text: str
    signature: str
    fact: Fact
    why_not: str

    def seen(self, why_not: str, why: str) -> ApprovalSeen:
        """What is said of it: it counts unless there is a reason why not."""
        return ApprovalSeen(self.id, self.about, self.by, self.strength, not why_not, why_not or why)


def claims(exported: Exported) -> tuple[Claim, ...]:
    """Every approval that the ledger names, oldest first; exceptions that were ended are over."""
    facts = [fact for fact in map(_fact, exported.events) if fact is not None]
    over = {fact.waiver for fact in facts if isinstance(fact, WaiverEnded)}
    return tuple(_claims(exported.top.ledger, facts, over))


def _fact(event: Event) -> Fact | None:
    try:
        return fact_of(event)
    except Failure:
        return None


def _claims(ledger: str, facts: list[Fact], over: set[str]) -> Iterator[Claim]:
    for fact in facts:
        match fact:
            case QuestionAnswered(verdict="approve"):
                rows = [f"question: {fact.question}", "verdict: approve"]
                about, rows = _settled(fact) or (f"question {fact.question}", rows)
                yield _claim(ledger, fact.question, about, fact, rows, fact.words)
            case WaiverGiven() if fact.waiver not in over:
                rows = [f"waive: {fact.what} {msgspec.json.encode(fact.subject).decode()}", f"until: {fact.until}"]
                yield _claim(
                    ledger, fact.waiver, f"exception of the {fact.what} {fact.subject}", fact, rows, fact.reason
                )


def _settled(fact: QuestionAnswered) -> tuple[str, list[str]] | None:
    """A held change is accepted by a text that names run, path and content instead of the question."""
    rows = fact.text.splitlines()[2:5]
    if len(rows) == 3 and rows[0].startswith("run: ") and rows[1].startswith("accept the change of: "):
        return f"held change of {rows[1].partition(': ')[2]}", rows
    return None


def _claim(
    ledger: str, id: str, about: str, fact: QuestionAnswered | WaiverGiven, rows: list[str], words: str
) -> Claim:
    digest = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
    due = "\n".join(["phasegate approval", f"ledger: {ledger}", *rows, f"sha256 of the words: {digest}", ""])
    why_not = TYPED if fact.approval != "strong" else UNSIGNED if not fact.signature else ""
    why_not = why_not or ("" if fact.text == due else OTHER_TEXT)
    return Claim(id, about, fact.by, fact.approval, fact.text, fact.signature, fact, why_not)
