"""Lets some tests fail at their end, drawn at random there, to see whether what reports results tells the truth."""

from __future__ import annotations

import hashlib
import random
import secrets
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from phasegate.collectors.pytest_frames import Report
from phasegate.evidence.levels import Layer
from phasegate.evidence.tests import TestRun

LAYER = "challenge"
ARTIFACT = "challenge.json"
MOST = 20
VARIABLE = "PHASEGATE_REPORT_CHALLENGE"
_TOLD = {1: ("failed", "rerun"), 0: ("passed",)}


class Drawn(msgspec.Struct, frozen=True):
    """One test of a challenge: whether it was `let_fail`, and what was `reported` of it then."""

    id: str
    let_fail: bool
    reported: str


class Challenge(msgspec.Struct, frozen=True):
    """What is kept of a challenge: from the `seed` follow the tests that were asked, and what each was let do."""

    seed: str
    asked: tuple[str, ...]
    drawn: tuple[Drawn, ...] = ()

    @property
    def lie(self) -> Drawn | None:
        """The first test that was reported as something else than what it was let do, or was not let do it."""
        return next((each for each in self.drawn if _is_lie(each, self.seed)), None)


def new(run: TestRun) -> Challenge:
    """A challenge of some of the tests that passed, if the run is one to believe so far."""
    seed = secrets.token_hex(16)
    return Challenge(seed, sample(seed, run.green) if run.complete else ())


def sample(seed: str, ids: Sequence[str]) -> tuple[str, ...]:
    """The tests that a seed chooses among `ids`."""
    return tuple(random.Random(seed).sample(sorted(ids), min(MOST, len(ids))))


def lets_fail(seed: str, id: str) -> bool:
    """Whether a seed lets a test fail; our reporter says the same of it."""
    return bool(hashlib.sha256(f"{seed}\0{id}".encode("utf-8", "xmlcharrefreplace")).digest()[0] & 1)


def answered(run: TestRun, asked: Challenge, reports: Sequence[Report], *, in_time: bool) -> tuple[TestRun, Challenge]:
    """`run` with what the challenge came to; a test whose result is not the drawn one leaves it incomplete."""
    drawn = (
        Drawn(report.id, bool(report.challenged), report.outcome) for report in reports if report.challenged in _TOLD
    )
    found = replace(asked, drawn=tuple(drawn))
    lie = found.lie
    if lie is not None:
        word = "fail" if lets_fail(found.seed, lie.id) else "pass"
        why = f"a result is made up: {lie.id} was let {word}, and was reported otherwise"
        return with_layer(replace(run, complete=False, why_incomplete=why), Layer(LAYER, True, why)), found
    return with_layer(run, _layer(found, in_time)), found


def _layer(found: Challenge, in_time: bool) -> Layer:
    if not in_time:
        return Layer(LAYER, False, f"it did not come to its end within `challenge_seconds` (seed {found.seed})")
    if not found.drawn:
        return Layer(LAYER, False, "none of the tests drawn is a function of pytest")
    failed = sum(each.let_fail for each in found.drawn)
    said = (
        f"{len(found.drawn)} of {len(found.asked)} tests drawn, {failed} of them let fail: each was reported as it was"
    )
    return Layer(LAYER, True, f"{said} (seed {found.seed})")


def _is_lie(each: Drawn, seed: str) -> bool:
    let_fail = lets_fail(seed, each.id)
    return each.let_fail != let_fail or each.reported not in _TOLD[int(let_fail)]


def not_asked(run: TestRun, why: str) -> TestRun:
    """`run`, with why there was no challenge."""
    return with_layer(run, Layer(LAYER, False, why))


def with_layer(run: TestRun, layer: Layer) -> TestRun:
    """`run` with another layer in each of its levels."""
    return replace(run, levels=tuple(replace(level, layers=(*level.layers, layer)) for level in run.levels))
