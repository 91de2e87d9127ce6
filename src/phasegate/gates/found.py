"""What a scanner's findings come to: those that were there before and those that a person waived are let be."""

from __future__ import annotations

import msgspec

from phasegate.evidence.findings import Finding, FindingsSeen, rank
from phasegate.evidence.items import Evidence
from phasegate.gates.interface import Verdict, failed, passed, some, unknown
from phasegate.ledger.state import State, Waiver
from phasegate.ledger.waivers import Waivable

WAIVED_AS: dict[str, Waivable] = {"secrets": "secret", "references": "reference"}
"""The word by which a person waives what a scanner finds; of every other scanner it is `finding`."""

REMEDIES = {
    "mutants": "Write a test that fails with the change. Of one that changes nothing a person makes an exception: "
    '`phasegate waiver add finding FINGERPRINT --reason "..." --until 30d`.',
    "secrets": "Take it out, and revoke it if it ever left this machine. Of a key that is none a person makes an "
    'exception: `phasegate waiver add secret FINGERPRINT@PATH --reason "..." --until 30d`.',
    "references": "Correct the link, or bring back what it leads to.",
}
MEND = "Mend it, or let a person make an exception: `phasegate waiver add finding FINGERPRINT`."


class Weighed(msgspec.Struct, frozen=True):
    """Findings by what becomes of them: in the way, known from before, waived, too slight to matter."""

    new: tuple[Finding, ...]
    known: tuple[Finding, ...] = ()
    waived: tuple[tuple[Finding, Waiver], ...] = ()
    slight: tuple[Finding, ...] = ()


def weigh(state: State, seen: FindingsSeen, today: str, phase: str = "") -> Weighed:
    """What becomes of each listed finding, by the baseline and the waivers in force `today`, `phase`'s own too."""
    before = known_before(state, seen.scanner)
    what = WAIVED_AS.get(seen.scanner, "finding")
    new, known, waived, slight = [], [], [], []
    for finding in seen.findings:
        if rank(finding.severity) < rank(seen.least):
            slight.append(finding)
        elif finding.fingerprint in before:
            known.append(finding)
        elif waiver := state.waiver_for(what, _names(finding, phase), today):
            waived.append((finding, waiver))
        else:
            new.append(finding)
    return Weighed(tuple(new), tuple(known), tuple(waived), tuple(slight))


def _names(finding: Finding, phase: str) -> tuple[str, ...]:
    return (*finding.names, f"{finding.fingerprint}@{phase}") if phase else finding.names


def known_before(state: State, scanner: str) -> frozenset[str]:
    """The fingerprints of what `scanner` found when phasegate came, or at the merge base."""
    taken = state.evidence.get(state.baseline.findings.get(scanner, "")) if state.baseline is not None else None
    if taken is None or not isinstance(taken.seen, FindingsSeen):
        return frozenset()
    return frozenset(finding.fingerprint for finding in taken.seen.findings)


def newest_scan(state: State, scanner: str, subject: str) -> tuple[Evidence, FindingsSeen] | None:
    """The newest recorded scan by `scanner` of the tree with this digest."""
    for evidence in reversed(state.evidence.values()):
        seen = evidence.seen
        if isinstance(seen, FindingsSeen) and seen.scanner == scanner and evidence.speaks_for(subject):
            return evidence, seen
    return None


def judged(state: State, scanner: str, subject: str, today: str, phase: str = "") -> Verdict:
    """Did `scanner` look at everything, and find nothing but what was there before or is waived?"""
    found = newest_scan(state, scanner, subject)
    if found is None:
        return unknown(f"{scanner}: this tree was not looked at", remedy=f"Run `phasegate check {scanner}`.")
    evidence, seen = found
    weighed = weigh(state, seen, today, phase)
    if weighed.new:
        told = [f"{each.place} {each.message}{_asks_silence(each)}" for each in weighed.new]
        remedy = f"{REMEDIES.get(scanner, MEND)}{_no_baseline(state, scanner)}"
        return failed(some(told), *seen.why_unknown, remedy=remedy, evidence=(evidence.id,))
    if why := _why_unknown(seen):
        again = f"Mend that, then `phasegate check {scanner}`."
        return unknown(*why, remedy=again, evidence=(evidence.id,))
    if seen.until and today > seen.until:
        old = f"{scanner}: what is known is looked up again after {seen.until}, for there may be more by now"
        return unknown(old, remedy=f"Run `phasegate check {scanner} --update`.", evidence=(evidence.id,))
    return passed(_clean(seen, weighed), *seen.notes, evidence=(evidence.id,))


def _no_baseline(state: State, scanner: str) -> str:
    """What lets old findings be where the scanner is newer than the baseline."""
    if state.baseline is None or scanner in state.baseline.findings or scanner == "ratchets":
        return ""
    return f" The baseline has no {scanner}: a person takes a new one by `phasegate init --baseline`."


def _asks_silence(finding: Finding) -> str:
    return f" (suppressed in code by {finding.suppressed}, which no person waived)" if finding.suppressed else ""


def _why_unknown(seen: FindingsSeen) -> tuple[str, ...]:
    unread = (f"not read: {some(seen.unread)}",) if seen.unread else ()
    more = seen.total - len(seen.findings)
    unlisted = (f"{more} of {seen.total} findings are more than are compared",) if more > 0 else ()
    return (*seen.why_unknown, *unread, *unlisted)


def _clean(seen: FindingsSeen, weighed: Weighed) -> str:
    parts = [f"nothing new in {seen.files} files"]
    parts += [f"{len(weighed.known)} known from before"] if weighed.known else []
    parts += [f"{len(weighed.waived)} waived"] if weighed.waived else []
    parts += [f"{len(weighed.slight)} below {seen.least}"] if weighed.slight else []
    return ", ".join(parts)
