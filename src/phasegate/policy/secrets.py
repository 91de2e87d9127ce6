"""Finds keys, tokens and passwords in text, and takes them out before anything is stored.

The scan is fast on text without secrets: a rule's pattern is compiled and matched only where its keyword stands, and
`secret_places.py` finds those places.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import ClassVar, NamedTuple

from msgspec import Struct

from phasegate.errors import Exit, Failure
from phasegate.policy import secret_places as places
from phasegate.policy.secret_contexts import CONTEXTS
from phasegate.policy.secret_shapes import Rule, compiled, decoded_base64, last_group
from phasegate.policy.secret_tokens import TOKENS

LARGEST = 64 * 1024 * 1024
"""Characters or bytes that are scanned at once; more is refused, never passed on unread."""

PIECE = 1 << 20
"""Characters that are read at a time; more would only take memory."""

OVERLAP = 1 << 16
"""More than the longest secret of any rule."""

_MARKER = r"\[redacted:[a-z0-9-]{1,60}:[0-9a-f]{16}\]"
_WIDE = r"(?:[\t\n\r -~]\x00){20,}+[\t\n\r -~]?"
_ROUNDS = 6
_ORDER = {rule.id: place for place, rule in enumerate((*TOKENS, *CONTEXTS))}
_DIGITS = b"0123456789"
_DIGESTS = (b"sha512-", b"sha384-", b"sha256-", b"sha1-")
"""What lock files put before a digest; as base64 no text begins so."""

_NO_TEXT = bytes(byte for byte in range(256) if byte > 126 or (byte < 32 and byte not in b"\0\t\n\r"))


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
        yield SecretFound(claim.rule, line, column, fingerprint(claim.rule, claim.secret), shown(claim.secret))


def shown(secret: str) -> str:
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
    return _in_pieces(text, PIECE, OVERLAP)


def _in_pieces(text: str, size: int, overlap: int) -> list[_Claim]:
    """The same piece by piece: what begins in the last `overlap` characters of one is left to the next."""
    claims: list[_Claim] = []
    start = 0
    while True:
        end = min(start + size, len(text))
        done = claims[-1].end if claims else 0
        for claim in _of_piece(text[start:end]):
            begins = start + claim.start
            if begins >= done and (end == len(text) or begins < end - overlap):
                claims.append(claim._replace(start=begins, end=start + claim.end))
        if end == len(text):
            return claims
        start = text.rfind("\n", end - 2 * overlap, end - overlap) + 1 or end - overlap


def _of_piece(text: str) -> list[_Claim]:
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
    flat = places.flattened(text)
    yield from _context_claims(text, flat.lower())
    words = places.Words(flat)
    if words.joined:
        yield from _token_claims(text, words)
        yield from _base64_claims(text, words)


def _context_claims(text: str, lowered: bytes) -> Iterator[_Claim]:
    for keyword, rules in places.contexts().items():
        place = lowered.find(keyword)
        if place >= 0:
            trials = [_Trial(rule, text) for rule in rules]
        while place >= 0:
            for trial in trials:
                if (claim := trial.at(place)) is not None:
                    yield claim
            place = lowered.find(keyword, place + 1)


def _token_claims(text: str, words: places.Words) -> Iterator[_Claim]:
    trials: dict[str, _Trial] = {}
    for rule, at in places.of_tokens(words.joined):
        trial = trials.get(rule.id) or trials.setdefault(rule.id, _Trial(rule, text))
        if (claim := trial.at(words.place(at))) is not None:
            yield claim


class _Trial:
    """One rule tried at place after place: what it has matched once is not looked at again."""

    __slots__ = ("_end", "_match", "_rule", "_start", "_text")

    def __init__(self, rule: Rule, text: str) -> None:
        self._rule, self._text = rule, text
        self._match = compiled(rule.pattern).match
        self._start = self._end = 0

    def at(self, place: int) -> _Claim | None:
        """What the rule finds where one of its keywords stands at `place`."""
        start = place - self._rule.before
        if self._start <= place < self._end or start < 0:
            return None
        match = self._match(self._text, start)
        if match is None:
            return None
        self._start, self._end = place, match.end()
        if not self._rule.accepts(match):
            return None
        group = last_group(match)
        return _Claim(match.start(group), match.end(group), self._rule.id, match[group])


def _base64_claims(text: str, words: places.Words) -> Iterator[_Claim]:
    """Known secrets that were encoded once; the whole encoded run is the secret."""
    decoded = [(place, run, inner) for place, run in words.base64() if (inner := _decoded(run))]
    if not decoded or _first_token("\n".join(inner for _, _, inner in decoded)) is None:
        return
    for place, run, inner in decoded:
        if rule := _first_token(inner):
            end = place + len(run)
            end += len(text[end : end + 2]) - len(text[end : end + 2].lstrip("="))
            yield _Claim(place, end, f"{rule}-in-base64", text[place:end])


def _decoded(run: bytes) -> str:
    """The text that `run` encodes; nothing for a digest, a name in one case or without a digit, and what is no text."""
    if run.startswith(_DIGESTS) or run.islower() or run.isupper() or len(run.translate(None, _DIGITS)) == len(run):
        return ""
    inner = decoded_base64(run)
    return inner.decode("latin-1") if 10 * len(inner.translate(None, _NO_TEXT)) >= 9 * len(inner) else ""


def _first_token(text: str) -> str | None:
    """The rule of a token or a private key in `text`."""
    flat = places.flattened(text)
    words = places.Words(flat)
    claims = _token_claims(text, words)
    if b"-----BEGIN " in flat:
        claims = chain(claims, (each for each in _context_claims(text, flat.lower()) if each.rule == "private-key"))
    return next((claim.rule for claim in claims), None)
