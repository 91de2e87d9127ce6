"""What a row of the tables of secrets is, and the questions it asks: is this random, checked, chosen, a placeholder?

A pattern is matched from its keyword on and never searches. Every repetition is bounded or possessive and none is
nested: the cost of a row is (number of its keywords in the text) times a constant.
"""

from __future__ import annotations

import binascii
import math
import re
import zlib
from collections.abc import Callable
from functools import cache

import msgspec

Check = Callable[["re.Match[str]"], bool]


class Rule(msgspec.Struct, frozen=True):
    """A kind of secret; `entropy` is the least a secret of it has, in bits per character."""

    id: str
    keywords: tuple[str, ...]
    pattern: str
    entropy: float = 0.0
    check: Check | None = None
    proof: Check | None = None
    """Proves by a checksum that this is a secret, whatever it looks like."""
    glued: bool = False
    """Its keywords count also where letters stand right before them."""
    before: int = 0
    """Characters of the secret that stand before its keyword."""

    def accepts(self, match: re.Match[str]) -> bool:
        """Whether what `pattern` matched is a secret and not a placeholder."""
        if self.proof is not None and self.proof(match):
            return True
        secret = match[last_group(match)]
        if is_placeholder(secret) or entropy(secret) < self.entropy:
            return False
        return self.check is None or self.check(match)


def last_group(match: re.Match[str]) -> int:
    """The group that holds the secret: the last one of the pattern that took part, else all of it."""
    return match.lastindex or 0


def entropy(text: str) -> float:
    """Shannon entropy of the characters of `text`, in bits per character."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in map(text.count, set(text)))


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """`pattern`, compiled when first needed: importing the tables must cost nothing."""
    return re.compile(pattern, re.ASCII)


# Shapes of values that stand where a secret would: documentation, templates, variables.
_PLACEHOLDER = (
    r"(?i:example|placeholder|change[-_]?me|replace[-_]?me|redacted|your[-_]|my[-_]?(?:secret|token|password))"
    r"|xxxx|XXXX|\*\*\*|\.\.\.|\$\{|\$\(|\{\{|%\(|<[A-Za-z]"
    r"|0123456789|123456789|abcdefghij|ABCDEFGHIJ|([0-9A-Za-z])\1{6}"
)
_STAND_INS = frozenset(
    "pass passwd password passwort pwd pw secret token key user username admin root test testing guest foo bar baz "
    "changeme default none null true false string postgres mysql redis mongo mongodb rabbitmq minio docker".split()
)


def is_placeholder(secret: str) -> bool:
    """Whether `secret` is what people write where a secret would stand."""
    return secret.lower() in _STAND_INS or compiled(_PLACEHOLDER).search(secret) is not None


_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def crc32_base62(text: str) -> str:
    """The six characters that GitHub and npm append to the random part of a token."""
    left, digits = zlib.crc32(text.encode()), ""
    while left:
        left, digit = divmod(left, 62)
        digits = _BASE62[digit] + digits
    return digits.zfill(6)


def checksum_fits(match: re.Match[str]) -> bool:
    """Whether the last six characters of a token of GitHub's form are the checksum of the others."""
    body = match[0].partition("_")[2]
    return len(body) == 36 and crc32_base62(body[:30]) == body[30:]


def is_jwt(match: re.Match[str]) -> bool:
    """Whether the first part decodes to the header of a JSON web token, and the second to no known example."""
    head, payload, _ = match[0].split(".", 2)
    said = decoded_base64(payload)
    return b'"alg"' in decoded_base64(head) and b'"1234567890"' not in said and b'"some":"payload"' not in said


def is_user_and_password(match: re.Match[str]) -> bool:
    """Whether what follows `Basic` decodes to a user and a password."""
    user, colon, password = decoded_base64(match[1]).partition(b":")
    if not colon or not user or len(password) < 3 or not (user + password).isascii():
        return False
    return password.count(b" ") < 2 and password not in _SESAME and not is_placeholder(password.decode())


_SESAME = (b"open sesame", b"opensesame")
"""What RFC 7617 writes, and everybody after it."""


def is_chosen(match: re.Match[str]) -> bool:
    """Whether the password of a URL is one: no variable, no template, not the user's name."""
    user, password = match[1], match[2]
    if compiled(_DOCUMENTED_HOST).match(match.string, match.end(2) + 1):
        return False
    return password != user and compiled(r"[$%]?\{|[$%][A-Za-z_]|%[0-9]?[sd]|[<\[(]").match(password) is None


_DOCUMENTED_HOST = r"(?i:(?:[a-z0-9-]{1,63}\.){0,8}(?:example(?:\.(?:com|org|net))?|test|invalid)(?![a-z0-9.-]))"
"""RFC 2606 keeps these names for documentation."""


def is_key_body(match: re.Match[str]) -> bool:
    """Whether there is key material between the dashes, and not only the dashes."""
    return compiled(r"[A-Za-z0-9+/=]{40}").search(match[0].replace("\\n", "\n")) is not None


def mixes(match: re.Match[str]) -> bool:
    """Letters and digits, and not just a path, or words with a number, or versions."""
    secret = match[last_group(match)]
    if not any(map(str.isdigit, secret)) or not any(map(str.isalpha, secret)):
        return False
    if compiled(r"[.~]{0,2}/[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]*").fullmatch(secret):
        return False
    if compiled(r"(?:[A-Z][a-z]{1,20}[0-9]{0,5}){2,10}|.{0,16}\(\?[:!=<iP].*").fullmatch(secret):
        return False  # the name of a type, or an expression
    parts = compiled(r"[^A-Za-z0-9]|(?<=[a-z0-9])(?=[A-Z])").split(secret)
    return not all(map(compiled(r"[A-Z]?[a-z]{2,}[0-9]{0,2}|[A-Z]{2,}[0-9]?|[A-Za-z]?|v?[0-9]{1,5}").fullmatch, parts))


def decoded_base64(text: str | bytes) -> bytes:
    """The bytes that `text` stands for in either base64 alphabet, without its padding; empty when it is none."""
    body = (text if isinstance(text, bytes) else text.encode()).rstrip(b"=").translate(_URLSAFE)
    try:
        return binascii.a2b_base64(body[: len(body) - (len(body) % 4 == 1)] + b"==")
    except (binascii.Error, ValueError):
        return b""


_URLSAFE = bytes.maketrans(b"-_", b"+/")

# No letter or digit stands before; an escape (\n, %3D, \u003d, a terminal colour) is no letter.
EDGE = (
    r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u00[0-9a-f]{2})|(?<=\\x[0-9a-f]{2})"
    r"|(?<=\x1b\[[0-9]m)|(?<=\x1b\[[0-9]{2}m)|(?<=\x1b\[[0-9];[0-9]{2}m))"
)
# The rest of a name, then `=`, `:`, `:=`, `=>` or `==`, then perhaps an opening quote.
IS = r"""[A-Za-z0-9_.-]{0,32}+["'\\\]]{0,3}\s{0,4}+(?::=|=>|==|=|:)\s{0,4}+(?:[bfru]{0,2}\\?["'`])?"""
END = r"(?![0-9A-Za-z])"
PEM_BODY = r"(?:(?:[^-\x00]|-(?!----)){40,20000}+-----END[A-Z0-9 ]{1,40}-----|[A-Za-z0-9+/=\s\\]{40,20000}+)"
