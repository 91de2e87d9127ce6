"""A test made weaker in a phase sends the agent back; a person's exception of just that closes it, and ends with it."""

from __future__ import annotations

from collections.abc import Callable

from bench import OLD, Bench

from phasegate.evidence.findings import FindingsSeen
from phasegate.gates.catalog import ask
from phasegate.gates.interface import Moment, Verdict
from phasegate.ledger.facts import BaselineMoved
from phasegate.ledger.waivers import WaiverGiven

PLAN = "# Roadmap\n\n## Phase 1: One [chore]\n\n- [ ] 1.1 Do it\n\n## Phase 2: Two [chore]\n\n- [ ] 2.1 Do it\n"
TESTS = "from app import old\n\n\ndef test_old():\n    assert old() == 1\n"
WEAK = TESTS.replace("== 1", ">= 0")


def at_work(lay_out: Callable[..., Bench]) -> Bench:
    bench = lay_out(plan=PLAN)
    bench.write("tests/test_app.py", TESTS)
    bench.begin()
    bench.done()
    assert bench.done().entered == ("implement",)
    return bench


def said(bench: Bench) -> Verdict:
    seen = bench.desk.tree.observe(bench.state.views.get(bench.desk.worktree, {}))
    (verdict,) = ask(("tests_not_weakened",), Moment(bench.state, bench.run, bench.desk.settings, seen.subject))
    return verdict


def fingerprint(bench: Bench) -> str:
    seen = [e.seen for e in bench.state.evidence.values() if isinstance(e.seen, FindingsSeen)][-1]
    (found,) = seen.findings
    return found.fingerprint


def excepted(bench: Bench, subject: str) -> None:
    given = WaiverGiven("waiver-1", "finding", subject, "ann", "as decided", "", "weak", "ann")
    bench.desk.record([given], relying_on=None)


def test_a_weakened_test_sends_the_agent_back_until_it_is_as_strong_again(lay_out: Callable[..., Bench]) -> None:
    bench = at_work(lay_out)
    bench.write("tests/test_app.py", WEAK)
    assert bench.done().entered == ("run_tests",)
    bench.tests({OLD: "passed"})
    assert bench.done().entered[-1] == "categorize_uncertainties"
    (note,) = bench.state.open_notes("1")
    assert "old() == 1" in note.text and "old() >= 0" in note.text and "waiver ask finding" in note.remedy
    bench.categorise("implement")
    bench.done()
    bench.write("tests/test_app.py", TESTS + "    assert old() > 0\n")
    assert bench.done().entered == ("run_tests",)
    bench.tests({OLD: "passed"})
    assert bench.done().entered == ("doublecheck",) and not bench.state.open_notes("1")


def test_a_persons_exception_opens_it_for_this_phase_and_ends_when_it_closes(lay_out: Callable[..., Bench]) -> None:
    bench = at_work(lay_out)
    bench.write("tests/test_app.py", WEAK)
    bench.done()
    bench.tests({OLD: "passed"})
    excepted(bench, f"{fingerprint(bench)}@2")
    assert said(bench).says == "fail"
    excepted(bench, f"{fingerprint(bench)}@1")
    assert said(bench).passes and "as decided" in " ".join(said(bench).reasons)
    assert bench.done().entered == ("doublecheck",)
    bench.link()
    bench.done()
    bench.done()
    assert bench.state.is_closed("1")
    assert bench.state.waivers["waiver-1"].ended == "phase 1 closed"


def test_a_comparison_made_before_the_phase_began_opens_nothing(lay_out: Callable[..., Bench]) -> None:
    bench = lay_out(plan=PLAN)
    bench.write("tests/test_app.py", WEAK)
    bench.tests({OLD: "passed"})
    bench.write("tests/test_app.py", TESTS)
    bench.begin()
    bench.done()
    bench.done()
    bench.write("tests/test_app.py", WEAK)
    assert said(bench).says == "unknown"
    bench.tests({OLD: "passed"})
    assert said(bench).says == "fail"


def test_a_start_that_cannot_be_read_any_more_leaves_the_gate_unknown(lay_out: Callable[..., Bench]) -> None:
    bench = at_work(lay_out)
    bench.write("tests/test_app.py", WEAK)
    moved = BaselineMoved("1", bench.state.record_of("1").subject, "1234567890" * 4)
    bench.desk.record([moved], relying_on=None)
    bench.tests({OLD: "passed"})
    assert said(bench).says == "unknown" and "cannot be read" in said(bench).reasons[0]
