"""What is asked of a tree outside any phase: is it no worse than it was when phasegate came?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Literal, get_args

import msgspec

from phasegate.evidence.items import CoverageSeen, Evidence, NoCoverage, TestsSeen, per_cent
from phasegate.evidence.tests import among
from phasegate.gates import tests_not_weakened
from phasegate.gates.covered import excluded, newly_unrun, short_of
from phasegate.gates.found import judged
from phasegate.gates.interface import Verdict, failed, passed, some, unknown
from phasegate.gates.tests_ran import INFRASTRUCTURE_REMEDY, unapproved
from phasegate.ledger.state import State
from phasegate.ledger.waivers import Waivable
from phasegate.settings import ScannerName, Settings

Name = str


def standing(names: tuple[Name, ...], state: State, subject: str, today: str) -> tuple[Verdict, ...]:
    """What each of `names` (see QUESTIONS) says of the tree with this digest, with the exceptions in force `today`."""
    return tuple(msgspec.structs.replace(QUESTIONS[name](state, subject, today), gate=name) for name in names)


def _tests(state: State, subject: str, today: str) -> Verdict:
    found = state.newest(TestsSeen, subject=subject)
    if found is None or not isinstance(found.seen, TestsSeen):
        return unknown("no test run is recorded for this tree", remedy="Run `phasegate check tests`.")
    tests = found.seen
    if not tests.complete:
        return unknown(tests.why_incomplete, remedy="Mend that, then `phasegate check tests`.", evidence=(found.id,))
    pending = unapproved(tests, state, today)
    if pending:
        why = f"the result hangs on changed test infrastructure that nobody approved: {some(pending)}"
        return unknown(why, remedy=INFRASTRUCTURE_REMEDY, evidence=(found.id,))
    if not tests.collected:
        return unknown("no test was found", remedy="Write the first one, or correct the command.", evidence=(found.id,))
    known, flaky = _known_red(state)
    red = _unwaived(state, "test", [(test.id,) for test in tests.red if not among(test.id, known | flaky)], today)
    if red:
        return failed(f"red: {some(red)}", remedy="Mend the code until they pass.", evidence=(found.id,))
    gone = _unwaived(state, "test", [(id,) for id in tests.gone], today)
    skipped = _unwaived(state, "test", [(id,) for id in tests.newly_skipped], today)
    if gone or skipped:
        return failed(
            f"tests that ran before are {'gone' if gone else 'skipped'} now: {some(gone or skipped)}",
            remedy="Bring them back, or let a person take a new baseline: `phasegate init --baseline`.",
            evidence=(found.id,),
        )
    whys = {test.id: test.why for test in tests.hollow}
    hollow = [f"{id} ({whys[id]})" for id in _unwaived(state, "test", [(id,) for id in whys], today)]
    if hollow:
        return failed(
            f"tests pass and show nothing: {some(hollow)}",
            remedy="Let each assert what the code has to do, or a person excepts it: `phasegate waiver add test ID`.",
            evidence=(found.id,),
        )
    if not tests.passed:
        return _none_passes(tests, found)
    old = f", {len(tests.red)} red as when phasegate came{' or flaky' if flaky else ''}" if tests.red else ""
    again = (f"red, and passed when they ran again: {some(tests.flaky)}",) if tests.flaky else ()
    told = f"{tests.passed} of {tests.collected} tests pass{old} ({found.assurance})"
    return passed(told, *again, evidence=(found.id,))


def _none_passes(tests: TestsSeen, found: Evidence) -> Verdict:
    """Nothing became red, and nothing would have: a suite that shows nothing is no pass."""
    first = next((f", the first red one since: {test.message}" for test in tests.red if test.message), "")
    return unknown(
        f"none of {tests.collected} tests passes, as it was when phasegate came{first}",
        remedy="Mend that first: until a test passes, the tests show nothing.", evidence=(found.id,),
    )  # fmt: skip


def _known_red(state: State) -> tuple[frozenset[str], frozenset[str]]:
    """The tests that were red, and those that were flaky, when phasegate came."""
    before = _taken(state, "tests")
    red = (
        frozenset(test.id for test in before.seen.red) if before and isinstance(before.seen, TestsSeen) else frozenset()
    )
    return red, frozenset(state.baseline.flaky if state.baseline is not None else ())


def _coverage(state: State, subject: str, today: str) -> Verdict:
    found = state.newest((CoverageSeen, NoCoverage), subject=subject)  # type: ignore[arg-type]
    if found is None or isinstance(found.seen, NoCoverage):
        why = found.seen.why if found is not None and isinstance(found.seen, NoCoverage) else "none is recorded"
        return unknown(f"coverage is unknown: {why}", remedy="Install what is missing, then `phasegate check tests`.")
    seen, before = found.seen, _taken(state, "coverage")
    assert isinstance(seen, CoverageSeen)
    if not seen.total:
        return unknown("no statement was measured", remedy="See `source_roots` of the tests in phasegate.toml.")
    if before and isinstance(before.seen, CoverageSeen) and (more := newly_unrun(before.seen, seen)):
        return failed(
            f"{per_cent(seen.percent)} of the statements are covered, {per_cent(before.seen.percent)} when phasegate "
            f"came, and {more} more are not",
            remedy="Test what is new.", evidence=(found.id, before.id),
        )  # fmt: skip
    return passed(f"{per_cent(seen.percent)} of {seen.total} statements are covered", evidence=(found.id,))


def changed_lines(state: State, subject: str, settings: Settings) -> Verdict:
    """Do tests run the lines that changed since the baseline, as far as settings demand?"""
    found = state.newest(CoverageSeen, subject=subject)
    if found is None or not isinstance(found.seen, CoverageSeen):
        return Verdict("changed_lines", "unknown", ("coverage is unknown",), "See `coverage`.")
    seen = found.seen
    if seen.unmeasured:
        why = f"the report does not mention changed files: {some(seen.unmeasured)}"
        return Verdict("changed_lines", "unknown", (why,), "Let a test import them.", (found.id,))
    short = short_of(seen, settings)
    if short:
        return Verdict("changed_lines", "fail", (*short, *excluded(seen)), "Test the lines named.", (found.id,))
    told = (
        f"{per_cent(seen.changed_percent, 0)} of the changed lines are covered"
        if seen.changed
        else "no line of code changed"
    )
    return Verdict("changed_lines", "pass", (told,), evidence=(found.id,))


def _unwaived(state: State, what: Waivable, named: Iterable[tuple[str, ...]], today: str) -> list[str]:
    """The first name of each thing that no exception of a person names."""
    return [names[0] for names in named if state.waiver_for(what, names, today) is None]


def _scan(scanner: str, state: State, subject: str, today: str) -> Verdict:
    return judged(state, scanner, subject, today)


def asked_of(settings: Settings) -> tuple[Name, ...]:
    """What is asked of a tree when nobody names a question: tests, coverage, and the scanners of the settings."""
    return ("tests", "coverage", *settings.scanners)


def _taken(state: State, what: Literal["tests", "coverage"]) -> Evidence | None:
    """The evidence of the baseline, when one was taken."""
    return state.evidence.get(getattr(state.baseline, what)) if state.baseline is not None else None


QUESTIONS: Mapping[Name, Callable[[State, str, str], Verdict]] = {
    "tests": _tests,
    "coverage": _coverage,
    **{scanner: partial(_scan, scanner) for scanner in get_args(ScannerName)},
    "ratchets": tests_not_weakened.judged,
}
"""Every question by the word after `phasegate check`, in the order they are told."""
