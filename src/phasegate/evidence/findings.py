"""What a scanner found: one model for secrets, references, weak code, known holes, licences and whatever else looks."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
import hashlib
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

KEPT = 2000
"""Findings an observation lists at most; it counts them all."""

LONGEST_PLACE = 100
"""Lines of a place that its fingerprint covers."""

Severity = Literal["unknown", "info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
"""From the least to the worst. What is `unknown` may be the worst, and reaches any of them."""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place: rule, path, line and column (from 1; 0 = unknown), `last` line where it goes on, words, fingerprint.

    The fingerprint survives moved lines and tells no secret. `tool` is the program that found it. `package` is
    `NAME VERSION` and `advisory` with its `aliases` says what is known of it. `suppressed` is how the code asks tools
    to be silent about it; only a person's waiver is obeyed.
    """

    rule: str
    path: str
    line: int
    message: str
    fingerprint: str
    tool: str = "phasegate"
    severity: Severity = "high"
    column: int = 0
    package: str = ""
    advisory: str = ""
    aliases: tuple[str, ...] = ()
    suppressed: str = ""
    last: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Everything by which a waiver can name it; the fingerprint first."""
        known_as = tuple(id for id in (self.advisory, *self.aliases) if id)
        name = self.package.partition(" ")[0]
        packages = tuple(f"{id}@{name}" for id in (*known_as, self.rule)) if self.package else ()
        here = (f"{self.fingerprint}@{self.path}", f"{self.rule}@{self.path}")
        return (self.fingerprint, *here, *known_as, *packages)

    @property
    def place(self) -> str:
        """`path:line`, or the path alone where the line is unknown."""
        return f"{self.path}:{self.line}" if self.line else self.path


class FindingsSeen(msgspec.Struct, frozen=True, tag="findings"):
    """What `scanner` found in `files` files: `total` findings, the first of them listed; `unread` it could not read.

    With a reason in `why_unknown` (a tool is missing, crashed, timed out, skipped something, wrote what nobody can
    read) nobody knows what else there is. `tools` looked, with their versions. Findings below `least` are told and
    shut no gate. `notes` are what a reader should know besides. `against` is the tree that a comparison began from;
    `renamed` are tests that it found again under another id and that check no less. After the UTC date `until` what it
    was asked of is too old to say that nothing is there.
    """

    scanner: str
    files: int
    total: int
    findings: tuple[Finding, ...] = ()
    unread: tuple[str, ...] = ()
    why_unknown: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    least: Severity = "info"
    notes: tuple[str, ...] = ()
    against: str = ""
    renamed: tuple[tuple[str, str], ...] = ()
    until: str = ""


def seen(
    scanner: str,
    files: int,
    found: tuple[Finding, ...],
    unread: tuple[str, ...] = (),
    *,
    why_unknown: tuple[str, ...] = (),
    tools: tuple[str, ...] = (),
    least: Severity = "info",
    notes: tuple[str, ...] = (),
    against: str = "",
    until: str = "",
) -> FindingsSeen:
    """An observation of `found`, the worst first, capped."""
    listed = sorted(found, key=lambda finding: -rank(finding.severity))[:KEPT]
    return FindingsSeen(
        scanner,
        files,
        len(found),
        tuple(listed),
        unread[:KEPT],
        why_unknown[:KEPT],
        tools,
        least,
        notes[:KEPT],
        against,
        until=until,
    )


def rank(severity: Severity) -> int:
    """How bad: 0 for the least; what is unknown counts as the worst."""
    return len(SEVERITIES) if severity == "unknown" else SEVERITIES.index(severity)


def fingerprint(rule: str, path: str, content: str, occurrence: int = 0) -> str:
    """16 hex digits of a rule, a path, the words of its line without their spacing, and how many such came before."""
    said = "\0".join((rule, path, " ".join(content.split()), str(occurrence)))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def fingerprinted(found: Iterable[Finding], line_of: Callable[[str, int], str]) -> tuple[Finding, ...]:
    """Each finding with its fingerprint; `line_of` gives the text of a line (from 1) of a path, "" when there is none.

    All the lines of its place count, lest another argument on the next line go for the old one. Where there is no text,
    what the finding has for a fingerprint stands for it, else its message. Findings of one rule on the same words are
    told apart by their order in the file.
    """
    met: dict[str, int] = {}
    made = []
    for finding in sorted(found, key=lambda each: (each.path, each.line, each.column)):
        lines = range(finding.line, max(finding.line, min(finding.last, finding.line + LONGEST_PLACE)) + 1)
        content = " ".join(line_of(finding.path, at) for at in lines)
        content = content if content.strip() else finding.fingerprint or finding.message
        first = fingerprint(finding.rule, finding.path, content)
        occurrence = met[first] = met.get(first, -1) + 1
        own = fingerprint(finding.rule, finding.path, content, occurrence)
        made.append(msgspec.structs.replace(finding, fingerprint=own))
    return tuple(made)
