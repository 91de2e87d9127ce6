"""When phasegate itself fails, tool calls are refused and the turn may end, after the person was told."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from phasegate.agents import claude_code
from phasegate.entrypoints.demo.client import Finished
from phasegate.entrypoints.demo.script import call, say
from phasegate.ledger import facts as f
from tests.real_client.project import HAND_OVER, Project, after, bash, hooks_of
from tests.real_client.test_recovery import ledger_locked
from tests.real_client.which import REAL, with_both

SETTINGS = ".claude/settings.local.json"


def directory(project: Project) -> Path:
    with project.desk() as desk:
        return Path(desk.project.directory)


def corrupt(project: Project) -> None:
    """Overwrite the ledger's first pages."""
    with open(directory(project) / "ledger.db", "rb+") as file:
        file.write(b"\0" * 8192)


def newer(project: Project) -> None:
    import apsw

    connection = apsw.Connection(str(directory(project) / "ledger.db"))
    connection.execute("PRAGMA user_version = 999")
    connection.close()


def garble_the_pointer(project: Project) -> None:
    (project.root / ".git/phasegate/ledger.json").write_text("{")


def lose_the_state(project: Project) -> None:
    shutil.rmtree(project.state_home)


BREAKS: dict[str, Callable[[Project], None]] = {
    "a corrupt ledger": corrupt,
    "a ledger of a newer version": newer,
    "an unreadable pointer": garble_the_pointer,
    "no state directory": lose_the_state,
}
WITH_THE_REAL_ONE = "a corrupt ledger", "no state directory"


@pytest.mark.parametrize(
    ("which", "how"),
    [("scripted", how) for how in BREAKS] + [pytest.param("real", how, marks=REAL.marks) for how in WITH_THE_REAL_ONE],
)
def test_a_ledger_that_cannot_be_read_refuses_tools_and_lets_the_turn_end_after_saying_so(
    project: Project, how: str
) -> None:
    write = call("Write", file_path="{{P}}/README.md", content="x\n")
    finished = project.play(
        after(lambda: BREAKS[how](project), write), bash("echo x > made.txt"), say("I give up."), prompt=HAND_OVER
    )
    refused_both_and_stopped(project, finished)
    assert "phasegate is not guiding this session" in hooks_of(finished, "Stop")[0]
    assert all("phasegate cannot decide" in result.text for result in finished.tool_results)


def refused_both_and_stopped(project: Project, finished: Finished) -> None:
    assert [result.is_error for result in finished.tool_results] == [True, True]
    assert project.text("README.md") == "# Shop\n" and not project.has("made.txt")
    assert (finished.exit_code, finished.result) == (0, "I give up.")


def with_command(project: Project, *command: str) -> None:
    """The hooks as `init` writes them, with another program."""
    (project.root / SETTINGS).write_text(claude_code.install(None, command))


@with_both
def test_an_interpreter_that_is_gone_refuses_tools_and_lets_the_turn_end(project: Project) -> None:
    gone = project.folder / "gone" / "python"
    with_command(project, str(gone), "-I", "-m", "phasegate.entrypoints.hook", "claude")
    said = json.loads((project.root / SETTINGS).read_text())
    del said["hooks"]["UserPromptSubmit"]  # it would refuse the prompt itself, and nothing else were tried
    (project.root / SETTINGS).write_text(json.dumps(said))
    finished = project.play(
        call("Write", file_path="{{P}}/README.md", content="x\n"), bash("echo x > made.txt"), say("I give up."),
        prompt=HAND_OVER,
    )  # fmt: skip
    refused_both_and_stopped(project, finished)


@with_both
def test_a_hook_that_takes_too_long_refuses_the_call(project: Project) -> None:
    said = json.loads((project.root / SETTINGS).read_text())
    said["hooks"]["PreToolUse"][0]["hooks"][0]["timeout"] = 2
    (project.root / SETTINGS).write_text(json.dumps(said))
    lock = ledger_locked(project)
    finished = project.play(
        after(lock.__enter__, bash("echo x > made.txt")), after(lambda: lock.__exit__(None, None, None), say("Done."))
    )
    assert finished.tool_results[0].is_error and not project.has("made.txt")
    assert not project.facts(f.CallAsked)


def test_a_ledger_that_somebody_holds_for_long_refuses_the_call_in_words(project: Project) -> None:
    lock = ledger_locked(project)
    started = time.monotonic()
    finished = project.play(
        after(lock.__enter__, bash("echo x > made.txt")), after(lambda: lock.__exit__(None, None, None), say("Done."))
    )
    assert "phasegate cannot decide" in finished.tool_results[0].text and not project.has("made.txt")
    assert time.monotonic() - started < 100


@with_both
def test_noise_before_the_answer_turns_no_refusal_into_consent(project: Project) -> None:
    hook = f'echo "Welcome!"; exec {sys.executable} -I -m phasegate.entrypoints.hook claude'
    with_command(project, "/bin/sh", "-c", hook)
    finished = project.play(
        call("Write", file_path="{{P}}/README.md", content="x\n"),
        call("Write", file_path="{{P}}/phasegate.toml", content="x\n"),
    )
    assert [result.is_error for result in finished.tool_results] == [True, True]
    assert project.text("README.md") == "# Shop\n" and project.refused() == ["step", "own-files"]


def test_a_bug_of_ours_refuses_the_call_and_leaves_its_trace_in_the_log_only(project: Project) -> None:
    """A blob store that is a file makes what nobody expects: the tree's own digest fails."""
    folder = directory(project) / "shadow"
    shutil.rmtree(folder)
    folder.write_text("")
    finished = project.play(bash("echo x >> README.md"), say("I give up."), prompt=HAND_OVER)
    assert finished.exit_code == 0 and "Traceback" not in json.dumps([h.stdout + h.stderr for h in finished.hooks])
    assert os.path.isfile(folder)
