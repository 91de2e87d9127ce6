"""`diagram` draws the definition in force, the default where there is none, or the one in a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from phasegate.workflow.default import DEFAULT
from phasegate.workflow.mermaid import mermaid
from phasegate.workflow.toml import write_workflow
from tests.cli.recorded import Recorded


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Recorded:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Recorded(tmp_path, capsys, replace(DEFAULT, start="explore"))


def test_the_definition_in_force_is_drawn(recorded: Recorded) -> None:
    assert recorded.ok("diagram", "workflow") == mermaid(replace(DEFAULT, start="explore"))


def test_outside_a_project_the_default_is_drawn(recorded: Recorded, tmp_path: Path) -> None:
    recorded.root = tmp_path
    assert recorded.ok("diagram", "workflow", "--format", "mermaid") == mermaid(DEFAULT)


def test_a_file_is_drawn_instead(recorded: Recorded) -> None:
    own = replace(DEFAULT, name="own", loop_limit=3)
    (recorded.root / "own.toml").write_text(write_workflow(own))
    assert recorded.ok("diagram", "workflow", "--definition", "own.toml") == mermaid(own)


def test_a_run_marks_the_step_it_is_in(recorded: Recorded) -> None:
    recorded.run("write_tests")
    out = recorded.ok("diagram", "run")
    node = re.search(r"(s\d+)\[\"write_tests\"\]", out)
    assert node is not None and f"class {node[1]} current" in out


def test_without_a_run_there_is_nothing_to_mark(recorded: Recorded) -> None:
    code, out, err = recorded.call("diagram", "run")
    assert (code, out) == (2, "") and "phasegate start" in err


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "definition-unreadable"), (b"\xff\xfe", "definition-unreadable"), (b"name = 3", "definition-invalid")],
)
def test_a_definition_that_cannot_be_drawn_is_named(recorded: Recorded, content: bytes | None, code: str) -> None:
    if content is not None:
        (recorded.root / "own.toml").write_bytes(content)
    exit_code, out, err = recorded.call("diagram", "workflow", "--definition", "own.toml")
    assert (exit_code, out) == (2, "") and f"({code})" in err and "own.toml" in err


def test_a_run_goes_by_the_definition_it_began_with(recorded: Recorded) -> None:
    assert recorded.call("diagram", "run", "--definition", "own.toml")[0] == 2
