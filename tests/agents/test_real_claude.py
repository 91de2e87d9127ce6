"""Claude Code itself obeys our answers, through hooks that `install` put into its settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from phasegate.agents.claude_command import HOW_TO_INSTALL, hook_command
from phasegate.agents.claude_settings import install
from phasegate.entrypoints.demo.client import Finished, Place
from phasegate.entrypoints.demo.real_client import ClientNotFound, RealClient, find_client
from phasegate.entrypoints.demo.script import Script, Step, call, say
from phasegate.entrypoints.demo.scripted_model import ScriptedModel

pytestmark = pytest.mark.real_client

STAND_IN = """\
#!{python} -I
import os, sys
from phasegate.agents import claude_code
from phasegate.errors import Failure
from phasegate.policy.calls import *
stdin = sys.stdin.buffer.read()
call = claude_code.read(stdin, os.environ)
def say(reply):
    os.write(1, reply.stdout)
    os.write(2, reply.stderr)
    os._exit(reply.exit)
def answer():
    match call:
        case ToolAsked(use=ToolUse(paths=(path,))) if path.endswith("/refused.txt"):
            return Refuse("Not in this step.", "step")
        case ToolAsked(use=ToolUse(paths=(path,))) if path.endswith("/crashed.txt"):
            os._exit(1)
        case ToolAsked(use=ToolUse(paths=(path,))) if path.endswith("/informed.txt"):
            return Inform("Mind the step.")
        case TurnEnding(again=False) if {drives}:
            return KeepGoing("Use the skill phasegate with the argument explore.")
        case ConfigChanging() if {changes!r} == "refused":
            return Refuse("Not while a run is on.", "configuration")
        case ConfigChanging() if {changes!r} == "crashed":
            os._exit(1)
    return Silent()
if {lost}:
    say(claude_code.crashed(None, Failure("The ledger is lost.", hint="Look for it."), env=os.environ, first=True))
elif call is not None:
    say(claude_code.write(call, answer()))
"""
"""A `phasegate` whose rules are these few; it reads and answers as ours does."""


class Project:
    """A project with our hooks in its settings, and a `phasegate` on the path that behaves as asked."""

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self.folder = folder / "project"
        self.settings = self.folder / ".claude" / "settings.json"
        self.settings.parent.mkdir(parents=True)
        self.settings.write_text(install(None, command))
        self.programs = folder / "bin"
        self.programs.mkdir()
        (folder / "home").mkdir()

    def provide(self, *, drives: bool = False, changes: str = "refused", lost: bool = False) -> None:
        program = self.programs / "phasegate"
        rules = {"drives": drives, "changes": changes, "lost": lost}
        program.write_text(STAND_IN.format(python=sys.executable, **rules))
        program.chmod(0o755)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def play(self, *turns: Step) -> tuple[Finished, ScriptedModel]:
        try:
            found = find_client()
        except ClientNotFound as problem:
            pytest.skip(f"NOT TESTED WITH THE REAL CLIENT: {problem}")
        home = self.folder.parent / "home"
        with ScriptedModel(Script(turns=turns)) as model:
            path = {"PATH": f"{self.programs}:/usr/bin:/bin"}
            place = Place(str(self.folder), str(home), model.url, model.key, path)
            finished = RealClient(place, found).start("go").wait(120)
        assert model.problems == []
        return finished, model

    def write(self, name: str) -> Step:
        return call("Write", file_path=self.path(name), content="x\n")

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, hook_command("team", executable="", required=True))


def test_a_refusal_is_obeyed_in_our_words_alone_and_a_crash_refuses_too(project: Project) -> None:
    project.provide()
    finished, _ = project.play(project.write("refused.txt"), project.write("crashed.txt"), project.write("a.txt"))
    refused, crashed, written = finished.tool_results
    assert refused.text == "PreToolUse:Write hook error: Not in this step." and refused.is_error
    assert "onFailure" in crashed.text and crashed.is_error
    assert not written.is_error
    assert (project.has("refused.txt"), project.has("crashed.txt"), project.has("a.txt")) == (False, False, True)


def test_what_we_say_to_a_call_reaches_the_model_and_the_call_goes_on(project: Project) -> None:
    project.provide()
    _, model = project.play(project.write("informed.txt"))
    assert project.has("informed.txt")
    assert "Mind the step." in model.requests[-1].news


def test_a_turn_that_may_not_end_goes_on_with_our_instruction(project: Project) -> None:
    project.provide(drives=True)
    finished, model = project.play(say("All done."), say("Going on."))
    assert "Use the skill phasegate with the argument explore." in model.requests[1].news
    assert (finished.result, len(model.requests)) == ("Going on.", 2)


@pytest.mark.parametrize(("changes", "stay"), [("refused", True), ("crashed", True), ("agreed", False)])
def test_hooks_taken_out_of_the_settings_stay_in_force_unless_we_agree(
    project: Project, changes: str, stay: bool
) -> None:
    project.provide(changes=changes)
    # The client itself guards its settings against a plain redirection; it looks for changes every few seconds.
    (project.folder / "sweep.py").write_text("open('.claude/settings.json', 'w').write('{}')")
    emptied = call("Bash", command=f"'{sys.executable}' sweep.py; sleep 5")
    project.play(emptied, project.write("refused.txt"))
    assert project.settings.read_text() == "{}"
    assert project.has("refused.txt") != stay


def test_a_failure_at_a_moment_we_cannot_tell_refuses_tools_but_neither_prompt_nor_stop(project: Project) -> None:
    project.provide(lost=True)
    finished, model = project.play(project.write("a.txt"))
    assert "The ledger is lost." in finished.tool_results[0].text and not project.has("a.txt")
    assert (finished.result, len(model.requests)) == ("Done.", 2)


def test_where_phasegate_is_required_a_colleague_without_it_is_refused_and_told_how_to_get_it(project: Project) -> None:
    finished, model = project.play(project.write("a.txt"))
    assert finished.tool_results[0].text == f"PreToolUse:Write hook error: {HOW_TO_INSTALL}"
    assert not project.has("a.txt")
    assert (finished.result, len(model.requests)) == ("Done.", 2)


def test_where_it_is_not_a_colleague_without_it_works_on_and_is_told_how_to_get_it(tmp_path: Path) -> None:
    project = Project(tmp_path, hook_command("team", executable=""))
    finished, model = project.play(project.write("a.txt"))
    assert project.has("a.txt") and finished.result == "Done." and len(model.requests) == 2
    told = [hook.event for hook in finished.hooks if HOW_TO_INSTALL in hook.stdout]
    assert told == ["SessionStart"]
