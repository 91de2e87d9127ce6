"""What an edit may break, and which exceptions of a person stand against it: limits of files, and secrets."""

from __future__ import annotations

from collections.abc import Iterable

from phasegate.engine.desk import Desk
from phasegate.errors import Failure
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import SecretSeen
from phasegate.ledger.state import State
from phasegate.ledger.waivers import WaiverEnded
from phasegate.policy import bounds
from phasegate.policy.edits import Objection
from phasegate.policy.secrets import SecretFound, find_secrets

ATTRIBUTES = ".gitattributes"


def edit_objection(desk: Desk, state: State, path: str, relative: str | None, text: str) -> Objection | None:
    """The limit that an edit of `path` breaks, unless a person made an exception of the path."""
    limits = desk.settings.limits
    if relative is None:
        objection = bounds.outside(path, limits)
    else:
        seen = desk.files.glance(relative, bounds.HEAD)
        target = bounds.Target(relative, seen.size, seen.head) if seen else bounds.Target(relative)
        objection = bounds.object_to_edit(target, text, limits, _attributes(desk))
    return None if objection is None or is_waived(desk, state, relative or path) else objection


def size_objection(desk: Desk, state: State, path: str, size: int, *, beyond: bool) -> Objection | None:
    """The objection to a file that a command left behind; `beyond` when it is too large to be looked at, too."""
    limits = desk.settings.limits
    objection = bounds.object_to_size(path, max(size, limits.hashing + 1) if beyond else size, limits)
    return None if objection is None or is_waived(desk, state, path) else objection


def is_waived(desk: Desk, state: State, path: str) -> bool:
    """Whether a person made an exception of this file."""
    return bool(state.waivers) and state.waiver_for("file", (path,), desk.today()) is not None


def secrets_in(desk: Desk, state: State, text: str, where: str) -> list[SecretSeen]:
    """A fact for each secret in what an agent is about to write, but for those a person made an exception of."""
    return [SecretSeen(s.rule, s.fingerprint, where, True) for s in unwaived(desk, state, find_secrets(text), where)]


def unwaived(desk: Desk, state: State, found: Iterable[SecretFound], where: str) -> list[SecretFound]:
    """The secrets that no exception names, by fingerprint, as `fingerprint@path` or as `rule@path`."""
    if not state.waivers:
        return list(found)
    today = desk.today()
    names = [
        (secret, (secret.fingerprint, f"{secret.fingerprint}@{where}", f"{secret.rule}@{where}")) for secret in found
    ]
    return [secret for secret, called in names if state.waiver_for("secret", called, today) is None]


def expired(desk: Desk, state: State) -> list[Fact]:
    """The end of every exception whose last day is over, so that nothing relies on it any more."""
    today = desk.today()
    over = [waiver for waiver in state.waivers.values() if not waiver.ended and not waiver.holds_on(today)]
    return [WaiverEnded(waiver.id, f"its last day was {waiver.until}") for waiver in over]


def ended_with(state: State, phase: str) -> list[Fact]:
    """The end of every exception of a finding that was made for this phase alone, which closes."""
    made = [waiver for waiver in state.waivers.values() if waiver.what == "finding" and not waiver.ended]
    return [WaiverEnded(each.id, f"phase {phase} closed") for each in made if each.subject.endswith(f"@{phase}")]


def _attributes(desk: Desk) -> str:
    try:
        seen = desk.files.glance(ATTRIBUTES, bounds.ATTRIBUTES_BYTES)
    except Failure:
        return ""
    return seen.head.decode("utf-8", "replace") if seen else ""
