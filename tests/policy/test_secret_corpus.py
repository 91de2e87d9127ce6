"""Recall and precision of the rules, computed on secrets made for this run and on all that is installed here."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from phasegate.policy import secret_places
from phasegate.policy.secret_tokens import TOKENS
from tests.policy import secret_corpus as corpus

FULL = os.environ.get("PHASEGATE_TIER") == "release"
GOAL = 0.99
OF_A_KIND = 0.95
"""The least recall of each kind: one rule of many that is gone moves the whole by less than a hundredth."""

FILES = 1500


def missed(seeds: int) -> tuple[list[corpus.Positive], Counter[str]]:
    """What is not found, and how many there are of each kind."""
    every = list(corpus.positives(seeds))
    return [one for one in every if not one.is_found()], Counter(one.kind for one in every)


def shortcomings(lost: list[corpus.Positive], kinds: Counter[str]) -> list[str]:
    """What recall falls short of, in words."""
    recall = 1 - len(lost) / kinds.total()
    by_kind = Counter(one.kind for one in lost)
    said = [f"recall of {kind}: {1 - by_kind[kind] / kinds[kind]:.3f}" for kind in by_kind
            if 1 - by_kind[kind] / kinds[kind] < OF_A_KIND]  # fmt: skip
    return [*said, *([f"recall {recall:.4f}"] if recall < GOAL else [])]


def test_at_least_99_of_100_secrets_are_found_and_95_of_each_kind() -> None:
    lost, kinds = missed(5 if FULL else 1)
    assert len(kinds) >= 60 and kinds.total() >= 1500
    assert not shortcomings(lost, kinds), [(one.kind, one.context, one.text[:300]) for one in lost[:20]]


def test_at_least_99_of_100_findings_are_right() -> None:
    """Against every right finding of the corpus stand all findings in installed packages and in what is no secret."""
    found = sum(one.is_found() for one in corpus.positives(1))
    files = corpus.installed_files()
    wrong, size = corpus.wrong_findings(files if FULL else corpus.drawn(files, FILES, 1))
    wrong += corpus.wrong_in_generated(1)
    assert size > (50_000_000 if FULL else 3_000_000)
    assert found / (found + len(wrong)) >= GOAL, wrong


@pytest.mark.parametrize("gone", ["github-token", "jwt", "azure-search-key"])
def test_a_rule_that_is_taken_out_is_missed(monkeypatch: pytest.MonkeyPatch, gone: str) -> None:
    caches = (secret_places._marks, secret_places._rules_by_mark, secret_places._glued)
    monkeypatch.setattr(secret_places, "TOKENS", tuple(rule for rule in TOKENS if rule.id != gone))
    for cache in caches:
        cache.cache_clear()
    try:
        assert any(gone in said for said in shortcomings(*missed(1)))
    finally:
        monkeypatch.undo()
        for cache in caches:
            cache.cache_clear()
