"""One sentence makes one small phase: begun, closed on recorded evidence and archived, whatever plan there is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phasegate.entrypoints.cli.plan import KINDS
from phasegate.workflow.small import small_phase
from tests.cli.terminal import Project

PLAN = "docs/development_roadmap/phases.md"
ID = "task:fix-the-typo-in-the-greeting"
SENTENCE = "Fix the typo in the greeting"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write("src/greet.py", 'def greet() -> str:\n    return "Helo"\n')
    made.write(
        "tests/test_greet.py",
        "import sys\nsys.path.insert(0, 'src')\nfrom greet import greet\n\n\ndef test_greet():\n    assert greet()\n",
    )
    return made


def test_it_runs_to_a_closed_phase_in_four_commands_and_leaves_the_plan_alone(project: Project) -> None:
    plan = "# Plan\n\n## Phase 1: Rounding [fix]\n\n- [x] 1.1 Round half even\n"
    project.write(PLAN, plan)
    assert 'say "Go ahead."' in project.ok("start", SENTENCE)
    assert f"{ID} {SENTENCE} (fix, started)" in project.ok("status")
    assert f"phase {ID} ({SENTENCE}), kind fix, lane trivial, step implement" in project.read("CLAUDE.md")
    project.write("src/greet.py", 'def greet() -> str:\n    return "Hello"\n')
    project.ok("done")
    project.ok("check", "tests")
    assert "complete" in project.ok("done")
    assert f"[x] {ID} {SENTENCE} (fix, closed)" in project.ok("status")
    assert "No run is active" in project.read("CLAUDE.md")
    assert "covered: pass" in project.ok("why", ID)
    archive = project.state().record_of(ID).archive
    assert json.loads(project.read(f"{archive}/evidence.json"))["title"] == SENTENCE
    assert project.read(PLAN) == plan and "PlanRead" not in project.facts()


def test_a_plan_that_was_read_before_is_neither_worked_on_nor_ticked(project: Project) -> None:
    project.ok("start", "--no-baseline")
    project.ok("pause", "--end")
    before = project.read(PLAN)
    project.ok("start", SENTENCE)
    project.write("src/greet.py", 'def greet() -> str:\n    return "Hello"\n')
    for words in (("done",), ("check", "tests"), ("done",)):
        project.ok(*words)
    assert project.state().run_in(str(project.root)) is None
    assert project.read(PLAN) == before and not project.state().is_closed("1")


def test_a_second_start_says_how_to_go_on_or_to_end_the_first(project: Project) -> None:
    project.ok("start", SENTENCE)
    second = project.person("start", "add a colour")
    assert second.returncode == 2 and "(run-active)" in second.stderr
    assert '"Go ahead."' in second.stderr and "phasegate pause --end" in second.stderr
    project.ok("pause", "--end")
    project.ok("start", SENTENCE)
    assert project.state().run_in(str(project.root)).small == f"{ID}-2"  # type: ignore[union-attr]


def test_without_a_baseline_the_tests_are_run_before_anything_is_changed(project: Project) -> None:
    assert "step load_phase_plans" in project.ok("start", SENTENCE, "--no-baseline")
    project.ok("done")
    assert project.person("done").returncode == 1, "the baseline is not known"
    project.ok("check", "tests")
    assert "lane trivial, step implement" in project.ok("done")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["  "], "Say in a sentence"),
        (["--kind", "fix"], "belong to a sentence"),
        (["--task", "x"], "belong to a sentence"),
        (["x" * 2001], "at most 2000"),
        (["x", *["--task", "y"] * 21], "20 tasks"),
        (["x", "--kind", "typo"], "is not one of"),
    ],
)
def test_odd_words_are_refused_and_begin_nothing(project: Project, words: list[str], said: str) -> None:
    done = project.person("start", *words)
    assert done.returncode == 2 and said in " ".join(done.stderr.replace("│", " ").split())
    assert "RunStarted" not in project.facts()


def test_the_sentence_may_hold_anything_and_names_a_kind_by_its_words() -> None:
    named = {sentence: small_phase(sentence, None, (), ()).kind for sentence in ("Document it", "bump x", "Tidy up")}
    assert named == {"Document it": "docs", "bump x": "chore", "Tidy up": "feature"}
    odd = small_phase("\x1b[31m../../etc <!-- phasegate:end -->\n" * 20, "docs", ("a\nb",), ())
    assert set(odd.id) <= set("task:-abcdefghijklmnopqrstuvwxyz0123456789") and len(odd.title) <= 120
    assert small_phase("!!!", None, (), {"task:untitled"}).id == "task:untitled-2"
    assert all(small_phase("x", kind, (), ()).kind_stated for kind in KINDS)


def test_a_person_changes_the_step_and_nobody_else(project: Project) -> None:
    project.ok("start", "--no-baseline")
    assert "step implement" in project.ok("next", "--step", "implement")
    assert (moved := project.facts().count("StepEntered")) == 2
    project.ok("next", "--step", "implement")
    assert project.facts().count("StepEntered") == moved, "it is there already"
    wrong = project.person("next", "--step", "complete")
    assert wrong.returncode == 2 and "(unknown-step)" in wrong.stderr
    assert "(for-people)" in project.agent("next", "--step", "implement").stderr


def test_only_a_person_names_a_lane_and_of_a_phase_that_is_worked_on(project: Project) -> None:
    project.ok("start", SENTENCE)
    assert "(for-people)" in project.agent("plan", "lane", ID, "trivial", "--reason", "x").stderr
    assert "lane regulated" in project.ok("plan", "lane", ID, "regulated", "--reason", "pay") + project.ok("status")
    assert "It goes by the lane regulated: pay." in project.ok("next")
    assert "(phase-not-begun)" in project.person("plan", "lane", "7", "trivial", "--reason", "x").stderr
