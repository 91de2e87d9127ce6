"""`evidence check`: a manifest is believed only when the ledger says the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from phasegate.ledger.facts import FileKept, PhaseClosed
from tests.cli.terminal import Project

OPEN = "investigations/project/1/evidence.json"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A run with one recorded observation, rendered."""
    made = Project(tmp_path)
    made.ok("start", "--no-baseline")
    made.ok("record", "--", "true")
    made.ok("note", "add", "discovery", "something")  # renders the views
    return made


def says(project: Project) -> dict[str, str]:
    return {found["path"]: found["says"] for found in project.json("evidence", "check")["manifests"]}


def test_what_is_recorded_and_rendered_is_found_so(project: Project) -> None:
    assert says(project) == {OPEN: "recorded"}
    assert project.person("evidence", "check").returncode == 0


def test_a_manifest_written_by_hand_is_a_claim(project: Project) -> None:
    claim = "investigations/project/2/evidence.json"
    project.write(claim, project.read(OPEN).replace('"1"', '"2"'))
    done = project.person("evidence", "check")
    assert done.returncode == 1 and f"{claim}: claimed" in done.stdout
    assert says(project) == {OPEN: "recorded", claim: "claimed"}


def test_a_changed_one_is_a_claim_a_broken_one_unreadable_a_removed_one_missing(project: Project) -> None:
    project.write(OPEN, project.read(OPEN).replace('"exit_code": 0', '"exit_code": 1'))
    assert says(project) == {OPEN: "claimed"}
    project.write(OPEN, "{")
    assert says(project) == {OPEN: "unreadable"}
    (project.root / OPEN).unlink()
    assert says(project) == {OPEN: "missing"}


def test_one_that_the_ledger_has_outgrown_is_stale(project: Project) -> None:
    project.ok("record", "--", "echo")  # recorded; the views follow at the next step
    assert says(project) == {OPEN: "stale"}


def test_an_archived_manifest_is_held_to_the_digest_recorded_at_its_closure(project: Project) -> None:
    path = "archive/investigations/project/2026-01-02_2/evidence.json"
    content = project.read(OPEN)
    project.write(path, content)
    assert says(project)[path] == "claimed"
    kept = FileKept(path, hashlib.sha256(content.encode()).hexdigest())
    run = project.state().run_in(str(project.root))
    assert run is not None
    project.recorded([PhaseClosed("2", run.id, "s", path.rpartition("/")[0], (kept,), (), path)])
    assert says(project)[path] == "recorded"
    project.write(path, content + " ")
    assert says(project)[path] == "claimed"


def test_what_lies_in_an_archive_is_as_it_was_when_its_phase_closed(project: Project) -> None:
    folder = "archive/investigations/project/2026-01-02_2"
    content = project.read(OPEN)
    files = {f"{folder}/evidence.json": content, f"{folder}/reason.md": "All passed.\n"}
    for path, text in files.items():
        project.write(path, text)
    kept = tuple(FileKept(path, hashlib.sha256(text.encode()).hexdigest()) for path, text in files.items())
    run = project.state().run_in(str(project.root))
    assert run is not None
    project.recorded([PhaseClosed("2", run.id, "s", folder, kept, (), f"{folder}/evidence.json")])
    assert project.person("evidence", "check").returncode == 0
    project.write(f"{folder}/reason.md", "All passed, and more.\n")
    assert says(project)[f"{folder}/reason.md"] == "claimed"
    (project.root / folder / "reason.md").unlink()
    assert says(project)[f"{folder}/reason.md"] == "missing"


def test_a_link_out_of_the_repository_is_not_followed(project: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(project.read(OPEN))
    (project.root / OPEN).unlink()
    (project.root / OPEN).symlink_to(tmp_path / "elsewhere")
    assert says(project) == {OPEN: "unreadable"}
