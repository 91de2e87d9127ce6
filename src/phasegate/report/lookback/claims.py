"""Claims of being done, or of passing tests, at the end of a turn whose code no test run has seen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from phasegate.plain import line
from phasegate.report.lookback.commands import is_code, is_test, might_test, surely_failed
from phasegate.report.lookback.seen import At, Claim, Edit, Event, Finding, Prompt, Ran, Session

_IT = r"(?:everything|it|all(?: of (?:it|this|them))?|(?:the|this|your|all) (?:\w+ ){0,3}?(?:task|work|job|feature|fix|bug|implementation|change|changes|refactoring|refactor|migration|issue|request|function|module|code))"  # noqa: E501
_NOW = r"(?:is|are|'s|has been|have been|'ve been)(?: (?:now|all|also|fully|completely|successfully|already))*"
_GREEN = re.compile(
    r"\b(?:all|every|the|\d+(?:/\d+)?)(?: (?:of )?(?:the |my |our |these )?)?(?:\d+ )?(?:\w+ ){0,2}?tests?"
    r"(?: cases?| suites?)?(?: (?:are|is))?(?: (?:now|all|still|also))* (?:pass(?:es|ing|ed)?|green|succeed(?:s|ed)?)\b"
    r"|^(?:\d+ )?tests? (?:are |now |all |still )*(?:pass(?:es|ing|ed)?|green)\b"
    r"|\btest suite (?:is |now )*(?:pass(?:es|ing)|green)\b"
    r"|\b\d+(?:/\d+)? (?:tests? )?pass(?:ed|ing)\b",
    re.IGNORECASE,
)
_DONE = re.compile(
    rf"^{_IT} {_NOW} (?:done|complete|completed|finished|fixed|resolved|working|implemented|in place)\b"
    r"|^(?:all )?(?:done|finished|completed|fixed|implemented)(?:[.!:]|$| [-\u2013\u2014] )"
    r"|^(?:task|implementation|work|refactoring|migration|fix|feature|bug fix)(?: is| are)?(?: now)? "
    r"(?:done|complete|completed|finished)\b"
    r"|^i(?:'ve| have)(?: now| successfully)* (?:fixed|implemented|completed|finished|resolved)\b"
    r"|\b(?:is|are) now (?:fixed|fully implemented|fully working|complete|fully functional|"
    r"working (?:correctly|as expected))\b",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    r"\b(?:not|never|no|none|cannot|can't|couldn't|won't|wasn't|weren't|isn't|aren't|don't|doesn't|didn't|haven't|hasn't|"
    r"should|would|could|might|may|will|shall|'ll|let me|let's|if|once|after|before|when|until|unless|whether|"
    r"try|need|needs|still|remain|remains|remaining|todo|next|except|but|however|unable|pending|partially|partly|mostly|almost|nearly|"
    r"some|want|expect|expected to|assume|assuming|believe|think|hopefully|appears?|seems?|likely|probably|previously|"
    r"make sure|ensure|verify|confirm|check|run|please|you can|to be|fail(?:s|ed|ing|ure|ures)?|half|first step|so far|"
    r"skipped|wrong|incorrect|false)\b|\?",
    re.IGNORECASE,
)
_ADMITTED = re.compile(
    r"\b(?:(?:have|has|did|do|does|could|was|were) ?n[o']t|can ?not|can't|not|never|without|"
    r"unable to|no)\b[^.\n]{0,60}\b(?:run|ran|running|test|tests|tested|testing|execut\w+|verif\w+|compil\w+|"
    r"check\w*)\b"
    r"|\buntested\b|\bunverified\b"
    r"|\b(?:please|you (?:can|could|should|may|will)|to (?:run|test|verify|try))\b"
    r"[^.\n]{0,60}\b(?:tests?|run|try|verify)\b"
    r"|\bfail(?:s|ed|ing|ure|ures)?\b|\bbroken\b|\bpre-?existing\b|\bflaky\b|\btimed? ?out\b|"
    r"\bnext steps?\b|\bmanual(?:ly)?\b",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[*_`#>~]+|^\s*[-+]\s+|^\s*\d+[.)]\s+|[\u2705\u2714\u2713\u2728\U0001f389\U0001f389\ufe0f]")
_QUOTED = re.compile(r"```.*?(?:```|\Z)|\"[^\"\n]{0,200}\"|\u201c[^\u201d\n]{0,200}\u201d", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+|; | \u2014 | - ")


def claimed(text: str) -> str:
    """The words by which `text` claims to be done or green, or "" where it does not, hedges, or owns up."""
    plain = _QUOTED.sub(" ", text[:20_000].replace("\u2019", "'"))
    if _ADMITTED.search(plain):
        return ""
    for sentence in _SENTENCE.split(plain):
        words = _MARKS.sub("", sentence).strip()
        if len(words) <= 300 and (_GREEN.search(words) or _DONE.search(words)) and not _HEDGED.search(words):
            return words
    return ""


def unproved(session: Session) -> Iterator[Finding]:
    """The claims of `session` with no test run behind them. A session that was not read whole says nothing."""
    if not session.complete:
        return
    told: set[At] = set()
    for end, claim in _ends(session.events):
        so_far = session.events[:end]
        turn = _turn(so_far)
        edit = _last_edit(turn)
        said = claimed(claim.text) if edit is not None else ""
        if edit is None or not said or edit.at in told:
            continue
        why = _unproved(so_far, edit)
        if why is not None:
            reason, place = why
            told.add(edit.at)
            yield Finding(
                "claim",
                f"\u201c{line(said, 140)}\u201d \u2014 {reason}.",
                claim.at,
                (f"code last edited: {line(edit.path, 120)} at {edit.at.shown()}", *_test_at(place)),
                (edit.at, *((place,) if place else ())),
                claim.time,
            )


def _test_at(place: At | None) -> tuple[str, ...]:
    return (f"last test run: {place.shown()}",) if place else ()


def _unproved(events: tuple[Event, ...], edit: Edit) -> tuple[str, At | None] | None:
    """Why no test run stands behind the code, with that run's place; None when one does, or may."""
    after = [event for event in events[events.index(edit) + 1 :] if isinstance(event, Ran)]
    runs = [event for event in events if isinstance(event, Ran) and is_test(event.command)]
    maybe = [event for event in after if might_test(event.command, event.output)]
    if not maybe:
        if any(isinstance(event, Ran) and might_test(event.command, event.output) for event in events):
            return _before_the_edit(runs)
        return "no test command ran in the session", None
    last = maybe[-1]
    if is_test(last.command) and surely_failed(last.command, last.ended, last.output):
        return f"the last test run failed: {line(last.command, 80)}", last.at
    return None


def _before_the_edit(runs: list[Ran]) -> tuple[str, At | None]:
    if not runs:
        return "no test command ran after the last edit", None
    return f"no test ran after the last edit; the last was {line(runs[-1].command, 80)}", runs[-1].at


def _ends(events: Iterable[Event]) -> Iterator[tuple[int, Claim]]:
    return ((at, event) for at, event in enumerate(events) if isinstance(event, Claim))


def _turn(events: tuple[Event, ...]) -> tuple[Event, ...]:
    """What happened since a person last asked."""
    begins = [at for at, event in enumerate(events) if isinstance(event, Prompt) and event.own]
    return events[begins[-1] :] if begins else events


def _last_edit(events: tuple[Event, ...]) -> Edit | None:
    edits = [event for event in events if isinstance(event, Edit) and event.inside and is_code(event.path)]
    return edits[-1] if edits else None
