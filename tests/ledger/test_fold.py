"""The fold: every fact has a rule, any sequence folds, and a snapshot anywhere changes nothing."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.evidence.findings import Finding, FindingsSeen
from phasegate.evidence.items import CoverageSeen, Evidence, RedTest, TestsSeen
from phasegate.ledger import facts as f
from phasegate.ledger.event import Actor, Clock, Event, digest
from phasegate.ledger.fact import Fact
from phasegate.ledger.fold import KEPT_EVIDENCE, apply, fold
from phasegate.ledger.log import LedgerTooNew, LedgerUnreadable
from phasegate.ledger.schema import KINDS, draft, fact_of, stream_of
from phasegate.ledger.state import CODE, State, freeze, thaw

NAMES = st.sampled_from(["a", "b", "", "1", "@x"])
FEW = {str: NAMES, int: st.integers(0, 3), bool: st.booleans()}
EVIDENCE = st.builds(
    Evidence,
    id=NAMES,
    seen=st.one_of(
        st.builds(
            TestsSeen,
            st.just("pytest"),
            st.booleans(),
            red=st.lists(st.builds(RedTest, NAMES, st.just("assertion")), max_size=2).map(tuple),
            newly_red=st.lists(NAMES, max_size=2).map(tuple),
        ),
        st.builds(CoverageSeen, st.just("coverage"), st.integers(0, 3), st.integers(0, 3)),
    ),
    subject=NAMES,
    assurance=st.sampled_from(["claimed", "recorded"]),
    collector=st.just("pytest"),
    phase=NAMES,
    run=NAMES,
)


def strategy(kind: type[Fact]) -> st.SearchStrategy[Fact]:
    """Facts of this kind with few names, so that they meet each other."""
    fields = {}
    for field in msgspec.structs.fields(kind):
        fields[field.name] = EVIDENCE if field.type is Evidence else _values(field.type)
    return st.builds(kind, **fields)


def _values(type_: object) -> st.SearchStrategy[object]:
    return FEW[type_] if type_ in FEW else st.from_type(type_)  # type: ignore[index, arg-type]


st.register_type_strategy(str, NAMES)
st.register_type_strategy(int, st.integers(0, 3))
st.register_type_strategy(float, st.floats(0, 3))
FACTS = st.one_of(*(strategy(kind) for kind in KINDS.values()))
BEGIN = f.RunStarted("a", "/w", "start", "default", "explore")


def event(fact: Fact, position: int) -> Event:
    made = draft(fact)
    return Event(
        "ledger", position, Clock(1000 + position), made.stream, position, f"e{position}", Actor("agent", "claude"),
        made.kind, made.schema, made.body, digest(made.body), "", "",
    )  # fmt: skip


def events(facts: list[Fact]) -> list[Event]:
    return [event(fact, position) for position, fact in enumerate([BEGIN, *facts], 1)]


@given(st.lists(FACTS, max_size=30), st.integers(0, 31))
def test_a_snapshot_anywhere_changes_nothing(facts: list[Fact], cut: int) -> None:
    recorded = events(facts)
    whole = fold(recorded)
    assert fold(recorded[cut:], thaw(freeze(fold(recorded[:cut])))) == whole
    assert thaw(freeze(whole)) == whole
    assert list(thaw(freeze(whole)).evidence) == list(whole.evidence), "the newest evidence is the last"


@given(st.lists(FACTS, max_size=30))
def test_the_same_events_give_the_same_state(facts: list[Fact]) -> None:
    assert freeze(fold(events(facts))) == freeze(fold(events(facts)))


@given(st.data())
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_fact_has_a_rule(kind: str, data: st.DataObject) -> None:
    """With and without the run it speaks of."""
    fact = data.draw(strategy(KINDS[kind]))
    apply(State(), fact)
    apply(fold(events([])), msgspec.structs.replace(fact, run="a") if hasattr(fact, "run") else fact)


def test_a_fact_without_a_rule_is_loud() -> None:
    class NobodyKnows(msgspec.Struct, frozen=True):
        run: str = "a"

    with pytest.raises(AssertionError, match="no rule for NobodyKnows"):
        apply(fold(events([])), NobodyKnows())  # type: ignore[arg-type]


@given(FACTS)
def test_a_fact_is_read_back_as_it_was_written(fact: Fact) -> None:
    assert fact_of(event(fact, 1)) == fact


def test_an_unknown_kind_or_a_newer_schema_is_refused_as_too_new() -> None:
    known = event(BEGIN, 1)
    for strange in (msgspec.structs.replace(known, kind="PhaseDreamt"), msgspec.structs.replace(known, schema=99)):
        with pytest.raises(LedgerTooNew):
            fold([strange])


OLD = {
    "BaselineTaken": b'{"fact":"BaselineTaken","subject":"s","tree":"t","tests":"","coverage":"","secrets":"ev-1",'
    b'"references":"","flaky":[]}',
    "EvidenceRecorded": b'{"fact":"EvidenceRecorded","evidence":{"id":"ev-1","seen":{"type":"findings",'
    b'"scanner":"secrets","files":3,"total":1,"findings":[{"rule":"aws","path":"a.py","line":2,"message":"m",'
    b'"fingerprint":"0123456789abcdef"}],"unread":["b"]},"subject":"s","assurance":"recorded","collector":"phasegate"}}',
}
"""What a phasegate wrote before findings were of one model."""


def test_what_an_older_phasegate_recorded_is_read_as_it_was_meant() -> None:
    old = [
        msgspec.structs.replace(event(BEGIN, at), kind=kind, schema=1, body=OLD[kind]) for at, kind in enumerate(OLD, 1)
    ]
    baseline, recorded = map(fact_of, old)
    assert baseline == f.BaselineTaken("s", "t", findings={"secrets": "ev-1"})
    assert isinstance(recorded, f.EvidenceRecorded)
    found = Finding("aws", "a.py", 2, "m", "0123456789abcdef", "phasegate", "high")
    assert recorded.evidence.seen == FindingsSeen("secrets", 3, 1, (found,), ("b",), why_unknown=(), least="info")


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"3", b'{"evidence":[]}'])
@pytest.mark.parametrize("kind", OLD)
def test_a_damaged_fact_of_an_older_phasegate_is_refused_as_damaged(kind: str, body: bytes) -> None:
    with pytest.raises(LedgerUnreadable):
        fact_of(msgspec.structs.replace(event(BEGIN, 1), kind=kind, schema=1, body=body))


def test_an_erased_fact_counts_its_position_and_says_nothing() -> None:
    erased = msgspec.structs.replace(event(BEGIN, 1), body=None)
    assert fact_of(erased) is None
    state = fold([erased])
    assert state.position == 1 and not state.runs


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"fact":"RunStarted"}', b'{"fact":"PlanRead"}', b"\xff"])
def test_a_damaged_fact_is_refused_with_the_command_that_looks_deeper(body: bytes) -> None:
    with pytest.raises(LedgerUnreadable) as refused:
        fact_of(msgspec.structs.replace(event(BEGIN, 1), body=body))
    assert "log verify" in refused.value.hint


def test_streams_are_of_the_phase_else_the_run_else_the_project() -> None:
    assert stream_of(f.PhaseReopened("1")) == "phase/1"
    assert stream_of(f.RunPaused("a")) == "run/a"
    assert stream_of(f.LedgerMoved("/x")) == "project"


# -- what the state remembers -----------------------------------------------------------------------------------------


def evidence(id: str, subject: str, phase: str = "1", red: tuple[RedTest, ...] = ()) -> f.EvidenceRecorded:
    seen = TestsSeen("pytest", True, red=red, new=tuple(test.id for test in red))
    return f.EvidenceRecorded(Evidence(id, seen, subject, "recorded", "pytest", phase, "a"))


@pytest.mark.parametrize("status", [None, f.PhaseDeferred("1", "a", "", "", "q"), f.PhaseReopened("1")])
def test_the_baseline_of_a_phase_that_is_not_closed_is_never_forgotten(status: Fact | None) -> None:
    """A deferred phase that came back without it could never leave the step that asks for it."""
    facts = [f.PhaseStarted("1", "a", "feature", "start", "t"), evidence("first", "start")]
    facts += [status] if status else []
    facts += [evidence(f"e{n}", f"s{n}", "2") for n in range(KEPT_EVIDENCE + 20)]
    state = fold(events(facts))
    assert "first" in state.evidence and len(state.evidence) <= KEPT_EVIDENCE + 1


def test_what_a_phase_starts_from_moves_only_by_a_fact_that_says_so() -> None:
    first, again = f.PhaseStarted("1", "a", "feature", "s1", "t1"), f.PhaseStarted("1", "a", "feature", "s2", "t2")
    assert fold(events([first, again])).record_of("1").tree == "t1"
    assert fold(events([first, f.BaselineMoved("1", "s2", "t2")])).record_of("1").subject == "s2"


def test_nothing_speaks_for_an_unknown_tree() -> None:
    state = fold(events([evidence("e", "s"), evidence("nowhere", "")]))
    assert state.newest(TestsSeen, subject="") is None
    assert state.newest(TestsSeen, subject="s") is not None
    assert state.failure_on("") == ""


def test_a_claim_shows_no_test_red() -> None:
    claimed = evidence("e", "s", red=(RedTest("t", "assertion"),))
    claimed = f.EvidenceRecorded(msgspec.structs.replace(claimed.evidence, assurance="claimed"))
    state = fold(events([claimed]))
    assert not state.record_of("1").red_seen and state.newest(TestsSeen, subject="s") is None


def test_the_code_of_snapshots_is_named() -> None:
    assert CODE.startswith("state-")
