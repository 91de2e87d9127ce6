"""A recorded decision made again: the same under the same policy, another where another policy says so, or unknown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bench import PROJECT, Bench

from phasegate.ledger.rulings import ApprovalGiven
from phasegate.policy.calls_at_hand import InForce
from phasegate.policy.redeciding import Redecided, redecided
from phasegate.policy.weaving import woven
from phasegate.rules.rule import Approvals, Condition, Rule, Rules
from phasegate.settings import Settings
from phasegate.workflow.default import DEFAULT

FEW_FILES = Rule("few", require=Condition("changed.files", "<=", 9), at=("@close",))


def under(*rules: Rule, **more: object) -> InForce:
    in_force = Rules(rules, **more)  # type: ignore[arg-type]
    return InForce(Settings(project=PROJECT, rules=in_force), woven(DEFAULT, in_force))


def again(bench: Bench, against: InForce) -> list[Redecided]:
    return list(redecided(bench.desk.project.log.read(), against))


@pytest.fixture
def past(lay_out: Callable[..., Bench]) -> Bench:
    """A phase done honestly under one rule, with a refusal on the way."""
    against = under(FEW_FILES)
    bench = lay_out(settings=against.settings, workflow=against.workflow)
    bench.begin()
    bench.opens()
    bench.prompt()
    bench.edit("src/app.py", "x = 1\n")
    bench.edit("phasegate.toml", "x = 1\n")
    bench.to_close()
    bench.done()
    assert bench.state.is_closed("1")
    return bench


def test_under_the_policy_of_then_no_decision_is_another(past: Bench) -> None:
    found = again(past, under(FEW_FILES))
    assert len(found) > 8 and [each for each in found if each.differs or each.now == "unknown"] == []


def test_a_stricter_policy_would_have_held_and_refused_and_says_which_rule(past: Bench) -> None:
    strict = under(
        FEW_FILES,
        Rule("nobody", require=Condition("loops", ">", 5), at=("explore",)),
        Rule("two", approvals=Approvals(2, driver_counts=True), at=("@close",)),
    )
    differ = {each.what: each for each in again(past, strict) if each.differs}
    assert {(each.then, each.now) for each in differ.values()} == {("left", "held"), ("closed", "held")}
    assert any("rule:two" in each.why for each in differ.values())


def test_a_looser_policy_would_have_let_go_on_what_its_modes_name_and_nothing_else(past: Bench) -> None:
    found = again(past, under(FEW_FILES, modes={"step": "warn", "own-files": "observe"}))
    differ = [each for each in found if each.differs]
    assert [(each.then, each.now, each.names[1:]) for each in differ] == [("refuse", "allow", ("src/app.py",))]


def test_what_is_not_recorded_is_unknown_and_never_another_decision(past: Bench) -> None:
    found = again(past, under(Rule("big", require=Condition("coverage.branches", ">", 1), at=("explore",))))
    assert [each.now for each in found if each.now != each.then] == ["unknown"]


def test_a_rule_that_held_a_step_and_is_no_more_would_have_let_it_be_left(lay_out: Callable[..., Bench]) -> None:
    against = under(Rule("one", approvals=Approvals(kind="weak", driver_counts=True), at=("load_phase_plans",)))
    bench = lay_out(settings=against.settings, workflow=against.workflow)
    bench.begin()
    assert not bench.done().moved
    bench.desk.record([ApprovalGiven(bench.run.id, "1", bench.run.subject, "ann", "weak")], relying_on=None)
    assert bench.done().moved
    assert [each.differs for each in again(bench, against)] == [False, False]
    differ = [each for each in again(bench, under()) if each.differs]
    assert [(each.then, each.now, each.why) for each in differ] == [("held", "left", "there is no such rule")]
