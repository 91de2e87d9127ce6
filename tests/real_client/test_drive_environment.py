"""A drive tests the code of its own work tree, in the environment of the person's."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from phasegate.entrypoints.demo.script import Step, say
from tests.real_client.conftest import NewProject
from tests.real_client.nights import PLAN, Night
from tests.real_client.project import SHOP, bash
from tests.real_client.which import with_the_real_one

FEATURE = "# Plan\n\n## Phase 1: Discount\n\nKind: feature\n\n- [ ] A discount function\n"
TEST = "from shop import discount\n\n\ndef test_discount():\n    assert discount(100) == 90\n"
CODE = '''"""A shop."""


def price(amount: int) -> int:
    return amount


def discount(amount: int) -> int:
    return amount * 9 // 10
'''


def with_editable_install(root: Path) -> None:
    """An environment of the project's, with the project itself in it as an editable install leaves it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root / ".venv")], check=True)
    (site,) = (root / ".venv/lib").glob("python*/site-packages")
    (site / "tools.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (site / "__editable__.shop.pth").write_text(f"{root / 'src'}\n")


def feature(night: Night) -> tuple[Step, ...]:
    return (
        bash("phasegate done"),
        bash("phasegate done"),
        night.write("tests/test_discount.py", TEST),
        bash("phasegate check tests"),
        bash("phasegate done"),
        night.write(SHOP, CODE),
        bash("phasegate done"),
        bash("phasegate check tests; phasegate done"),
        bash("phasegate evidence link 1.1 && phasegate done"),
        bash("phasegate done"),
        bash("phasegate done"),
        say("Done."),
    )


@pytest.mark.timeout(400)
@with_the_real_one
def test_an_editable_install_of_the_persons_tree_does_not_stand_in_for_the_work_tree(new_project: NewProject) -> None:
    project = new_project({PLAN: FEATURE, "pyproject.toml": "", ".gitignore": "__pycache__/\n.pytest_cache/\n.venv/\n"})
    with_editable_install(project.root)
    night = Night(project)
    driven = night.drive(*feature(night), baseline=True, timeout=300)
    assert driven.code == 0, driven.stderr + driven.stdout
    assert driven.result["closed"] == ["1"] and "discount" not in project.text(SHOP)
    assert os.path.isdir(night.tree / ".venv") and os.path.islink(night.tree / ".venv/lib")
    assert not any(
        ".venv" in path for path in project.git("ls-tree", "-r", "--name-only", driven.result["branch"]).split()
    )
