"""Rules of a project hold steps, closings and calls beside the built-in gates; decisions are recorded with facts."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from bench import PROJECT, Bench

from phasegate.ledger.facts import CallRefused, PhaseClosed
from phasegate.ledger.rulings import ApprovalGiven, CallJudged, RulesSaid
from phasegate.policy import calls as c
from phasegate.policy.weaving import woven
from phasegate.rules.rule import Approvals, Condition, Owned, Rule, Rules
from phasegate.settings import Settings
from phasegate.workflow.default import DEFAULT

Under = Callable[..., Bench]


@pytest.fixture
def under(lay_out: Callable[..., Bench]) -> Under:
    """A run under these rules."""

    def begun(*rules: Rule, **more: object) -> Bench:
        in_force = Rules(rules, **more)  # type: ignore[arg-type]
        bench = lay_out(settings=Settings(project=PROJECT, rules=in_force), workflow=woven(DEFAULT, in_force))
        bench.begin()
        bench.opens()
        bench.prompt()
        return bench

    return begun


def test_a_rule_at_a_step_holds_it_and_says_why(under: Under) -> None:
    bench = under(Rule("red-tests", require=Condition("tests.red", ">", 1), at=("write_tests",), remedy="Two."))
    bench.to_write_tests()
    bench.write("tests/test_app.py", "def test_old(): assert True\ndef test_new(): assert False\n")
    bench.tests({"tests/test_app.py::test_old": "passed", "tests/test_app.py::test_new": "assertion"})
    outcome = bench.done()
    assert [v.gate for v in outcome.held_by] == ["rule:red-tests"]
    assert "tests.red > 1 (it is 1)" in outcome.held_by[0].reasons[0] and outcome.held_by[0].remedy == "Two."
    (said,) = bench.facts(RulesSaid)[-1].said  # type: ignore[attr-defined]
    assert (said.rule, said.mode, said.says, said.facts) == ("red-tests", "enforce", "fail", {"tests.red": "1"})


def test_what_a_rule_said_is_recorded_once_while_it_says_the_same(under: Under) -> None:
    bench = under(Rule("never", require=Condition("loops", ">", 9), at=("load_phase_plans",)))
    for _ in range(3):
        assert not bench.done().moved
    assert len(bench.facts(RulesSaid)) == 1


@pytest.mark.parametrize("mode", ["observe", "warn"])
def test_a_rule_that_observes_or_warns_is_recorded_and_shuts_nothing(under: Under, mode: str) -> None:
    rule = Rule("never", require=Condition("loops", ">", 9), at=("load_phase_plans",), mode=mode)  # type: ignore[arg-type]
    bench = under(rule)
    assert bench.done().entered == ("explore",)
    (said,) = bench.facts(RulesSaid)[-1].said  # type: ignore[attr-defined]
    assert (said.mode, said.says) == (mode, "fail")
    told = bench.opens()
    assert isinstance(told, c.Inform) and ("never" in told.text) is (mode == "warn")


def test_a_fact_that_is_missing_leaves_a_rule_unknown_and_the_step_shut(under: Under) -> None:
    bench = under(Rule("branches", require=Condition("coverage.branches", ">=", 0), at=("load_phase_plans",)))
    outcome = bench.done()
    assert [v.says for v in outcome.held_by] == ["unknown"]


def test_a_phase_waits_before_closing_until_the_rules_there_are_met(under: Under) -> None:
    two = Rule("two", approvals=Approvals(2, kind="weak", driver_counts=True), at=("@close",))
    bench = under(two)
    bench.to_close()
    outcome = bench.done()
    assert not bench.facts(PhaseClosed) and [held.reasons for held in outcome.held_by] == [("0 approved; 2 must",)]
    subject, phase = bench.run.subject, bench.run.phase
    bench.desk.record([ApprovalGiven(bench.run.id, phase, subject, "ann", "weak")], relying_on=None)
    assert [held.reasons for held in bench.done().held_by] == [("1 approved: ann; 2 must",)]
    bench.desk.record([ApprovalGiven(bench.run.id, phase, subject, "ben", "weak")], relying_on=None)
    bench.done()
    assert bench.facts(PhaseClosed)


def test_an_approval_is_of_one_tree(under: Under) -> None:
    rule = Rule("one", approvals=Approvals(kind="weak", driver_counts=True), at=("load_phase_plans",))
    bench = under(rule)
    bench.desk.record([ApprovalGiven(bench.run.id, "1", "another", "ann", "weak")], relying_on=None)
    assert not bench.done().moved
    bench.desk.record([ApprovalGiven(bench.run.id, "1", bench.run.subject, "ann", "weak")], relying_on=None)
    assert bench.done().entered == ("explore",)


def test_a_rule_about_calls_refuses_them_by_name(under: Under) -> None:
    rule = Rule("no-push", says="Pushing is for people", calls=("shell",),
                when=Condition("call.command", "matches", r"\bgit\s+push\b"))  # fmt: skip
    bench = under(rule)
    said = bench.asked(bench.use("shell", text="make && git  push origin"))
    assert isinstance(said, c.Refuse) and said.rule == "rule:no-push" and "Pushing is for people" in said.reason
    assert isinstance(bench.asked(bench.use("shell", text="git status")), c.Silent)
    (refused,) = bench.facts(CallRefused)
    assert refused.rule == "rule:no-push"  # type: ignore[attr-defined]


def test_a_rule_about_edits_holds_by_whatever_route_the_file_changes(under: Under) -> None:
    bench = under(Rule("frozen", calls=("edit",), paths=("src/frozen/**",)))
    bench.to_implement()
    assert isinstance(bench.edit("src/frozen/a.py", "x = 1\n"), c.Refuse)
    bench.shell_writes("src/frozen/a.py", "x = 1\n")
    assert not bench.exists("src/frozen/a.py")
    assert isinstance(bench.edit("src/free.py", "x = 1\n"), c.Silent)


def test_a_rule_about_calls_that_warns_tells_the_agent_and_lets_it_go_on(under: Under) -> None:
    bench = under(Rule("care", says="Take care", calls=("edit",), paths=("tests/**",), mode="warn"))
    bench.to_write_tests()
    use = bench.use("edit", ["tests/test_app.py"], "x")
    said = bench.asked(use)
    assert isinstance(said, c.Inform) and "Take care" in said.text
    (judged,) = bench.facts(CallJudged)
    assert [each.rule for each in judged.said] == ["care"]  # type: ignore[attr-defined]


def test_a_built_in_refusal_can_be_lowered_to_a_warning(under: Under) -> None:
    bench = under(modes={"generated": "warn"})
    bench.to_write_tests()
    said = bench.edit("tests/a.py", "# Code generated by x. DO NOT EDIT\n")
    assert not isinstance(said, c.Refuse)
    bench.write("tests/uv.lock", "")
    said = bench.asked(bench.use("edit", ["tests/uv.lock"], "x = 1\n"))
    assert isinstance(said, c.Inform) and "generated" in said.text


@pytest.mark.parametrize("path", ["phasegate.toml", ".git/config", ".claude/settings.json"])
def test_what_protects_phasegate_itself_is_refused_in_any_mode(under: Under, path: str) -> None:
    bench = under(modes={"own-files": "observe", "hooks": "observe", "secret": "observe"})
    assert isinstance(bench.asked(bench.use("edit", [path], "x")), c.Refuse)


def test_an_owner_of_each_changed_file_must_have_approved(under: Under) -> None:
    rule = Rule("owners", at=("@close",), approvals=Approvals(kind="weak", driver_counts=True, codeowners=True))
    bench = under(rule, owners=(Owned("/src/", ("@ann",)),), people={"@ann": ("ann@example.org",)})
    bench.to_close()
    bench.desk.record([ApprovalGiven(bench.run.id, "1", bench.run.subject, "ben", "weak")], relying_on=None)
    assert bench.done().held_by and not bench.facts(PhaseClosed)
    (said,) = bench.facts(RulesSaid)[-1].said  # type: ignore[attr-defined]
    assert "src/app.py needs @ann" in said.why
    assert msgspec.json.decode(said.facts["changed.paths"]) == ["src/app.py", "tests/test_app.py"]
