"""New, resumed, cleared, compacted, second sessions and a second work tree: each is told where the run is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from msgspec import structs

from phasegate.entrypoints.demo.script import call, say
from phasegate.entrypoints.demo.scripted_model import ScriptedModel
from phasegate.ledger import facts as f
from tests.real_client.conftest import NewProject
from tests.real_client.project import HAND_OVER, OWN, SHOP, Project, bash, hooks_of, wait_for
from tests.real_client.which import with_both

WHERE = "step explore"


def through_the_first_step(project: Project, model: ScriptedModel) -> str:
    """A session that ends after the first step; its id."""
    session = project.client(model).start(HAND_OVER)
    session.wait()
    assert project.run.step == "explore"
    return session.session_id


@with_both
def test_after_a_compaction_the_model_is_told_the_state_again(project: Project) -> None:
    full = structs.replace(bash("true"), usage={"input_tokens": 980_000})
    with project.model(say("I know the phase."), full, say("Done.")) as model:
        project.client(model).start(HAND_OVER).wait()
        kinds = [request.kind for request in model.requests]
        assert "compaction" in kinds
        told = model.requests[kinds.index("compaction") + 1]
    assert WHERE in told.news
    assert "compact" in [fact.source for fact in project.facts(f.SessionBegan)]
    assert not project.facts(f.RunRecovered) and project.run.step == "explore"


@with_both
@pytest.mark.parametrize("how", ["resume", "continue", "new"])
def test_a_later_session_goes_on_at_the_recorded_step(project: Project, how: str) -> None:
    with project.model(say("I know the phase."), say("1"), say("2"), say("3"), say("4")) as model:
        old = through_the_first_step(project, model)
        asked = len(model.requests)
        client = project.client(model)
        later = client.start(OWN, resume=old if how == "resume" else None, carry_on=how == "continue")
        finished = later.wait()
        assert WHERE in model.requests[asked].news
    assert (later.session_id == old) == (how != "new")
    assert WHERE in hooks_of(finished, "SessionStart")[0]
    assert len({fact.run for fact in project.facts(f.StepEntered)}) == 1


def test_after_clear_the_new_session_drives_at_once(project: Project) -> None:
    """`/clear` cannot be typed in a `-p` session: the payloads are what the client sends then."""
    project.hook("SessionStart", session_id="old", source="startup")
    asked = project.hook("PreToolUse", session_id="old", tool_name="Bash", tool_use_id="t", tool_input={"command": "x"})
    assert asked.returncode == 0 and project.run.in_flight
    project.hook("SessionEnd", session_id="old", reason="clear")
    opened = project.hook("SessionStart", session_id="new", source="clear")
    assert "step load_phase_plans" in json.loads(opened.stdout)["hookSpecificOutput"]["additionalContext"]
    assert project.run.driver == "new" and not project.run.in_flight
    stop = project.hook("UserPromptSubmit", session_id="new", prompt=HAND_OVER) and project.hook(
        "Stop", session_id="new", stop_hook_active=False
    )
    assert json.loads(stop.stdout)["decision"] == "block"


@with_both
def test_a_second_session_in_the_same_tree_is_told_and_guarded_and_not_driven(project: Project) -> None:
    go_on = project.folder / "go-on"
    waiting = bash(f"while [ ! -e {go_on} ]; do sleep 0.1; done")
    with (
        project.model(waiting, say("Mine is done.")) as first,
        project.model(
            call("Write", file_path="{{P}}/src/shop/new.py", content="x = 1\n"), bash("phasegate next")
        ) as second,
    ):
        driver = project.client(first).start(OWN)
        wait_for(lambda: project.run.in_flight, session=driver)
        finished = project.client(second).start(HAND_OVER).wait()
        go_on.touch()
        driver.wait()
    assert "another session drives" in hooks_of(finished, "SessionStart")[0]
    assert finished.tool_results[0].is_error and not project.has("src/shop/new.py")
    assert finished.result == "Done." and not project.facts(f.StopRefused)
    assert {fact.session for fact in project.facts(f.DriverTaken)} == {driver.session_id}
    assert project.run.step == "load_phase_plans"


@with_both
def test_what_the_shell_of_a_second_session_writes_is_not_put_back_while_the_first_is_at_work(project: Project) -> None:
    go_on = project.folder / "go-on"
    with (
        project.model(bash(f"while [ ! -e {go_on} ]; do sleep 0.1; done")) as first,
        project.model(bash(f"echo 'x = 1' >> {SHOP}")) as second,
    ):
        driver = project.client(first).start(OWN)
        wait_for(lambda: project.run.in_flight, session=driver)
        project.client(second).start(OWN).wait()
        assert (project.put_back(), project.held()) == ([], [SHOP])
        go_on.touch()
        driver.wait()
    assert "x = 1" in project.text(SHOP) and project.held() == [SHOP]


@with_both
def test_a_second_work_tree_has_a_run_of_its_own_on_the_same_ledger(
    new_project: NewProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = new_project()
    project.write("docs/development_roadmap/phases.md", "# Plan\n\n## Phase 1: A\n\nKind: docs\n\n- [ ] a\n\n"
                  "## Phase 2: B\n\nKind: docs\n\n- [ ] b\n")  # fmt: skip
    project.commit("Two phases that do not wait for each other")
    project.begin(at="implement")
    project.git("worktree", "add", "-q", str(tmp_path / "other"))
    other = project.at(tmp_path / "other")
    other.begin()
    finished = other.play(call("Write", file_path="{{P}}/README.md", content="no\n"), bash("echo no >> README.md"))
    project.play(call("Write", file_path="{{P}}/README.md", content="yes\n"), prompt=OWN)
    assert finished.tool_results[0].is_error
    assert (other.text("README.md"), project.text("README.md")) == ("# Shop\n", "yes\n")
    assert {run.phase: run.step for run in project.state.runs.values()} == {"1": "implement", "2": "implement"}
    with project.desk() as one, other.desk() as two:
        assert one.project.directory == two.project.directory
    assert os.path.isfile(tmp_path / "other" / ".git")
