"""What the agent may not do is refused before it happens, in words that say what would be permitted."""

from __future__ import annotations

from phasegate.entrypoints.demo.script import call, say
from phasegate.ledger import facts as f
from tests.real_client.project import HAND_OVER, SHOP, Project, bash
from tests.real_client.which import with_both

KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@with_both
def test_an_edit_that_the_step_forbids_does_not_happen_and_the_reason_names_the_step_that_allows_it(
    project: Project,
) -> None:
    before = project.text(SHOP)
    finished = project.play(
        call("Write", file_path="{{P}}/src/shop/new.py", content="x = 1\n"),
        call("Edit", file_path=f"{{{{P}}}}/{SHOP}", old_string="return amount", new_string="return 0"),
    )
    written, edited = finished.tool_results
    assert written.is_error and "The step implement would allow it." in written.text
    assert edited.is_error and "load_phase_plans may edit nothing" in edited.text
    assert not project.has("src/shop/new.py") and project.text(SHOP) == before
    assert project.refused() == ["step", "step"]


@with_both
def test_own_files_and_secrets_are_refused_with_and_without_a_run(which: str, new_project) -> None:  # type: ignore[no-untyped-def]
    project = new_project()
    project.set_up()
    own = call("Write", file_path="{{P}}/investigations/project/1/evidence.json", content="{}")
    settings = call("Write", file_path="{{P}}/phasegate.toml", content="")
    secret = call("Write", file_path="{{P}}/src/shop/keys.py", content=f'KEY = "{KEY}"\n')
    fine = call("Write", file_path="{{P}}/src/shop/fine.py", content="x = 1\n")
    finished = project.play(own, settings, secret, fine)
    assert [result.is_error for result in finished.tool_results] == [True, True, True, False]
    assert KEY not in finished.tool_results[2].text
    assert project.refused() == ["own-files", "own-files", "secret"]
    assert project.has("src/shop/fine.py") and not project.has("src/shop/keys.py")
    assert KEY.encode() not in everything_below(project)


def everything_below(project: Project) -> bytes:
    """All that phasegate keeps, as bytes."""
    return b"".join(path.read_bytes() for path in project.state_home.rglob("*") if path.is_file())


@with_both
def test_a_secret_typed_into_a_shell_command_a_prompt_or_a_note_is_kept_nowhere(project: Project) -> None:
    finished = project.play(
        bash(f"export GITHUB_TOKEN={KEY}; true"),
        bash(f"phasegate note add discovery 'the key is {KEY}'"),
        bash(f"phasegate record -- echo {KEY}"),
        prompt=f"Use {KEY} to log in.",
    )
    assert not any(result.is_error for result in finished.tool_results), finished.tool_results
    assert next(fact.command for fact in project.facts(f.CallAsked)).startswith("export GITHUB_TOKEN=")
    assert KEY.encode() not in everything_below(project)
    assert project.facts(f.SecretSeen)


@with_both
def test_a_secret_that_the_shell_wrote_is_put_back(which: str, new_project) -> None:  # type: ignore[no-untyped-def]
    project = new_project({"docs/development_roadmap/phases.md": "# Plan\n\n## Phase 1: E\n\nKind: docs\n\n- [ ] a\n"})
    project.begin(at="implement")
    finished = project.play(bash(f"echo 'the key is {KEY}' > KEYS.md"), bash("echo fine > FINE.md"))
    assert "was put back" in str(finished.hooks)
    assert project.put_back() == ["KEYS.md"] and not project.has("KEYS.md") and project.has("FINE.md")


@with_both
def test_a_false_done_is_refused_with_what_is_missing_and_three_times_in_a_row_a_person_is_asked(
    project: Project,
) -> None:
    finished = project.play(say("I know the phase."), say("Done!"), say("Really done."), prompt=HAND_OVER)
    assert finished.exit_code == 0
    assert [fact.reason[:30] for fact in project.facts(f.StopRefused)]
    assert "baseline_known" in project.facts(f.StopRefused)[1].reason
    assert [fact.why for fact in project.facts(f.StopAllowed)] == ["unmet"]
    assert project.facts(f.QuestionAsked) and project.run.step == "explore"


@with_both
def test_a_turn_that_the_person_opened_may_end(project: Project) -> None:
    finished = project.play(say("It is a shop."), prompt="What is this project about?")
    assert finished.result == "It is a shop."
    assert not project.facts(f.StopRefused) and [fact.why for fact in project.facts(f.StopAllowed)] == ["own"]


@with_both
def test_without_a_run_the_agent_is_neither_driven_nor_limited(which: str, new_project) -> None:  # type: ignore[no-untyped-def]
    project = new_project()
    project.set_up()
    finished = project.play(call("Write", file_path="{{P}}/src/shop/new.py", content="x = 1\n"), prompt=HAND_OVER)
    assert finished.result == "Done." and project.has("src/shop/new.py")
    assert not project.facts(f.StopRefused) and not project.facts(f.CallAsked)


@with_both
def test_taking_the_hooks_out_by_script_leaves_them_in_force_for_the_session(project: Project) -> None:
    finished = project.play(
        bash("python3 -c \"open('.claude/settings.local.json', 'w').write('{}')\"; sleep 4"),
        call("Write", file_path="{{P}}/src/shop/new.py", content="x = 1\n"),
    )
    assert finished.tool_results[-1].is_error and not project.has("src/shop/new.py")
    assert project.refused()[-1] == "step"  # the change itself too, where the client asks before the call is back
    assert "phasegate" in project.text(".claude/settings.local.json") and not project.held()


FOR_PEOPLE = (
    "phasegate uninstall",
    "phasegate pause",
    "phasegate takeover",
    "phasegate answer approve q-1 yes",
    "env -u CLAUDECODE phasegate pause",
    'env -i PATH="$PATH" XDG_STATE_HOME="$XDG_STATE_HOME" phasegate pause',
    "setsid phasegate answer reject q-1 no",
)


@with_both
def test_the_agents_shell_cannot_call_what_is_for_people_however_it_hides(project: Project) -> None:
    with project.desk() as desk:
        desk.record([f.QuestionAsked("q-1", project.run.id, "May I?")], relying_on=None)
    finished = project.play(*map(bash, FOR_PEOPLE))
    for command, result in zip(FOR_PEOPLE, finished.tool_results, strict=True):
        assert result.is_error and "for a person" in result.text, (command, result.text)
    assert project.run.status == "active" and project.state.questions["q-1"].open
