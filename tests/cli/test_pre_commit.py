"""The hooks that this repository offers to pre-commit, run by the real pre-commit."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.committing import KEY, Repository
from tests.cli.people import SCRIPTS

ROOT = Path(__file__).parents[2]
MANIFEST = ".pre-commit-hooks.yaml"
FULL = os.environ.get("PHASEGATE_TIER") == "release"


def pre_commit(repository: Repository, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [f"{SCRIPTS}/pre-commit", *words], cwd=repository.root, env=repository.env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def using(repository: Repository, offer: Path, language: str) -> None:
    """Let the repository use both hooks of the repository at `offer`."""
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=offer, capture_output=True, text=True, check=True
    ).stdout.strip()
    rows = "".join(f"      - id: {id_}\n{language}" for id_ in ("phasegate-secrets", "phasegate-secrets-in-files"))
    repository.write(".pre-commit-config.yaml", f"repos:\n  - repo: {offer}\n    rev: {revision}\n    hooks:\n{rows}")
    repository.commit()
    done = pre_commit(repository, "install", "--install-hooks")
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_hooks_refuse_a_secret_and_let_the_rest_pass(tmp_path: Path) -> None:
    """With the phasegate of this environment; what an own environment costs, the release tier pays."""
    offer = tmp_path / "offer"
    offer.mkdir()
    shutil.copy(ROOT / MANIFEST, offer)
    repository = Repository(tmp_path)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], cwd=offer, env=repository.env, check=True)
    assert pre_commit(repository, "validate-manifest", str(offer / MANIFEST)).returncode == 0
    using(repository, offer, "        language: system\n")
    assert repository.refuses() and repository.commits_clean()
    repository.write("kept.py", f"K = '{KEY}'\n")
    repository.commit()
    done = pre_commit(repository, "run", "--all-files", "phasegate-secrets-in-files")
    assert done.returncode == 1 and "kept.py:1:6" in done.stdout and KEY not in done.stdout


@pytest.mark.skipif(not FULL, reason="PHASEGATE_TIER=release runs it")
def test_an_environment_that_pre_commit_makes_of_a_clone_works(tmp_path: Path) -> None:
    offer = tmp_path / "offer"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(offer)], check=True)
    repository = Repository(tmp_path)
    using(repository, offer, "")
    repository.env["PATH"] = "/usr/bin:/bin"
    assert repository.refuses() and repository.commits_clean()
