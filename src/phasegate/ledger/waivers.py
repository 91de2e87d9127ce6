"""The facts about exceptions: given by a person, for a reason, with an end."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
from typing import Literal

from phasegate.ledger.fact import Fact

Waivable = Literal["secret", "file", "reference", "test", "gate", "finding", "infrastructure"]


class WaiverGiven(Fact, frozen=True):
    """A person made an exception: of what, for whom to answer for, why, and until which UTC date ("" = no end).

    `subject` is a glob of paths, a rule, a test id or a fingerprint; never a secret itself. A strong approval
    brings the text that was signed and its signature.
    """

    waiver: str
    what: Waivable
    subject: str
    owner: str
    reason: str
    until: str
    approval: Literal["weak", "strong"]
    by: str
    text: str = ""
    signature: str = ""


class WaiverEnded(Fact, frozen=True):
    """An exception no longer holds, and why."""

    waiver: str
    why: str
