"""What a report says is what the ledger says: recounted by hand, referred to, and nothing besides."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from phasegate.evidence.items import CoverageSeen, Evidence, TestsSeen
from phasegate.ledger import driving as d
from phasegate.ledger import facts as f
from phasegate.ledger.event import Event
from phasegate.ledger.fact import Fact
from phasegate.ledger.schema import fact_of
from phasegate.report.night import assemble
from phasegate.report.values import Figure, Report, position_of, references
from phasegate.store.memory import MemoryLog
from phasegate.workflow.default import DEFAULT
from tests.ledger.test_fold import FACTS
from tests.report.story import DRIVE, EVENING, MINUTE, NOTHING_MEASURED, OLD_RED, RUN, Teller, coverage, plan, ran, told

MORNING = EVENING + 9 * 60 * MINUTE


def report_of(teller: Teller, since_ms: int | None = None, now_ms: int = MORNING) -> Report:
    return assemble(
        teller.log.read(), teller.state, workflow=DEFAULT, since_ms=since_ms, now_ms=now_ms,
        today="2026-11-22",
    )  # fmt: skip


def facts_of(events: list[Event], *kinds: type[Fact]) -> list[tuple[Event, Fact]]:
    """The facts of these kinds, by the slowest way there is."""
    pairs = [(event, fact_of(event)) for event in events]
    return [(event, fact) for event, fact in pairs if isinstance(fact, kinds)]


@pytest.fixture(scope="module")
def teller() -> Teller:
    return told()


@pytest.fixture(scope="module")
def report(teller: Teller) -> Report:
    return report_of(teller)


def in_window(teller: Teller, report: Report) -> list[Event]:
    return [event for event in teller.log.read() if event.position > report.window.after]


def test_a_report_begins_where_the_newest_drive_began(teller: Teller, report: Report) -> None:
    began = next(event for event in teller.log.read() if event.kind == "DriveStarted")
    assert report.window.because == "drive"
    assert (report.window.after, report.window.since_at) == (began.position - 1, began.clock.ms)
    assert report.window.events == sum(1 for _ in teller.log.read(began.position - 1))


def test_the_counts_are_those_of_the_ledger(teller: Teller, report: Report) -> None:
    events = in_window(teller, report)
    ended = [fact for _, fact in facts_of(events, d.ClientEnded)]
    refused = facts_of(events, f.CallRefused)
    assert [phase.phase for phase in report.closed] == [fact.phase for _, fact in facts_of(events, f.PhaseClosed)]
    assert [phase.commit for phase in report.closed] == [fact.commit for _, fact in facts_of(events, d.PhaseCommitted)]
    assert [phase.phase for phase in report.deferred] == ["4"] and report.still_open == ("6",)
    assert {rule.rule: rule.count.value for rule in report.refused} == {
        rule: sum(fact.rule == rule for _, fact in refused) for rule in {fact.rule for _, fact in refused}
    }
    assert report.use.cost_usd.value == pytest.approx(sum(fact.cost_usd for fact in ended))
    assert report.use.tokens.value == sum(fact.tokens.total for fact in ended)
    assert report.use.launches.value == len(facts_of(events, d.ClientLaunched))
    assert sum(end.count.value or 0 for end in report.endings) == len(ended)
    assert sum(wait.count.value or 0 for wait in report.waits) == len(facts_of(events, d.WaitBegan))
    assert report.put_back_count.value == len(facts_of(events, f.ChangePutBack))
    assert report.failed_hooks.value == len(facts_of(events, f.HookFailed))
    assert report.recoveries.value == len(facts_of(events, f.RunRecovered))
    assert {question.question for question in report.questions} == {q.id for q in teller.state.open_questions()}


def test_a_client_that_said_nothing_makes_the_cost_a_lower_bound(report: Report) -> None:
    assert report.use.silent.value == 1
    assert report.use.cost_usd.least and report.use.tokens.least


@pytest.mark.parametrize(
    ("ending", "least"),
    [
        (d.ClientEnded("d1", "l", "died", "", "s", 3, 0.0, d.Tokens(5_000, 200)), True),
        (d.ClientEnded("d1", "l", "silent"), True),
        (d.ClientEnded("d1", "l", "stopped", "", "s", 3, 0.2, d.Tokens(5_000, 200)), False),
        (d.ClientEnded("d1", "l", "rate_limited"), False),
        (d.ClientEnded("d1", "l", "ended", "", "s", 3, 0.0, d.Tokens(5_000, 200)), True),
    ],
)
def test_tokens_of_a_killed_client_count_and_the_cost_is_a_lower_bound(ending: d.ClientEnded, least: bool) -> None:
    """The client says dollars with its last words only; one that was refused at once has said them, and they are 0."""
    t = Teller(MemoryLog("l"))
    begun(t, "d1")
    for launch, ended in (("k", d.ClientEnded("d1", "k", "ended", "", "s", 9, 1.5, d.Tokens(100, 10))), ("l", ending)):
        t.says(d.ClientLaunched("d1", launch, 1, "b", "the drive begins", "acceptEdits"), ended)
    use = report_of(t).use
    assert (use.cost_usd.value, use.cost_usd.least) == (1.5 + ending.cost_usd, least)
    assert use.tokens.value == 110 + ending.tokens.total
    assert use.silent.value == least


def test_time_in_steps_is_time_between_events_without_what_nobody_knows(report: Report) -> None:
    assert report.worked.value == pytest.approx(sum(step.seconds.value or 0 for step in report.steps))
    assert report.worked.value == pytest.approx(sum(phase.seconds.value or 0 for phase in report.phases))
    assert (report.worked.value or 0) < (report.window.until_at - report.window.since_at) / 1000


def test_waits_are_measured_and_named_by_what_was_waited_out(report: Report) -> None:
    assert [(wait.what, wait.seconds.value) for wait in report.waits] == [
        ("usage_limit", 62 * 60), ("network", 8 * 60), ("overloaded", 4 * 60),
    ]  # fmt: skip


def test_tests_before_are_those_of_before_and_tests_after_the_newest(report: Report) -> None:
    assert report.tests.before is not None and report.tests.after is not None
    assert (report.tests.before.passed.value, report.tests.before.red.value) == (212, 2)
    assert (report.tests.after.passed.value, report.tests.after.red.value) == (222, 0)
    assert report.tests.newly_green == OLD_RED and report.tests.still_red == () and report.tests.newly_red == ()
    assert report.coverage_before and report.coverage_after
    assert report.coverage_before.percent.value == pytest.approx(100 * 667 / 1900)
    assert report.coverage_after.percent.value == pytest.approx(100 * 1163 / 1900)


def test_a_phase_has_the_evidence_it_closed_on(report: Report) -> None:
    second = report.closed[1]
    assert (second.tests.value, second.red.value) == (219, 1)
    assert second.changed_coverage.value == pytest.approx(100 * 31 / 34) and second.changed_lines.value == 34
    assert second.files.value == 3 and second.loops.value == 1 and second.doubts == ()
    assert second.manifest.path == "archive/investigations/project/2026-11-22_2/evidence.json"


def test_what_to_look_at_is_ranked(report: Report) -> None:
    assert [look.what for look in report.first] == [
        "drive_failed", "questions", "held", "deferred", "errors", "failed_hooks", "retried", "large", "waivers",
    ]  # fmt: skip


def figures(value: object) -> list[Figure]:
    """Every figure in a value."""
    if isinstance(value, Figure):
        return [value]
    if isinstance(value, tuple):
        return [figure for item in value for figure in figures(item)]
    if isinstance(value, msgspec.Struct):
        return [figure for name in value.__struct_fields__ for figure in figures(getattr(value, name))]
    return []


def test_every_figure_that_is_not_nothing_says_what_shows_it(report: Report) -> None:
    assert [figure for figure in figures(report) if figure.value and not figure.refs] == []
    assert [figure for figure in figures(report) if figure.value is None and not figure.why] == []


def assert_references_exist(report: Report, events: list[Event]) -> None:
    positions = {event.position for event in events}
    recorded = {
        (fact.evidence.id, event.position)
        for event, fact in facts_of(events, f.EvidenceRecorded) if isinstance(fact, f.EvidenceRecorded)
    }  # fmt: skip
    for ref in references(report):
        assert position_of(ref) in positions if position_of(ref) else (ref, report.observed[ref]) in recorded


def test_every_reference_exists(teller: Teller, report: Report) -> None:
    assert_references_exist(report, list(teller.log.read()))


@how(max_examples=40)
@given(st.lists(FACTS, max_size=30), st.one_of(st.none(), st.integers(0, 70)))
def test_any_facts_make_a_report_whose_references_exist(facts: list[Fact], since: int | None) -> None:
    teller = Teller(MemoryLog("l"))
    for fact in facts:
        teller.says(fact)
    since_ms = None if since is None else EVENING + since * MINUTE
    report = report_of(teller, since_ms)
    events = list(teller.log.read())
    assert_references_exist(report, events)
    window = [event for event in events if since_ms is None or event.clock.ms >= since_ms]
    window = window if since_ms is not None else [event for event in events if event.position > report.window.after]
    refused = facts_of(window, f.CallRefused)
    assert sum(rule.count.value or 0 for rule in report.refused) == len(refused)
    assert report.put_back_count.value == len(facts_of(window, f.ChangePutBack))
    assert sum(end.count.value or 0 for end in report.endings) == len(facts_of(window, d.ClientEnded))
    assert report.window.events == len(window)


def test_since_after_the_last_event_says_nothing_but_what_is_open(teller: Teller) -> None:
    report = report_of(teller, MORNING)
    assert report.window.events == 0 and report.closed == () and report.refused == ()
    assert len(report.questions) == 2 and len(report.deferred) == 1 and len(report.held) == 1
    assert report.tests.after is None and report.use.cost_usd.value is None


def test_a_ledger_in_which_nothing_happened_says_unknown_and_never_nought() -> None:
    teller = Teller(MemoryLog("l"))
    teller.says(f.LedgerBorn("p", "/h"))
    report = report_of(teller)
    assert report.tests.after is None and report.coverage_after is None
    assert report.use.cost_usd.value is None and "drive" in report.use.cost_usd.why


# -- what is weak -----------------------------------------------------------------------------------------------------


def closing(*seen: object, gates: tuple[str, ...] = ("tests_ran", "covered")) -> Report:
    """A phase that closed on these observations."""
    t = Teller(MemoryLog("l"))
    t.says(f.PlanRead("plan.md", "d", plan()), f.RunStarted(RUN, "/w", "start", "default", "explore"))
    t.says(f.PhaseStarted("1", RUN, "feature", "s0", "t0"))
    ids = tuple(t.saw(each, "s1", "1") for each in seen)  # type: ignore[arg-type]
    said = tuple(f.GateSaid(gate, "pass", ids) for gate in gates)
    t.says(f.PhaseClosed("1", RUN, "s1", "a", (), said, "a/evidence.json"))
    return report_of(t)


def test_a_phase_without_known_coverage_closed_on_weak_evidence() -> None:
    report = closing(ran(3), NOTHING_MEASURED)
    assert report.closed[0].changed_coverage.value is None
    assert "pytest-cov" in report.closed[0].doubts[0]
    assert {"unproven", "no_coverage"} <= {look.what for look in report.first}


def test_a_phase_whose_test_run_did_not_end_closed_on_weak_evidence() -> None:
    report = closing(TestsSeen("pytest", False, "it was interrupted", 3, 3), coverage(3, 3))
    assert "interrupted" in report.closed[0].doubts[0]
    assert report.tests.newly_green is None


def test_changed_files_that_were_not_measured_are_a_doubt_and_no_percentage() -> None:
    report = closing(ran(3), CoverageSeen("c", 3, 3, (), ("src/new.py",)))
    assert report.closed[0].changed_coverage.value is None and "src/new.py" in report.closed[0].doubts[0]


def test_a_phase_of_documents_owes_no_tests() -> None:
    report = closing(gates=("tasks_evidenced",))
    assert report.closed[0].doubts == () and report.closed[0].tests.value is None


def test_nothing_to_cover_is_unknown_and_not_all_covered() -> None:
    report = closing(ran(3), CoverageSeen("c", 0, 0))
    assert report.coverage_after is not None and report.coverage_after.percent.value is None


def test_boxes_that_a_closure_ticks_are_no_other_hands() -> None:
    t = Teller(MemoryLog("l"))
    t.says(f.PlanRead("plan.md", "d", plan()), f.PhaseClosed("1", RUN, "s", "a", (), (), ""))
    t.says(f.BoxesPutBack(("1", "1.1")), f.ClosurePublished("1"))
    assert report_of(t).boxes_put_back.value == 0
    t.says(f.BoxesPutBack(("2",)))
    assert report_of(t).boxes_put_back.value == 1


def test_files_that_changed_are_those_counted_at_the_closing_and_unknown_where_nobody_could() -> None:
    t = Teller(MemoryLog("l"))
    t.says(f.PlanRead("plan.md", "d", plan()), f.RunStarted(RUN, "/w", "drive", "default", "implement"))
    t.says(f.PhaseClosed("1", RUN, "s", "a", (), (), "", 3), f.PhaseClosed("2", RUN, "s", "a", (), (), ""))
    one, two = report_of(t).closed
    assert (one.files.value, one.files.refs) == (3, (one.ref,))
    assert two.files.value is None and "could not be compared" in two.files.why


def test_a_claim_is_no_evidence() -> None:
    t = Teller(MemoryLog("l"))
    t.says(f.EvidenceRecorded(Evidence("ev-1", ran(9), "s", "claimed", "agent")))
    assert report_of(t).tests.after is None


# -- where it begins --------------------------------------------------------------------------------------------------


def begun(t: Teller, drive: str, branch: str = "b", **more: str) -> None:
    t.says(d.DriveStarted(drive, f"/tree/{branch}", branch, "base", d.Limits(), **more))  # type: ignore[arg-type]


def test_a_run_that_a_person_began_after_a_drive_is_a_new_beginning() -> None:
    t = Teller(MemoryLog("l"))
    begun(t, "d1")
    t.says(f.RunStarted("r1", "/tree/b", "drive", "default", "explore"))
    t.says(d.DriveEnded("d1", "complete", "", 0))
    assert report_of(t).window.because == "drive"
    t.says(f.RunStarted("r2", "/mine", "start", "default", "explore"))
    assert (report_of(t).window.because, report_of(t).window.events) == ("run", 1)


def test_a_drive_that_goes_on_where_another_was_killed_is_no_new_beginning() -> None:
    t = Teller(MemoryLog("l"))
    begun(t, "d1")
    t.says(d.DriveEnded("d1", "failed", "its supervisor was killed", 7))
    begun(t, "d2")
    assert report_of(t).window.events == 3
    t.says(d.DriveEnded("d2", "limit", "", 6))
    begun(t, "d3")
    assert report_of(t).window.events == 1


def test_an_attempt_is_no_new_beginning_and_what_a_loser_saw_does_not_count() -> None:
    t = Teller(MemoryLog("l"))
    begun(t, "d1")
    t.says(f.RunStarted("r0", "/tree/b", "drive", "default", "explore"))
    for drive, branch, run in (("d2", "b2", "r2"), ("d3", "b3", "r3")):
        begun(t, drive, branch, attempt_of="d1", phase="1")
        t.says(f.RunStarted(run, f"/tree/{branch}", "drive", "default", "explore"))
    for run, passed in (("r2", 5), ("r3", 7)):
        t.says(f.EvidenceRecorded(Evidence(f"ev-{run}", ran(passed), "s", "recorded", "p", "1", run)))
    t.says(d.AttemptChosen("d1", "1", "d2", "it passed every gate"))
    report = report_of(t)
    assert report.window.after == 0 and report.tests.after is not None
    assert report.tests.after.passed.value == 5
    assert [(chosen.phase, chosen.winner) for chosen in report.attempts] == [("1", "d2")]


def test_the_newest_drive_is_named(report: Report) -> None:
    assert [(drive.drive, drive.outcome) for drive in report.drives] == [(DRIVE, "limit")]
