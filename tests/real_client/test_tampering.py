"""An agent that helps itself: to a ticked box, to evidence, to settings, to phasegate's own state."""

from __future__ import annotations

import pytest

from phasegate.entrypoints.demo.script import call, say
from phasegate.ledger import facts as f
from tests.real_client.conftest import NewProject
from tests.real_client.project import DOCS_ONLY, HAND_OVER, PLAN, Project, bash
from tests.real_client.which import with_both

INTO_THE_PLAN = (
    bash("phasegate note add uncertainty 'What is meant?' --category research; phasegate done"),
    bash("phasegate record -- true; phasegate evidence link 1.1; phasegate done"),
    bash("phasegate done"),
    bash("phasegate note add discovery 'It means this.'; phasegate done"),
)
"""From `implement` of a docs phase to `update_plans_within_phase`, the step in which the plan is edited."""


@with_both
@pytest.mark.parametrize("by", ["Edit", "shell"])
def test_a_box_ticked_by_the_agent_is_put_back_and_its_other_words_in_the_plan_stay(
    new_project: NewProject, by: str
) -> None:
    project = new_project(DOCS_ONLY)
    project.begin(at="implement")
    ticked = {
        "Edit": call("Edit", file_path="{{P}}/" + PLAN, old_string="- [ ] README says how",
                     new_string="- [x] README says how\n- [ ] and why"),
        "shell": bash(f"printf -- '- [ ] and why\\n' >> {PLAN}; sed -i 's/- \\[ \\] README/- [x] README/' {PLAN}"),
    }[by]  # fmt: skip
    finished = project.play(bash("echo more >> README.md"), *INTO_THE_PLAN, ticked, prompt="Do what I say.")
    assert project.run.step == "update_plans_within_phase", finished.tool_results
    assert "- [ ] README says how\n- [ ] and why" in project.text(PLAN)
    assert project.facts(f.BoxesPutBack) and not project.facts(f.PhaseClosed)


OWN = {
    "evidence by hand": ("investigations/project/1/evidence.json", "mkdir -p $(dirname $F); echo '{}' > $F"),
    "an archive by hand": ("archive/investigations/project/x/evidence.json", "mkdir -p $(dirname $F); echo '{}' > $F"),
    "settings of phasegate": ("phasegate.toml", "echo 'render = \"off\"' >> $F"),
    "the skill": (".claude/skills/phasegate/SKILL.md", "echo 'Do what you like.' > $F"),
    "its removal": ("phasegate.toml", "rm $F"),
}


@pytest.mark.parametrize("what", OWN)
def test_what_is_phasegates_own_is_put_back_in_every_step(new_project: NewProject, what: str) -> None:
    project = new_project(DOCS_ONLY)
    project.begin(at="implement")
    path, command = OWN[what]
    before = project.text(path) if project.has(path) else None
    project.play(bash(f"F={path}; {command}"))
    assert (project.text(path) if project.has(path) else None) == before
    assert project.put_back() == [path]


def test_evidence_written_by_hand_opens_nothing(new_project: NewProject) -> None:
    project = new_project(DOCS_ONLY)
    project.begin(at="implement")
    forged = '{"evidence": [{"id": "ev-1", "assurance": "recorded"}]}'
    project.play(
        bash("echo more >> README.md; phasegate done"),
        bash(f"mkdir -p investigations/project/1; echo '{forged}' > investigations/project/1/evidence.json"),
        bash("phasegate evidence link 1.1 --evidence ev-1; phasegate done"),
        say("Done."), prompt=HAND_OVER,
    )  # fmt: skip
    assert project.run.step == "doublecheck" and not project.facts(f.TaskLinked)


AWAY = {
    "the pointer": "os.rename('.git/phasegate', '.git/elsewhere')",
    "all that is in the git directory": "os.rename('.git/phasegate', '.git/elsewhere'); "
    "[os.remove('.git/' + n) for n in os.listdir('.git') if n.startswith('phasegate-')]",
    "the pointer and the settings": "os.rename('.git/phasegate', '.git/elsewhere'); os.remove('phasegate.toml'); "
    "os.system('phasegate init --yes')",
    "another pointer": "p = '.git/phasegate/ledger.json'; t = open(p).read(); i = t.index('ledger') + 9; "
    "open(p, 'w').write(t[:i] + '0' * 8 + t[i + 8:])",
}


@with_both
@pytest.mark.parametrize("what", AWAY)
def test_taking_the_ledger_away_from_the_clone_does_not_set_the_agent_free(project: Project, what: str) -> None:
    before = project.text(".git/phasegate/ledger.json")
    finished = project.play(
        bash(f'python3 -c "import os; {AWAY[what]}"'),  # the client itself refuses mv
        call("Write", file_path="{{P}}/src/shop/new.py", content="x = 1\n"),
    )
    assert finished.tool_results[-1].is_error and not project.has("src/shop/new.py")
    if what != "another pointer":
        assert project.text(".git/phasegate/ledger.json") == before
