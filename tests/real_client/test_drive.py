"""`phasegate drive` with the real client: phases close alone, on a branch of their own, one commit each."""

from __future__ import annotations

from pathlib import Path

import pytest

from phasegate.entrypoints.demo.script import say
from phasegate.ledger import driving as d
from tests.real_client.conftest import NewProject
from tests.real_client.nights import PLAN, TWO, Night
from tests.real_client.which import with_the_real_one


@pytest.fixture
def night(new_project: NewProject) -> Night:
    return Night(new_project({PLAN: TWO}))


@with_the_real_one
def test_two_phases_close_alone_on_a_branch_of_their_own_with_one_commit_each(night: Night) -> None:
    project = night.project
    project.write("src/shop/mine.py", "MINE = 1\n")
    before = project.git("rev-parse", "HEAD")
    driven = night.drive(*night.docs_phase(1, "how"), *night.docs_phase(2, "why"), say("Done."))
    assert driven.code == 0, driven.stderr + driven.stdout
    result = driven.result
    assert (result["outcome"], result["closed"], result["deferred"]) == ("complete", ["1", "2"], [])
    assert night.log(result["branch"]) == ["Explain more", "Explain", "Bring in the plan and phasegate's files"]
    assert project.git("rev-parse", "HEAD") == before and project.text("README.md") == "# Shop\n"
    message = project.git("log", "-1", "--format=%B", result["branch"])
    assert "Phase: 2" in message and "Evidence: archive/" in message and "Ledger-Head: " in message
    shown = project.git("show", "--stat", "--format=", "--name-only", result["branch"]).split()
    assert "README.md" in shown and not any("mine.py" in path or "CLAUDE.md" in path for path in shown)
    assert "- [x] README says why" in project.git("show", f"{result['branch']}:{PLAN}")
    (ended,) = night.facts(d.DriveEnded)
    assert (ended.outcome, ended.exit_code) == ("complete", 0)
    assert result["cost_usd"] > 0 and result["tokens"]["input"] > 0
    told = Path(result["report"]).read_text()
    assert "All 2 phases of the plan are closed." in told and "since the drive began" in told
    assert all(commit[:10] in told for commit in result["commits"].values())
