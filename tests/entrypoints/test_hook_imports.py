"""What a hook call imports: it is paid for at every tool call, so a module more is a decision, made here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import msgspec
import pytest

from phasegate.settings import Settings
from phasegate.wiring import Trusted, begin_ledger, settings_digest
from phasegate.workflow.default import DEFAULT
from phasegate.workspace import git

FORBIDDEN = frozenset(
    "argparse ast asyncio click concurrent dataclasses importlib.metadata inspect json logging markdown_it "
    "multiprocessing pathlib rich rich_click select shutil signal socket subprocess tempfile threading tomlkit tomllib "
    "traceback".split()
)
"""Each costs up to a few milliseconds, or is there to bring in what does."""

OF_EVERY_CALL = frozenset(
    """
    agents agents.claude_code agents.interface engine engine.answer engine.desk engine.drivers engine.exceptions
    engine.judge engine.plan_watch engine.redaction engine.wishes entrypoints entrypoints.hook_call
    entrypoints.streams errors evidence evidence.findings evidence.items evidence.levels ledger ledger.chain
    ledger.custody ledger.driving ledger.event ledger.fact ledger.facts ledger.fold ledger.log ledger.rulings
    ledger.schema ledger.state ledger.waivers policy policy.bounds policy.calls policy.edits policy.prompts
    policy.secret_contexts policy.secret_places policy.secret_shapes policy.secret_tokens policy.secrets rules
    rules.paths rules.rule settings store store.blobs store.durable store.ids store.queue store.schema
    store.sqlite telemetry telemetry.log_lines wiring workflow workflow.default workflow.definition
    workflow.plan workspace workspace.files workspace.git workspace.names workspace.place
""".split()
)
"""Modules of ours."""

LIBRARIES = frozenset({"apsw", "msgspec"})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a ledger."""
    base = tmp_path_factory.mktemp("hooks")
    root = base / "project"
    root.mkdir()
    subprocess.run(("git", "init", "-q"), cwd=root, check=True, env=environment(root))
    id_ = str(uuid.uuid4())
    (root / "phasegate.toml").write_text(f'project = "{id_}"\n')
    trusted = Trusted(Settings(project=id_), DEFAULT, settings_digest(str(root)))
    begin_ledger(git.locate(str(root)), id_, trusted, environment(root)).close()
    return root


def environment(root: Path) -> dict[str, str]:
    base = root.parent
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(base),
        "XDG_STATE_HOME": str(base / "state"),
        "CLAUDE_PROJECT_DIR": str(root),
        "AI_AGENT": "claude-code_2-1-330_x",
    }


def imported(root: Path, tool: str, path: str, *, status: int = 0) -> frozenset[str]:
    """Every module that the hook process imports before `tool` is used on `path`."""
    payload = {
        "session_id": "s", "cwd": str(root), "hook_event_name": "PreToolUse", "tool_name": tool, "tool_use_id": "t",
        "tool_input": {"file_path": str(root / path), "new_string": "x"},
    }  # fmt: skip
    argv = (sys.executable, "-I", "-X", "importtime", "-m", "phasegate.entrypoints.hook", "claude")
    given = msgspec.json.encode(payload)
    ran = subprocess.run(argv, input=given, env=environment(root), capture_output=True, check=False)
    assert ran.returncode == status, ran.stderr[-2000:]
    return frozenset(re.findall(r"^import time:.*\| +(\S+)$", ran.stderr.decode(), re.MULTILINE))


CALLS = pytest.mark.parametrize(
    ("tool", "path", "status"), [("Read", "a.py", 0), ("Edit", "a.py", 0), ("Edit", "phasegate.toml", 1)]
)


@CALLS
def test_a_hook_before_a_tool_imports_no_module_of_ours_that_is_not_listed(
    project: Path, tool: str, path: str, status: int
) -> None:
    names = imported(project, tool, path, status=status)
    found = {name.removeprefix("phasegate.") for name in names if name.startswith("phasegate.")}
    assert found >= {"wiring", "store.sqlite"}
    assert not found - OF_EVERY_CALL


@CALLS
def test_a_hook_before_a_tool_imports_nothing_slow(project: Path, tool: str, path: str, status: int) -> None:
    assert not imported(project, tool, path, status=status) & FORBIDDEN


def test_a_hook_imports_two_libraries(project: Path) -> None:
    """And what comes with the interpreter; msgspec asks for `typing_extensions` and is told that there is none."""
    tops = {name.partition(".")[0] for name in imported(project, "Edit", "a.py")}
    others = {name for name in tops - sys.stdlib_module_names if not name.startswith("_")}
    assert others - {"phasegate", "sitecustomize", "usercustomize", "typing_extensions"} == LIBRARIES
