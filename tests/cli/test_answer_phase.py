"""`answer phase`: people approve the tree as it is, by signature or at a terminal, and rules count who they are."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from phasegate.ledger.rulings import ApprovalGiven
from tests.cli.terminal import PLAN, PROJECT, Project

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


TWO_OF_THREE = f'''project = "{PROJECT}"
[approvals]
allowed_signers = "signers"

[approvals.people]
"@acme/docs" = ["cyn@example.org"]

[[rules]]
id = "two-people"
at = ["@close"]
approvals = {{ count = 2, of = ["ann@example.org", "ben@example.org", "cyn@example.org", "dan@example.org"], codeowners = true }}
'''  # noqa: E501
DOCS = "# Plan\n\n## Phase 1: Telling [docs]\n\n- [ ] 1.1 Say how\n"


def begun(folder: Path, settings: str, signers: Sequence[str], plan: str = PLAN) -> Project:
    """A run begun by ann, where `signers` may sign."""
    made = Project(folder, plan=plan, settings=settings)
    for name in (*signers, "eve"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    rows = [f"{name}@example.org {(folder / name).with_suffix('.pub').read_text()}" for name in signers]
    made.write("signers", "".join(rows))
    made.write("README.md", "# Project\n")
    made.write("CODEOWNERS", "*.md @acme/docs\n")
    made.git("config", "user.email", "ann@example.org")
    made.commit()
    made.ok("policy", "trust")
    made.ok("start", "--no-baseline")
    return made


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A run at a step that another person's signature opens; ann and ben may sign."""
    return begun(tmp_path, SETTINGS, ("ann", "ben"))


@pytest.fixture
def before_closing(tmp_path: Path) -> Project:
    """A docs phase of which nothing but approvals is missing: two of four people, one of them an owner."""
    made = begun(tmp_path, TWO_OF_THREE, ("ann", "ben", "cyn", "dan"), DOCS)
    made.agent("done")
    made.agent("done")
    made.write("README.md", "# Project\n\nHow.\n")
    made.agent("done")
    for command in (["record", "--", "grep", "-q", "How", "README.md"], ["evidence", "link", "1.1"], ["done"]):
        made.agent(*command)
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


def approves(project: Project, name: str) -> subprocess.CompletedProcess[str]:
    return project.person("answer", "phase", "Read.", "--signature", signed(project, name, "Read."))


def closed(project: Project) -> bool:
    """Whether the phase closes now; what it waits for is people, which costs it no loop."""
    print(project.agent("done"))
    run = project.state().run_in(str(project.root))
    return "PhaseClosed" in project.facts() or (run is None or run.step != "close_phase")


def test_a_phase_closes_when_enough_of_the_right_people_have_signed_its_tree_and_not_before(
    before_closing: Project,
) -> None:
    project = before_closing
    said = project.agent("done").stdout
    assert "rule:two-people" in said and "0 approved" in said
    assert approves(project, "eve").returncode != 0, "nobody allowed her to sign"
    approves(project, "ann")
    approves(project, "ben")
    assert not closed(project), "ann drives, and one is not two"
    approves(project, "dan")
    assert not closed(project) and "@acme/docs" in project.ok("why", "rule:two-people"), "no owner has signed"
    assert approves(project, "cyn").returncode == 0
    assert closed(project)
