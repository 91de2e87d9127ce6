"""The command in our hooks starts the right program, and says what to do where there is none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from phasegate.agents.claude_command import HOW_TO_INSTALL, EphemeralInterpreter, hook_command, refuse_ephemeral

PAYLOADS = Path(__file__).parent / "payloads" / "claude"


def run(command: tuple[str, ...], payload: str, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[bytes]:
    # The client writes its payloads on one line, without spaces.
    stdin = json.dumps(json.loads((PAYLOADS / f"{payload}.json").read_bytes()), separators=(",", ":")).encode()
    return subprocess.run(command, input=stdin, capture_output=True, env={"PATH": path}, check=False)


def test_for_one_person_the_interpreter_is_absolute_and_blind_to_the_project() -> None:
    command = hook_command("me", executable="/opt/phasegate/bin/python")
    assert command == ("/opt/phasegate/bin/python", "-I", "-m", "phasegate.entrypoints.hook", "claude")


def test_for_a_team_the_program_on_the_path_gets_stdin_and_arguments_and_its_exit_code_counts(tmp_path: Path) -> None:
    program = tmp_path / "phasegate"
    program.write_text('#!/bin/sh\necho "$@"\ncat\nexit 7\n')
    program.chmod(0o755)
    done = run(hook_command("team", executable=""), "Stop", path=f"{tmp_path}:/usr/bin:/bin")
    assert done.returncode == 7
    assert done.stdout.startswith(b"hook claude\n{") and b'"Stop"' in done.stdout


def test_without_phasegate_what_it_guards_is_refused_where_it_is_required() -> None:
    command = hook_command("team", executable="", required=True)
    asked, changing = run(command, "PreToolUse-Write"), run(command, "ConfigChange-local_settings")
    assert json.loads(asked.stdout)["hookSpecificOutput"]["permissionDecisionReason"] == HOW_TO_INSTALL
    assert asked.returncode == 1
    assert (changing.returncode, changing.stdout, changing.stderr.decode().strip()) == (2, b"", HOW_TO_INSTALL)


@pytest.mark.parametrize("payload", ["PreToolUse-Write", "ConfigChange-local_settings"])
def test_without_phasegate_all_passes_where_it_is_not_required(payload: str) -> None:
    done = run(hook_command("team", executable="", required=False), payload)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("required", [True, False])
def test_without_phasegate_only_the_start_of_a_session_says_so_and_all_else_passes(required: bool) -> None:
    command = hook_command("team", executable="", required=required)
    assert json.loads(run(command, "SessionStart-startup").stdout) == {"systemMessage": HOW_TO_INSTALL}
    for payload in (
        "UserPromptSubmit",
        "PostToolUse-Write",
        "Stop",
        "SubagentStop",
        "PreCompact-auto",
        "SessionEnd-other",
    ):
        done = run(command, payload)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("executable", "why"),
    [
        ("/home/dev/.cache/uv/archive-v0/abc/bin/python", "uv"),
        ("/home/dev/.cache/uv/builds-v0/.tmpx/bin/python", "uv"),
        ("/tmp/x/bin/python", "temporary"),
        ("/home/dev/.pyenv/shims/python3", "shim"),
        ("/home/dev/.asdf/shims/python3", "shim"),
    ],
)
def test_an_interpreter_that_will_be_gone_is_refused_with_a_way_out(executable: str, why: str) -> None:
    with pytest.raises(EphemeralInterpreter, match=why) as raised:
        refuse_ephemeral(executable)
    assert "uv tool install PATH-TO-CHECKOUT" in raised.value.hint


@pytest.mark.parametrize(
    "executable",
    [
        "/home/dev/.local/share/uv/tools/phasegate/bin/python",
        "/home/dev/.local/pipx/venvs/phasegate/bin/python",
        "/home/dev/project/.venv/bin/python",
        "/home/dev/.pyenv/versions/3.12.1/bin/python",
        "/usr/bin/python3",
    ],
)
def test_an_interpreter_that_stays_is_taken(executable: str) -> None:
    refuse_ephemeral(executable)
