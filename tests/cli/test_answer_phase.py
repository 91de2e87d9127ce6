"""`answer phase`: people approve the tree as it is, by signature or at a terminal, and rules count who they are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from phasegate.ledger.rulings import ApprovalGiven
from tests.cli.terminal import PROJECT, Project

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="APPROVALS OF A PHASE WERE NOT TESTED: there is no ssh-keygen"
)
SETTINGS = f'''project = "{PROJECT}"
[approvals]
allowed_signers = "signers"

[[rules]]
id = "another"
at = ["load_phase_plans"]
approvals = {{ count = 1 }}
'''


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A run begun by ann, at a step that another person's signature opens; ann and ben may sign."""
    made = Project(tmp_path, settings=SETTINGS)
    rows = []
    for name in ("ann", "ben"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
        rows.append(f"{name}@example.org {(tmp_path / name).with_suffix('.pub').read_text()}")
    made.write("signers", "".join(rows))
    made.git("config", "user.email", "ann@example.org")
    made.commit()
    made.ok("policy", "trust")
    made.ok("start", "--no-baseline")
    return made


def signed(project: Project, name: str, words: str) -> str:
    folder = project.root.parent
    text = folder / "text"
    text.write_text(project.ok("answer", "phase", words, "--text"))
    (folder / "text.sig").unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "phasegate", "-f", str(folder / name), str(text)]
    subprocess.run(command, check=True, capture_output=True)
    return str(folder / "text.sig")


def test_only_another_persons_signature_of_this_very_tree_counts(project: Project) -> None:
    said = project.person("done")
    assert said.returncode == 1 and "rule:another" in said.stdout and "0 approved" in said.stdout
    project.ok("answer", "phase", "Mine.", "--signature", signed(project, "ann", "Mine."))
    assert "0 approved" in project.person("done").stdout, "ann began the run"
    before = signed(project, "ben", "Read.")
    project.write("src/other.py", "x = 1\n")
    moved = project.person("answer", "phase", "Read.", "--signature", before)
    assert moved.returncode == 2 and "of another text" in moved.stderr
    (project.root / "src/other.py").unlink()
    given = project.json("answer", "phase", "Read.", "--signature", before)
    assert (given["by"], given["approval"]) == ("ben@example.org", "strong")
    assert "approved by ben@example.org" in project.ok("why", "rule:another")
    assert "explore" in project.ok("done")


def test_an_approval_at_a_terminal_is_weak_and_no_agent_gives_one(project: Project) -> None:
    refused = project.agent("answer", "phase", "Fine.")
    assert refused.returncode == 2 and "for-people" in refused.stderr
    assert project.typed("answer", "phase", "Fine.").returncode == 0
    (approval,) = project.state().phases["1"].approvals
    assert approval.approval == "weak" and "0 approved" in project.person("done").stdout
    assert ApprovalGiven.__name__ in project.facts()
