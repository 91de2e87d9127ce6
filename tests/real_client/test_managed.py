"""The organisation's settings, tried with the real client in a mount namespace where /etc is a copy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from phasegate.agents.claude_managed import OURS, content
from phasegate.entrypoints.demo.client import Client, Place
from phasegate.entrypoints.demo.real_client import Found, RealClient
from phasegate.entrypoints.demo.script import call
from tests.real_client.project import Project, bash

pytestmark = pytest.mark.real_client

NEW = "{{P}}/src/shop/new.py"
WRITE = call("Write", file_path=NEW, content="x = 1\n")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A copy of /etc that the client will see in its place."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or not _may_mount():
        pytest.skip("NOT TESTED: a private /etc needs the right to make a mount namespace")
    copied = tmp_path / "etc"
    subprocess.run(["cp", "-a", "/etc", str(copied)], check=True)
    shutil.rmtree(copied / "claude-code", ignore_errors=True)
    return copied


def _may_mount() -> bool:
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


@pytest.fixture
def managed(etc: Path, found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose run is at a step that edits nothing, on a machine whose organisation forces the hooks."""
    target = etc / "claude-code" / OURS
    target.parent.mkdir(parents=True)
    target.write_bytes(content((sys.executable, "-I", "-m", "phasegate.entrypoints.hook", "claude")))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    wrapped = tmp_path / "claude"
    wrapped.write_text(
        f'#!/bin/sh\nexec unshare -m sh -c \'mount --bind "{etc}" /etc && exec "{found.path}" "$@"\' claude "$@"\n'
    )
    wrapped.chmod(0o755)

    def client_in(place: Place, options: tuple[str, ...]) -> Client:
        return RealClient(place, Found(str(wrapped), found.version), options=options)

    project = Project(tmp_path, client_in)
    project.begin()
    return project


OFF = {
    "nothing": "{}",
    "all hooks switched off": json.dumps({"disableAllHooks": True}),
    "hooks replaced": json.dumps({"hooks": {"PreToolUse": []}}),
    "a bad entry": json.dumps({"hooks": {"PreToolUse": [{"hooks": [{"type": "none"}]}]}}),
}


@pytest.mark.parametrize("what", OFF)
def test_no_settings_of_a_project_or_a_user_switch_forced_hooks_off(managed: Project, what: str) -> None:
    for path in (managed.root / ".claude/settings.local.json", managed.home / ".claude/settings.json"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(OFF[what])
    finished = managed.play(WRITE)
    assert finished.tool_results[-1].is_error and not managed.has("src/shop/new.py"), finished.tool_results
    assert "step" in managed.refused()


def test_an_agent_that_takes_its_clients_settings_away_meanwhile_is_still_refused(managed: Project) -> None:
    gone = bash(
        "python3 -c \"open('.claude/settings.local.json', 'w').write('{\\\"disableAllHooks\\\": true}')\"; sleep 4"
    )
    finished = managed.play(gone, WRITE)
    assert finished.tool_results[-1].is_error and not managed.has("src/shop/new.py")


def test_forced_hooks_are_called_once_although_the_project_has_them_too(managed: Project) -> None:
    finished = managed.play(WRITE)
    assert finished.tool_results[-1].is_error and managed.refused() == ["step"]
