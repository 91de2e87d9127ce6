"""Before a fact is stored the secrets in it are taken out, and that they were there is a fact itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from phasegate.ledger.event import Draft
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import SecretSeen
from phasegate.ledger.schema import KINDS, draft
from phasegate.policy.secrets import find_secrets, redact


def drafts(facts: Iterable[Fact]) -> list[Draft]:
    """`facts` as drafts without secrets, each followed by what was found in it."""
    made: list[Draft] = []
    for fact in facts:
        plain = draft(fact)
        found = find_secrets(plain.body.decode())
        if not found:
            made.append(plain)
            continue
        made.append(draft(_redacted(fact)))
        seen = {secret.fingerprint: secret for secret in found}
        made += [draft(SecretSeen(s.rule, s.fingerprint, plain.kind, False)) for s in seen.values()]
    return made


def _redacted(fact: Fact) -> Fact:
    """`fact` with each of its texts redacted."""
    kind = KINDS[type(fact).__name__]
    return msgspec.convert(_clean(msgspec.to_builtins(fact)), kind)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)[0]
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value
