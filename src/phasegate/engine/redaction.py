"""Before a fact is stored the secrets in it are taken out, and that they were there is a fact itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from phasegate.ledger.event import Draft
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import SecretSeen
from phasegate.ledger.schema import KINDS, draft
from phasegate.policy.secrets import SecretFound, find_secrets, redact

_BETWEEN = "\n\0\n"
"""No secret goes across it."""


def drafts(facts: Iterable[Fact]) -> list[Draft]:
    """`facts` as drafts without secrets, each followed by what was found in it."""
    made: list[Draft] = []
    for fact in facts:
        clean, found = _redacted(fact)
        made.append(draft(clean))
        made += [draft(SecretSeen(s.rule, s.fingerprint, type(fact).__name__, False)) for s in found]
    return made


def _redacted(fact: Fact) -> tuple[Fact, Iterable[SecretFound]]:
    """`fact` with each of its texts redacted by itself: beside the name of a field our own id looks like a key."""
    plain = msgspec.to_builtins(fact)
    if not find_secrets(_BETWEEN.join(_texts(plain))):  # all at once, for a test run has thousands
        return fact, ()
    seen: dict[str, SecretFound] = {}
    clean = _clean(plain, seen)
    return msgspec.convert(clean, KINDS[type(fact).__name__]), seen.values()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)


def _clean(value: Any, seen: dict[str, SecretFound]) -> Any:
    if isinstance(value, str):
        clean, found = redact(value)
        seen.update((secret.fingerprint, secret) for secret in found)
        return clean
    if isinstance(value, list | tuple):
        return [_clean(item, seen) for item in value]
    if isinstance(value, dict):
        return {_clean(key, seen): _clean(item, seen) for key, item in value.items()}
    return value
