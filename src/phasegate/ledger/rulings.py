"""The facts about rules: what they said of a run or a call, on which facts; and who approved a phase's tree."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
from typing import Literal

import msgspec

from phasegate.ledger.fact import Fact


class RuleSaid(msgspec.Struct, frozen=True):
    """What a rule said, in which mode, why, and on which facts (each value as JSON; `null`: not known)."""

    rule: str
    mode: str
    says: str
    why: str
    facts: dict[str, str]
    waived: str = ""


class RulesSaid(Fact, frozen=True):
    """What rules said when a run wanted to leave the step `place` on the tree `subject`.

    `changed` are the files that differed from the phase's start; None: not known, or too many.
    """

    run: str
    phase: str
    place: str
    subject: str
    said: tuple[RuleSaid, ...]
    changed: tuple[str, ...] | None = None


class CallJudged(Fact, frozen=True):
    """Rules that only observe or warn spoke of a tool call, or of a change in the tree (`call` ""), and it went on."""

    run: str
    call: str
    tool: str
    paths: tuple[str, ...]
    said: tuple[RuleSaid, ...]


class ApprovalGiven(Fact, frozen=True):
    """Somebody approved that `phase` closes on the tree `subject`; `shown` is the terminal, or what was said of a key.

    A strong one brings the text that was signed and its signature.
    """

    run: str
    phase: str
    subject: str
    by: str
    approval: Literal["weak", "strong"]
    words: str = ""
    shown: str = ""
    text: str = ""
    signature: str = ""
