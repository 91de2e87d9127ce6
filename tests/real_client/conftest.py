"""The clients of these tests: the real Claude Code, and the stand-in that calls the same hooks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from phasegate.entrypoints.demo.client import Client, Place
from phasegate.entrypoints.demo.real_client import ClientNotFound, Found, RealClient, find_client
from phasegate.entrypoints.demo.scripted_client import ScriptedClient
from tests.real_client.project import Project

NewProject = Callable[..., Project]


@pytest.fixture
def which() -> str:
    """The client of a test that does not say: the stand-in."""
    return "scripted"


@pytest.fixture(scope="session")
def found() -> Found:
    try:
        return find_client()
    except ClientNotFound as problem:
        pytest.skip(f"NOT TESTED WITH THE REAL CLIENT: {problem}")


@pytest.fixture
def new_project(
    which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> NewProject:
    """Lays out a project whose client is the one the test runs with."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"])))
    real = request.getfixturevalue("found") if which == "real" else None

    def client_in(place: Place, options: tuple[str, ...]) -> Client:
        return RealClient(place, real, options=options) if real else ScriptedClient(place)

    def new(files: Mapping[str, str] | None = None, *, bare: bool = False) -> Project:
        return Project(tmp_path, client_in, files, bare=bare)

    return new


@pytest.fixture
def project(new_project: NewProject) -> Project:
    """The default project with a run at its first step, where nothing may be edited."""
    project = new_project()
    project.begin()
    return project
