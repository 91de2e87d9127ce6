"""`why` names the rule, the evidence and the permitted way, by whatever name a person has for the decision."""

from __future__ import annotations

from pathlib import Path

import pytest

from phasegate.evidence.items import Evidence, TestsSeen
from phasegate.gates.catalog import CATALOG
from phasegate.ledger.event import Actor
from phasegate.ledger.facts import (
    CallAsked,
    CallRefused,
    ChangeHeld,
    ChangePutBack,
    ChangeSettled,
    EvidenceRecorded,
    FileKept,
    GateSaid,
    NoteAdded,
    NoteResolved,
    PhaseClosed,
    PhaseDeferred,
    PlanRead,
    QuestionAnswered,
    QuestionAsked,
    StepEntered,
    StopRefused,
    kinds,
)
from tests.cli.recorded import HOSTILE, PLAN, Recorded, dangerous, filled


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Recorded:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Recorded(tmp_path, capsys)


def refusal(rule: str = "step", call: str = "toolu_1", path: str = "src/shop.py") -> CallRefused:
    return CallRefused("run-1", call, "s1", "", "Write", rule, "The step explore may edit nothing.", (path,))


def test_a_refused_call_names_the_step_it_was_in_and_the_steps_that_allow_it(recorded: Recorded) -> None:
    recorded.run()
    position = recorded.record(refusal()).position
    for name in (str(position), f"@{position}", "toolu_1", "src/shop.py"):
        out = recorded.ok("why", name)
        assert "Write was refused on src/shop.py" in out
        assert "rule: step:" in out and "because: The step explore may edit nothing." in out
        assert "the run was in step explore of phase 1" in out
        assert "permitted: src/shop.py may be edited in implement" in out


@pytest.mark.parametrize(
    ("rule", "way"), [("own-files", "phasegate note"), ("secret", "environment variable"), ("hooks", "uninstall")]
)
def test_every_rule_that_can_refuse_has_a_permitted_way(recorded: Recorded, rule: str, way: str) -> None:
    recorded.run()
    recorded.record(refusal(rule))
    out = recorded.ok("why", "toolu_1")
    assert f"rule: {rule}: " in out and way in out.partition("permitted:")[2]


def test_a_change_put_back_names_the_call_and_the_command_that_restores_it(recorded: Recorded) -> None:
    recorded.run()
    recorded.record(
        CallAsked("run-1", "toolu_2", "s1", "", "Bash", "shell", command="echo 1 >> src/shop.py"),
        ChangePutBack("run-1", "src/shop.py", "step", "toolu_2", "a", "b", "git cat-file blob b > src/shop.py"),
    )
    out = recorded.ok("why", "toolu_2")
    assert "a change of src/shop.py was put back" in out and "`echo 1 >> src/shop.py`" in out
    assert "`git cat-file blob b > src/shop.py` brings back" in out


def test_a_held_change_says_how_it_is_settled_until_it_is(recorded: Recorded) -> None:
    recorded.run()
    recorded.record(ChangeHeld("run-1", "src/shop.py", "step", "more than one call could have made it", ""))
    assert "phasegate answer settle src/shop.py" in recorded.ok("why", "src/shop.py")
    recorded.record(ChangeSettled("run-1", "src/shop.py", "reverted"))
    out = recorded.ok("why", "src/shop.py")
    assert "is settled: reverted" in out and "It is settled since." in out and "answer settle" not in out


def test_a_call_that_was_let_through_says_so(recorded: Recorded) -> None:
    recorded.run()
    recorded.record(CallAsked("run-1", "toolu_3", "s1", "", "Bash", "shell", command="ls"))
    assert "Bash was let through: `ls`" in recorded.ok("why", "toolu_3")


def test_a_transition_names_its_condition_and_what_the_step_asks_for(recorded: Recorded) -> None:
    recorded.run()
    entered = StepEntered("run-1", "write_tests", "explore", "kind is feature or fix", "1", "s")
    position = recorded.record(entered).position
    out = recorded.ok("why", str(position))
    assert "rule: kind is feature or fix" in out and "leaving explore asks baseline_known" in out
    assert "You may edit: tests." in out


def test_a_transition_that_counts_a_loop_says_what_was_red(recorded: Recorded) -> None:
    state = recorded.run()
    subject = state.runs["run-1"].subject
    tests = Evidence("ev-1", TestsSeen("pytest", True, collected=2, passed=1), subject, "recorded", "pytest 9", "1")
    entered = StepEntered(
        "run-1", "categorize_uncertainties", "run_tests", "otherwise", "1", subject, True, "t.py::test_a\tassertion\tno"
    )
    position = recorded.record(EvidenceRecorded(tests), entered).position
    out = recorded.ok("why", str(position))
    assert "no other way out of the step applied" in out and "red then: t.py::test_a\n" in out
    assert "evidence: ev-1: 1 of 2 tests pass" in out


@pytest.mark.parametrize("gate", CATALOG)
def test_every_gate_is_asked_now_and_says_when_it_opens(recorded: Recorded, gate: str) -> None:
    recorded.run()
    out = recorded.ok("why", gate)
    assert f"The gate {gate} " in out and "rule: Open when " in out
    assert "passes" in out or "permitted:" in out


def test_a_gate_without_a_run_says_only_what_it_is(recorded: Recorded) -> None:
    assert "no run is active" in recorded.ok("why", "covered")


def test_all_gates_of_the_kind_are_told_at_once(recorded: Recorded) -> None:
    recorded.run()
    assert [found["id"] for found in recorded.json("why", "kind_gates")][:2] == ["tests_ran", "no_new_red"]


def test_a_note_says_what_settles_it(recorded: Recorded) -> None:
    recorded.run()
    note = NoteAdded("note-1", "run-1", "1", "uncertainty", "major", "Which rounding?", about="test:t.py::test_a")
    recorded.record(note)
    assert "it is settled when t.py::test_a passes" in recorded.ok("why", "note-1")
    recorded.record(NoteAdded("note-2", "run-1", "1", "uncertainty", "major", "Which?", category="strategic"))
    assert "phasegate note ask note-2" in recorded.ok("why", "note-2")
    recorded.record(QuestionAsked("q-1", "run-1", "Half up?", "note-2", "1", "explore"))
    assert "phasegate answer approve q-1" in recorded.ok("why", "note-2")
    recorded.record(NoteAdded("note-3", "run-1", "1", "error", "minor", "Odd."))
    assert "keeps nothing from closing" in recorded.ok("why", "note-3")
    recorded.record(NoteResolved("note-3", "it is gone"))
    assert "because: it is gone" in recorded.ok("why", "note-3")


def test_a_question_says_what_waits_and_how_it_was_answered(recorded: Recorded) -> None:
    recorded.run()
    recorded.record(QuestionAsked("q-1", "run-1", "Half up?", "", "1", "explore"))
    out = recorded.ok("why", "q-1")
    assert "phase 1 waits for it" in out and 'phasegate answer approve q-1 "WORDS"' in out
    recorded.record(QuestionAnswered("q-1", "reject", "no", "weak", "Ada"), actor=Actor("person", "Ada"))
    assert "Ada answered reject, saying: no (weak approval)" in recorded.ok("why", "q-1")


def test_evidence_says_whether_it_speaks_for_the_tree(recorded: Recorded) -> None:
    subject = recorded.run().runs["run-1"].subject
    recorded.record(EvidenceRecorded(Evidence("ev-1", TestsSeen("pytest", True), subject, "recorded", "pytest 9")))
    assert "it speaks for the tree as it is" in recorded.ok("why", "ev-1")
    (recorded.root / "app.py").write_text("value = 2\n")
    assert "made on another tree" in recorded.ok("why", "ev-1")


def test_a_closed_phase_names_its_gates_and_their_evidence(recorded: Recorded) -> None:
    recorded.run()
    gates = (GateSaid("tests_ran", "pass", ("ev-1",)), GateSaid("covered", "pass"))
    files = (FileKept("archive/investigations/project/1/evidence.json", "0"),)
    recorded.record(PhaseClosed("1", "run-1", "s" * 64, "archive/investigations/project/1", files, gates, "m"))
    out = recorded.ok("why", "1")
    assert "is closed" in out and "tests_ran: pass (ev-1)" in out and "1 archived in archive/" in out


def test_a_phase_number_means_the_phase_and_an_at_sign_the_position(recorded: Recorded) -> None:
    recorded.run()
    assert recorded.ok("why", "1").startswith("Phase 1 (Discount)")
    assert recorded.ok("why", "@1").startswith("Event 1,")


def test_a_deferred_phase_names_its_question(recorded: Recorded) -> None:
    recorded.run()
    recorded.record(
        QuestionAsked("q-1", "run-1", "How?", phase="1"), PhaseDeferred("1", "run-1", "7 loops", "deferred.md", "q-1")
    )
    out = recorded.ok("why", "1")
    assert "is deferred" in out and "because: 7 loops" in out and "A person answers q-1" in out


def test_an_open_phase_names_what_blocks_it(recorded: Recorded) -> None:
    recorded.run()
    assert "it is blocked by phase 1" in recorded.ok("why", "2")


def test_an_imported_phase_is_accepted_and_not_proved(recorded: Recorded) -> None:
    recorded.record(PlanRead("p", "d", PLAN, ("2",)))
    assert "accepted, not proved" in recorded.ok("why", "2")


def test_the_phase_in_work_names_the_gates_that_are_shut(recorded: Recorded) -> None:
    recorded.run()
    out = recorded.ok("why", "1")
    assert "is being worked on, at step explore" in out and "because: tests_ran cannot tell" in out


def test_without_a_name_it_tells_the_newest_refusal_and_what_keeps_the_step_open(recorded: Recorded) -> None:
    recorded.run()
    recorded.record(refusal(call="toolu_1"), refusal(call="toolu_2"), StopRefused("run-1", "s1", "not done"))
    out = recorded.ok("why")
    assert "toolu_2" in out and "toolu_1" not in out
    assert "What keeps the step open" in out and "The gate baseline_known cannot tell." in out
    assert "permitted: Run `phasegate check tests`" in out


def test_a_step_that_nothing_holds_says_where_done_leads(recorded: Recorded) -> None:
    recorded.run("load_phase_plans")
    assert "`phasegate done` would lead to explore." in recorded.ok("why")


def test_a_run_that_waits_names_its_questions(recorded: Recorded) -> None:
    recorded.run("waiting_for_person")
    recorded.record(QuestionAsked("q-1", "run-1", "How shall it go on?"))
    assert "q-1: How shall it go on?" in recorded.ok("why")


def test_without_a_run_it_says_how_to_begin_one(recorded: Recorded) -> None:
    out = recorded.ok("why")
    assert "Nothing was refused so far." in out and "phasegate start" in out


def test_asking_why_records_nothing(recorded: Recorded) -> None:
    before = recorded.run().position
    recorded.ok("why")
    recorded.ok("why", "covered")
    assert recorded.record().position == before


def test_a_name_that_means_nothing_is_a_usage_error(recorded: Recorded) -> None:
    code, _, err = recorded.call("why", HOSTILE)
    assert code == 2 and "nothing-to-explain" in err and not dangerous(err)


def test_json_has_the_same_parts(recorded: Recorded) -> None:
    recorded.run()
    recorded.record(refusal())
    (found,) = recorded.json("why", "toolu_1")
    assert found["rule"].startswith("step") and found["because"] and found["evidence"] and found["permitted"]


def test_hostile_text_never_reaches_the_terminal(recorded: Recorded) -> None:
    recorded.run()
    recorded.record(*(filled(kind) for kind in kinds().values()))
    project = recorded.open()
    last = project.log.head().position
    project.close()
    for position in range(1, last + 1):
        assert not dangerous(recorded.ok("why", f"@{position}"))
    for name in (HOSTILE, "1", ""):
        assert not dangerous(recorded.ok("why", name))
        assert not dangerous(recorded.ok("why", name, "--json"))
