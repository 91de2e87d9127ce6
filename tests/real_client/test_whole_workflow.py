"""The whole default workflow to completion: a feature with a failed attempt that is resolved, then a docs phase."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

from phasegate.entrypoints.demo.client import Finished
from phasegate.entrypoints.demo.script import Step, call, say
from phasegate.ledger import facts as f
from tests.real_client.conftest import NewProject
from tests.real_client.project import HAND_OVER, PLAN, SHOP, Project, bash
from tests.real_client.which import with_the_real_one_first

TEST = "from shop import discount\n\n\ndef test_discount():\n    assert discount(100) == 90\n"
CATEGORISE = (
    "for n in $(phasegate note list --json | python3 -c "
    "'import json, sys; [print(n[\"id\"]) for n in json.load(sys.stdin)]'); "
    "do phasegate note correct $n --category implement; done; phasegate done"
)


def discount(old: str, new: str) -> Step:
    return call("Edit", file_path="{{P}}/" + SHOP, old_string=old, new_string=new)


FEATURE: tuple[Step, ...] = (
    say("I know the phase."),
    say("I have looked around."),
    bash(f"printf 'sneaky = 1\\n' >> {SHOP}"),
    call("Write", file_path="{{P}}/tests/test_discount.py", content=TEST),
    bash("phasegate check tests"),
    bash("phasegate done"),
    discount(
        "    return amount\n", "    return amount\n\n\ndef discount(amount: int) -> int:\n    return amount - 1\n"
    ),
    say("Done!"),
    bash("phasegate check tests; phasegate done"),
    bash(CATEGORISE),
    discount("amount - 1\n", "amount * 9 // 10\n"),
    bash("phasegate done; phasegate check tests && phasegate done"),
    say("Done, all of it."),
    bash("phasegate evidence link 1.1 && phasegate done"),
    bash("phasegate done"),
    bash("phasegate done"),
)

DOCS: tuple[Step, ...] = (
    bash("phasegate done"),
    call("Write", file_path="{{P}}/README.md", content="# Shop\n\nTen per cent off: `discount`.\n"),
    bash("phasegate done"),
    bash("phasegate record -- grep -q discount README.md && phasegate evidence link 2.1 && phasegate done"),
    bash("phasegate done"),
    bash("phasegate done"),
)


@with_the_real_one_first
def test_both_phases_close_on_recorded_evidence_and_the_plan_shows_it(new_project: NewProject) -> None:
    project = new_project()
    project.begin(baseline=True)
    finished = project.play(*FEATURE, *DOCS, prompt=HAND_OVER)
    assert (finished.exit_code, finished.result) == (0, "Done.")
    assert [fact.outcome for fact in project.facts(f.RunEnded)] == ["complete"], story(finished)
    the_plan_links_to_archives_that_are_as_recorded(project)
    what_was_forbidden_was_undone_and_what_failed_was_resolved(project)
    assert project.git("status", "--porcelain", "--", "state", "investigations") == ""
    assert command(project, "log", "verify").returncode == 0


def story(finished: Finished) -> str:
    """What came of each call, for whoever reads a failure."""
    return "\n".join(f"-- {result.text[:600]}" for result in finished.tool_results)


def the_plan_links_to_archives_that_are_as_recorded(project: Project) -> None:
    feature, docs = project.facts(f.PhaseClosed)
    plan = project.text(PLAN)
    assert plan.count("- [x]") == 2 and "- [ ]" not in plan
    for closed in (feature, docs):
        assert closed.archive in plan
        manifest = json.loads(project.text(f"{closed.archive}/evidence.json"))
        assert manifest
        for kept in closed.files:
            assert hashlib.sha256((project.root / kept.path).read_bytes()).hexdigest() == kept.sha256
    assert {gate.gate for gate in feature.gates} >= {"tests_ran", "no_new_red", "red_first", "covered"}
    assert all(gate.says == "pass" for gate in (*feature.gates, *docs.gates))


def what_was_forbidden_was_undone_and_what_failed_was_resolved(project: Project) -> None:
    assert project.put_back() == [SHOP] and "sneaky" not in project.text(SHOP)
    steps = [fact.step for fact in project.facts(f.StepEntered)]
    assert steps.index("categorize_uncertainties") < steps.index("doublecheck")
    added = {fact.note for fact in project.facts(f.NoteAdded)}
    assert added and added == {fact.note for fact in project.facts(f.NoteResolved)}
    assert any("doublecheck" in fact.reason for fact in project.facts(f.StopRefused)), "the false done"


def command(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    phasegate = os.path.join(os.path.dirname(sys.executable), "phasegate")
    return subprocess.run([phasegate, *words], cwd=project.root, capture_output=True, text=True)
