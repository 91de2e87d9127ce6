"""An exception opens the gate it names in its phase, while it holds, by the approval it needs; and nothing else."""

from __future__ import annotations

import msgspec
import pytest
from moments import NOW, World

from phasegate.gates.catalog import CATALOG, NEVER_WAIVED, QUESTIONS, ask
from phasegate.gates.interface import Verdict
from phasegate.ledger.state import Held, Question, Waiver
from phasegate.rules.rule import Approvals, Condition, Rule, Rules
from phasegate.settings import Settings

SHUT = "tests_ran"


def verdict(world: World, gate: str = SHUT) -> Verdict:
    (found,) = ask((gate,), world.at())
    return found


def waive(world: World, subject: str, id: str = "w", **more: str) -> None:
    said = {"what": "gate", "subject": subject, "owner": "ann", "reason": "so be it", "until": "", "approval": "weak"}
    waiver = Waiver(id, by="ann", given_ms=0, **{**said, **more})  # type: ignore[arg-type]
    world.state.waivers[id] = waiver


def under(rule: Rule) -> World:
    world = World()
    world.settings = Settings(rules=Rules((rule,)))
    return world


def test_an_exception_of_a_gate_opens_it_and_says_what_it_said_without() -> None:
    world = World()
    waive(world, f"{SHUT}@1")
    said = verdict(world)
    assert said.passes and said.waived == "w"
    assert "waived by ann as w: so be it" in said.reasons[0] and said.reasons[1].startswith("without that: ")


@pytest.mark.parametrize(
    ("subject", "what"),
    [(f"{SHUT}@2", "gate"), ("red_seen@1", "gate"), (SHUT, "gate"), (f"{SHUT}@1", "finding"), (f"{SHUT}@1", "file")],
)
def test_an_exception_of_something_else_opens_nothing(subject: str, what: str) -> None:
    world = World()
    waive(world, subject, what=what)
    assert verdict(world) == verdict(World())


def test_an_exception_that_is_over_opens_nothing_and_is_named() -> None:
    world = World()
    waive(world, f"{SHUT}@1", id="w-1", until="1969-01-01")
    assert not verdict(world).passes and "the exception w-1 is over: 1969-01-01" in verdict(world).reasons
    waive(world, f"{SHUT}@1", id="w-2", until="2999-01-01")
    assert verdict(world).waived == "w-2"
    assert "until 2999-01-01" in verdict(world).reasons[0]


def test_an_exception_that_was_ended_opens_nothing() -> None:
    world = World()
    waive(world, f"{SHUT}@1", ended="taken back")
    assert not verdict(world).passes and "the exception w is over: taken back" in verdict(world).reasons


@pytest.mark.parametrize("gate", NEVER_WAIVED)
def test_what_says_that_somebody_has_to_look_has_no_exception(gate: str) -> None:
    world = World()
    world.run.held["src/a.py"] = Held("src/a.py", "step", "why", "")
    world.question("", "")
    waive(world, f"{gate}@1")
    said = verdict(world, gate)
    assert not said.passes and not said.waived


def test_a_gate_that_nobody_knows_passes_by_no_exception() -> None:
    world = World()
    waive(world, "no_such_gate@1")
    assert verdict(world, "no_such_gate").says == "unknown"


@pytest.mark.parametrize("question", sorted(set(QUESTIONS) - set(CATALOG)))
def test_what_is_asked_outside_phases_can_be_asked_by_name(question: str) -> None:
    said = verdict(World(), question)
    assert said.gate == question and not any("there is no gate" in why for why in said.reasons)


# --- rules ------------------------------------------------------------------------------------------------------------

NEVER_MET = Condition("loops", ">", 9)


def test_a_rule_that_settings_do_not_have_passes_nothing() -> None:
    said = verdict(World(), "rule:gone")
    assert said.says == "unknown" and "there is no rule called 'rule:gone'" in said.reasons and said.remedy


@pytest.mark.parametrize(
    ("asked", "given", "opens"),
    [("weak", "weak", True), ("weak", "strong", True), ("strong", "weak", False), ("strong", "strong", True),
     ("never", "weak", False), ("never", "strong", False)],
)  # fmt: skip
def test_a_rule_is_excepted_by_the_approval_it_asks_for(asked: str, given: str, opens: bool) -> None:
    world = under(Rule("r", require=NEVER_MET, waiver=asked))  # type: ignore[arg-type]
    waive(world, "rule:r@1", approval=given)
    said = verdict(world, "rule:r")
    assert said.passes is opens and said.waived == ("w" if opens else "")
    weak = "the exception w does not count: the rule asks for one with a signature"
    assert (weak in said.reasons) is (asked == "strong" and given == "weak")


def test_a_rule_that_is_met_needs_no_exception() -> None:
    world = under(Rule("r", require=Condition("loops", "<", 9)))
    waive(world, "rule:r@1")
    assert verdict(world, "rule:r").passes and not verdict(world, "rule:r").waived


@pytest.mark.parametrize(("mode", "words"), [("observe", "observed"), ("warn", "a warning")])
def test_a_rule_that_shuts_nothing_says_in_which_way(mode: str, words: str) -> None:
    said = verdict(under(Rule("r", require=NEVER_MET, mode=mode)), "rule:r")  # type: ignore[arg-type]
    assert said.passes and all(why.startswith(f"{words}, not enforced: ") for why in said.reasons) and said.reasons


def test_a_rule_that_is_not_met_says_what_its_gate_or_an_approval_would_do_before_its_own_words() -> None:
    by_gate = verdict(under(Rule("r", says="Words.", gate="tests_ran")), "rule:r")
    assert by_gate.remedy == "Run `phasegate check tests`."
    approved = verdict(under(Rule("r", says="Words.", approvals=Approvals())), "rule:r")
    assert "phasegate answer phase" in approved.remedy
    assert verdict(under(Rule("r", says="Words.", require=NEVER_MET)), "rule:r").remedy == "Words."
    other = Rule("r", says="Words.", gate="tests_ran", when=Condition("loops", "<", 9), remedy="Do it.")
    assert verdict(under(other), "rule:r").remedy == "Do it."


# --- questions to a person --------------------------------------------------------------------------------------------


def asked(world: World, phase: str, subject: str, verdict: str = "approve", approval: str = "strong") -> None:
    id = f"q-{len(world.state.questions)}"
    world.state.questions[id] = Question(
        id, "run", "Close?", "", phase, "", 0, verdict=verdict, approval=approval, by="ann", subject=subject
    )


def test_a_regulated_phase_that_nobody_was_asked_about_is_unknown() -> None:
    said = verdict(World(), "approval_answered")
    assert said.says == "unknown" and said.reasons == ("nobody was asked",)


def test_only_a_signed_yes_about_this_phase_and_this_tree_approves() -> None:
    world = World()
    asked(world, "1", NOW)
    assert verdict(world, "approved").passes


@pytest.mark.parametrize(
    ("phase", "subject", "answer", "approval", "says"),
    [("2", NOW, "approve", "strong", "unknown"), ("1", "", "approve", "strong", "unknown"),
     ("1", NOW, "", "strong", "unknown"), ("1", "other", "approve", "strong", "fail"),
     ("1", NOW, "reject", "strong", "fail"), ("1", NOW, "approve", "weak", "fail")],
)  # fmt: skip
def test_anything_else_does_not(phase: str, subject: str, answer: str, approval: str, says: str) -> None:
    world = World()
    asked(world, phase, subject, answer, approval)
    assert verdict(world, "approved").says == says


def test_no_answer_approves_an_unknown_tree() -> None:
    world = World()
    asked(world, "1", NOW)
    (said,) = ask(("approved",), msgspec.structs.replace(world.at(), subject=""))
    assert said.says == "fail"
