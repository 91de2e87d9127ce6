"""Which phase waits for which, from what a source says in words that name its phases, stories or tasks; else nothing.

Foundational (Phase 2): Depends on Setup completion      T008 blocks T015      Depends on: Phase 1, Phase 3
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

SAYS_ORDER = re.compile(
    r"\b(?:depend(?:s|ent|encies|ency|ing)?|block(?:s|ed|ing)?|before|after|requires?|prerequisites?)\b", re.IGNORECASE
)
LABELLED = re.compile(
    r"^\W*(?:(?:blocked by|depends on)\b[\W_]*?:?|"
    r"(?:dependenc(?:y|ies)|requires|prerequisites?)[*_]*:[*_]*)[ \t]*(.+)$",
    re.IGNORECASE,
)
NOTHING = re.compile(
    r"\bno (?:other )?dependenc|\bdependencies\W+none\b|^\W*(?:none|nothing|n/a)\b|\bindependent|can start immediately",
    re.IGNORECASE,
)
_FORWARD = re.compile(r"(?:before|blocks)\b", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:before|blocks|(?:depends?|dependent|depending) (?:up)?on|after|requires?|blocked by|needs?|follows)\b",
    re.IGNORECASE,
)
ARROW = re.compile(r"→|⟶|->|=>|➔")
_CLAUSE = re.compile(
    r";|[ \t][-–—][ \t]|\.(?=\s|$)|[(](?=(?:blocks|depends)\b)|"
    r",[ \t]*(?=(?:mostly |fully )?independent|can\b|but\b|may\b|in parallel)",
    re.IGNORECASE,
)
_PHASE = re.compile(
    r"\bphases?[ \t]*#?([0-9]+(?:\.[0-9]+)?)(?:(\+)|[ \t]*(?:-|–|—|to|through)[ \t]*(?:phase[ \t]*)?([0-9]+))?"
    r"((?:[ \t]*(?:,|&|\band\b)+[ \t]*(?:phase[ \t]*)?[0-9]+(?:\.[0-9]+)?(?![\w.]))*)",
    re.IGNORECASE,
)
_STORY = re.compile(
    r"\b(?:US|user stor(?:y|ies)[ \t]*|stor(?:y|ies)[ \t]+)#?([0-9]+)(?:[ \t]*[-–][ \t]*(?:US)?([0-9]+))?",
    re.IGNORECASE,
)
_TASK = re.compile(r"\bT([0-9]{2,4})\b(?:[ \t]*[-–—][ \t]*T?([0-9]{2,4})\b)?")
_STORIES = re.compile(r"\buser stories\b", re.IGNORECASE)
_ALL_STORIES = re.compile(r"\b(?:all|any|every|each|desired)\b[^.;]{0,20}\bstor(?:y|ies)\b", re.IGNORECASE)


class Named(Struct, frozen=True):
    """A phase as other lines may call it: its line, what its heading says, its number and the tasks in it."""

    line: int
    heading: str
    number: str = ""
    tasks: frozenset[int] = frozenset()


def waits(text: str, phases: Sequence[Named], *, of: int | None = None) -> tuple[dict[int, set[int]], bool]:
    """Which phases wait for which by this sentence, and whether it was understood; `of` is the phase it stands in."""
    found: dict[int, set[int]] = {}
    own = [] if of is None else [of]
    if label := LABELLED.match(text) if own else None:
        named = _refs(label[1], phases)
        _put(found, own, named)
        return found, bool(named or NOTHING.search(label[1]))
    if ARROW.search(text):
        return _chained(text, phases)
    subject = _refs(_VERB.split(text, maxsplit=1)[0], phases) or own
    understood = False
    for clause in _CLAUSE.split(text):
        understood = bool(NOTHING.search(clause)) or understood
        if verb := _VERB.search(clause):
            left, right = _refs(clause[: verb.start()], phases) or subject, _refs(clause[verb.end() :], phases)
            then, first = (right, left) if _FORWARD.match(verb[0]) else (left, right)
            _put(found, then, first)
            understood = understood or bool(then and first)
    return found, understood


def _chained(text: str, phases: Sequence[Named]) -> tuple[dict[int, set[int]], bool]:
    """The order of `Setup → Foundational → Stories`; what is said about it behind a colon or full stop is not read."""
    arrows = next(part for part in re.split(r":|\.(?=\s|$)", text) if ARROW.search(part))
    chain = [refs for part in ARROW.split(arrows) if (refs := _refs(part, phases))]
    found: dict[int, set[int]] = {}
    for first, then in itertools.pairwise(chain):
        _put(found, then, first)
    return found, bool(found)


def _put(found: dict[int, set[int]], then: Iterable[int], first: Sequence[int]) -> None:
    for line in then:
        # A range such as "Phase 3+" takes in phases that the sentence puts first: they do not wait for themselves.
        found.setdefault(line, set()).update(other for other in first if other != line)


def _refs(text: str, phases: Sequence[Named]) -> list[int]:
    """The lines of the phases that `text` names, by number, story, task or title."""
    found: list[int] = []
    for match in _PHASE.finditer(text):
        first, more, last, others = match.groups()
        wanted = {first, *re.findall(r"[0-9]+(?:\.[0-9]+)?", others or "")}
        found += [phase.line for phase in phases if phase.number in wanted]
        if more or last:
            only = _STORIES.search(text) if more else None
            found += [p.line for p in phases if _between(p.number, first, last) and (not only or _story(p))]
    for match in _STORY.finditer(text):
        found += [p.line for p in phases if (story := _story(p)) and _between(story, match[1], match[2] or match[1])]
    for match in _TASK.finditer(text):
        first, last = int(match[1]), int(match[2] or match[1])
        found += [phase.line for phase in phases if any(first <= task <= last for task in phase.tasks)]
    if not found:
        found += [phase.line for phase in phases if _by_title(phase, text, phases)]
    if not found and _ALL_STORIES.search(text):
        found += [phase.line for phase in phases if _story(phase)]
    return list(dict.fromkeys(found))


def _between(number: str, first: str, last: str | None) -> bool:
    return number.isdigit() and first.isdigit() and int(first) <= int(number) <= int(last or 10**6)


def _story(phase: Named) -> str:
    match = re.search(r"\b(?:user story|US)[ \t]*([0-9]+)", phase.heading, re.IGNORECASE)
    return match[1] if match else ""


def _by_title(phase: Named, text: str, phases: Sequence[Named]) -> bool:
    """Whether `text` has the title of the phase up to a bracket or dash, or its first word if no other has that."""
    title = re.split(r"[(\[:&]|[ \t][-–—][ \t]", phase.heading)[0].strip()
    if len(title) > 3 and re.search(rf"(?<!\w){re.escape(title)}(?!\w)", text, re.IGNORECASE):
        return True
    word = title.split(" ")[0]
    alone = sum(other.heading.split(" ")[0] == word for other in phases) == 1
    return alone and len(word) > 4 and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
