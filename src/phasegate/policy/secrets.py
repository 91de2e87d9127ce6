"""Finds keys, tokens and passwords in text, and takes them out before anything is stored.

The scan is fast on text without secrets: token marks are looked for only in runs of 20 or more characters that could
hold one, and a rule's pattern is compiled and matched only where its keyword stands.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import ClassVar, NamedTuple

from msgspec import Struct

from phasegate.errors import Exit, Failure
from phasegate.policy.secret_rules import CONTEXTS, TOKENS, Rule, compiled, decoded_base64, last_group

LARGEST = 64 * 1024 * 1024
"""Characters or bytes that are scanned at once; more is refused, never passed on unread."""

_RUN = r"[A-Za-z0-9_.+/~-]{20,}+"
_BASE64 = r"[A-Za-z0-9+/_-]{27,}+"
_MARKER = r"\[redacted:[a-z0-9-]{1,60}:[0-9a-f]{16}\]"
_WIDE = r"(?:[\t\n\r -~]\x00){20,}+[\t\n\r -~]?"
_ROUNDS = 6
_ORDER = {rule.id: place for place, rule in enumerate((*TOKENS, *CONTEXTS))}
_IN_BASE64 = (*TOKENS, *(rule for rule in CONTEXTS if rule.id == "private-key"))


class TooLargeToScan(Failure):
    """Text above `LARGEST`: what was not read for secrets is not stored."""

    code: ClassVar[str] = "too-large-to-scan"
    exit_code: ClassVar[Exit] = Exit.LIMIT_REACHED


class SecretFound(Struct, frozen=True):
    """Where a secret stands (line and column from 1), and a fingerprint that names it without telling it."""

    rule: str
    line: int
    column: int
    fingerprint: str
    shown: str


class _Claim(NamedTuple):
    """The characters from `start` to `end` are a secret; `wide` ones are UTF-16, two for each."""

    start: int
    end: int
    rule: str
    secret: str
    wide: bool = False

    def marker(self) -> str:
        text = f"[redacted:{self.rule}:{fingerprint(self.rule, self.secret)}]"
        return "".join(f"{c}\0" for c in text) if self.wide else text


def fingerprint(rule: str, secret: str) -> str:
    """What a waiver carries instead of the secret."""
    return hashlib.sha256((rule + secret).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def find_secrets(text: str) -> tuple[SecretFound, ...]:
    """Every secret in `text`, in order. Raises `TooLargeToScan`."""
    return tuple(_described(text, _claims(text)))


def redact(text: str) -> tuple[str, tuple[SecretFound, ...]]:
    """`text` with a marker for each secret, and what was found; redacting again changes nothing.

    Taking one secret out can bare another (two keys without a gap); it is found in a later round, and its position
    is that in the text of its round. Text that never settles is hostile and becomes one marker as a whole.
    """
    found: list[SecretFound] = []
    for _ in range(_ROUNDS):
        claims = _claims(text)
        if not claims:
            return text, tuple(found)
        found += _described(text, claims)
        text = _replaced(text, claims)
    whole = _Claim(0, len(text), "unsettled-text", text)
    return whole.marker(), (*found, *_described(text, [whole]))


def redact_bytes(data: bytes) -> tuple[bytes, tuple[SecretFound, ...]]:
    """The same for an artifact of any encoding: bytes that are no UTF-8 pass through, and UTF-16 is read as well."""
    text, found = redact(data.decode("utf-8", "surrogateescape"))
    return (text.encode("utf-8", "surrogateescape") if found else data), found


def _described(text: str, claims: Iterable[_Claim]) -> Iterator[SecretFound]:
    line, seen = 1, 0
    for claim in claims:
        line += text.count("\n", seen, claim.start)
        seen = claim.start
        column = claim.start - text.rfind("\n", 0, claim.start)
        yield SecretFound(claim.rule, line, column, fingerprint(claim.rule, claim.secret), _shown(claim.secret))


def _shown(secret: str) -> str:
    """Enough to recognise the secret by: four characters, fewer of a short one."""
    return secret[: min(4, len(secret) // 4)] + "…"


def _replaced(text: str, claims: Iterable[_Claim]) -> str:
    parts: list[str] = []
    done = 0
    for claim in claims:
        parts += text[done : claim.start], claim.marker()
        done = claim.end
    return "".join(parts) + text[done:]


def _claims(text: str) -> list[_Claim]:
    """The secrets of `text`, sorted, none overlapping another."""
    if len(text) > LARGEST:
        raise TooLargeToScan(
            f"A text of {len(text)} characters is too large to be scanned for secrets (at most {LARGEST}).",
            hint="Split it, or keep it out of what phasegate stores.",
        )
    claims = _settled(text, _candidates(_without_markers(text)))
    return sorted([*claims, *_wide_claims(text)]) if "\0" in text else claims


def _wide_claims(text: str) -> Iterator[_Claim]:
    """Secrets in UTF-16 text, which reads as characters with a NUL after each."""
    for run in compiled(_WIDE).finditer(text):
        narrow = run[0][::2]
        for claim in _settled(narrow, _candidates(_without_markers(narrow))):
            start = run.start() + 2 * claim.start
            yield claim._replace(start=start, end=start + 2 * len(claim.secret), wide=True)


def _without_markers(text: str) -> str:
    """`text` with NULs for earlier redactions: no value of any rule holds one."""
    if "[redacted:" not in text:
        return text
    return compiled(_MARKER).sub(lambda marker: "\0" * len(marker[0]), text)


def _settled(text: str, candidates: Iterable[_Claim]) -> list[_Claim]:
    """Where candidates overlap, the rule that stands first in the tables has it."""
    ranked = sorted(candidates, key=lambda claim: (_ORDER.get(claim.rule, -1), claim.start))
    taken = bytearray(len(text) if ranked else 0)
    claims = []
    for claim in ranked:
        if taken.find(1, claim.start, claim.end) < 0:
            taken[claim.start : claim.end] = b"\1" * (claim.end - claim.start)
            claims.append(claim)
    return sorted(claims)


def _candidates(text: str) -> Iterator[_Claim]:
    lowered = _lowered(text)
    for rule in CONTEXTS:
        yield from _matches(rule, text, lowered)
    runs: list[str] = compiled(_RUN).findall(text)
    if runs:
        long_words = "\n".join(runs)
        for rule in TOKENS:
            if any(keyword in long_words for keyword in rule.keywords):
                yield from _matches(rule, text, text)
        yield from _base64_claims(text, long_words)


def _lowered(text: str) -> str:
    """Lower case at the same positions: one letter of Unicode grows when lowered."""
    return (text if text.isascii() else text.replace("\u0130", "i")).lower()


def _matches(rule: Rule, text: str, searched: str) -> Iterator[_Claim]:
    """What `rule` finds in `text`, at the places where `searched` has one of its keywords."""
    for keyword in rule.keywords:
        place = searched.find(keyword)
        while place >= 0:
            match = compiled(rule.pattern).match(text, place)
            if match is not None and rule.accepts(match):
                yield _claim(rule, match)
            place = searched.find(keyword, match.end() if match else place + 1)


def _claim(rule: Rule, match: re.Match[str]) -> _Claim:
    group = last_group(match)
    return _Claim(match.start(group), match.end(group), rule.id, match[group])


def _base64_claims(text: str, long_words: str) -> Iterator[_Claim]:
    """Known secrets that were encoded once; the whole encoded run is the secret."""
    decoded = {run: inner for run in compiled(_BASE64).findall(long_words) if (inner := _decoded(run))}
    everything = "\n".join(decoded.values())
    lowered = everything.lower()
    rules = [r for r in _IN_BASE64 if any(k in (lowered if r in CONTEXTS else everything) for k in r.keywords)]
    known = {run: rule for run, inner in decoded.items() if (rule := _first_rule(rules, inner))} if rules else {}
    if known:
        for match in compiled(_BASE64 + "={0,2}").finditer(text):
            if rule := known.get(match[0].rstrip("=")):
                yield _Claim(match.start(), match.end(), f"{rule}-in-base64", match[0])


def _decoded(run: str) -> str:
    """What `run` encodes; nothing for a name in one case or without a digit, which encoded keys are not."""
    if run.islower() or run.isupper() or not any(map(str.isdigit, run)):
        return ""
    return decoded_base64(run).decode("latin-1")


def _first_rule(rules: Iterable[Rule], text: str) -> str | None:
    lowered = text.lower()
    return next(
        (claim.rule for rule in rules for claim in _matches(rule, text, lowered if rule in CONTEXTS else text)), None
    )
