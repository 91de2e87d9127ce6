"""A fix in somebody else's repository, as the package registry supplies it with its tests: red first, then closed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from phasegate.entrypoints.demo.script import Step, call, say
from phasegate.ledger import facts as f
from tests.real_client.conftest import NewProject
from tests.real_client.project import HAND_OVER, PLAN, Project, bash
from tests.real_client.test_whole_workflow import command, story
from tests.real_client.which import with_the_real_one_first

NAME, VERSION = "inflection", "0.5.1"
SECONDS = 240

pytestmark = pytest.mark.timeout(SECONDS + 240)

TEST = '\n\ndef test_geese():\n    assert inflection.pluralize("goose") == "geese"\n'

FIX: tuple[Step, ...] = (
    say("The phase is about plurals."),
    say("`pluralize` knows its irregular words by a list."),
    call("Edit", file_path="{{P}}/inflection/__init__.py", old_string="_irregular('person', 'people')",
         new_string="_irregular('goose', 'geese')"),
    bash(f"cat >> test_inflection.py <<'END'\n{TEST}END"),
    bash("phasegate check tests; phasegate done"),
    bash("sed -i \"s/^_irregular('person', 'people')/&\\n_irregular('goose', 'geese')/\" inflection/__init__.py"),
    bash("phasegate done; phasegate check tests && phasegate done"),
    bash("phasegate evidence link 1.1 && phasegate done"),
    bash("phasegate done"),
    bash("phasegate done"),
)  # fmt: skip


@pytest.fixture(scope="session")
def sdist() -> Path:
    """The source distribution, downloaded once by the registry's ordinary client and kept in the user's cache."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "phasegate-tests"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "download.lock"):
        found = folder / f"{NAME}-{VERSION}.tar.gz"
        if not found.exists():
            download(folder)
    return found


def download(folder: Path) -> None:
    pip = [shutil.which("pip") or "uvx", *([] if shutil.which("pip") else ["pip"])]
    wanted = ["--no-deps", "--no-binary", ":all:", "--dest", str(folder), f"{NAME}=={VERSION}"]
    try:
        subprocess.run([*pip, "download", "--quiet", *wanted], check=True, capture_output=True, timeout=SECONDS)
    except (OSError, subprocess.SubprocessError) as problem:
        said = getattr(problem, "stderr", b"") or b""
        pytest.skip(f"NOT TESTED ON A REAL REPOSITORY: {problem} {said.decode(errors='replace')[-300:]}")


def files_of(sdist: Path) -> Iterator[tuple[str, str]]:
    """Every text file of the archive, by its path in the repository."""
    with tarfile.open(sdist) as archive:
        for member in archive.getmembers():
            path = member.name.partition("/")[2]
            content = archive.extractfile(member) if member.isfile() and ".egg-info" not in path else None
            if content is not None and path.endswith((".py", ".rst", ".cfg", ".in", "LICENSE", "Makefile")):
                yield path, content.read().decode()


@with_the_real_one_first
def test_a_fix_in_it_is_closed_on_a_red_test_first(new_project: NewProject, sdist: Path) -> None:
    plan = "# Plan\n\n## Phase 1: The plural of goose is geese\n\nKind: fix\n\n- [ ] `pluralize` knows geese\n"
    project = new_project({**dict(files_of(sdist)), PLAN: plan}, bare=True)
    project.begin(baseline=True)
    finished = project.play(*FIX, prompt=HAND_OVER)
    (closed,) = project.facts(f.PhaseClosed) or [pytest.fail(story(finished))]
    assert {gate.gate: gate.says for gate in closed.gates}["red_first"] == "pass"
    assert [fact.outcome for fact in project.facts(f.RunEnded)] == ["complete"]
    assert "- [x] `pluralize` knows geese" in project.text(PLAN) and project.refused() == ["step"]
    its_own_tests_pass(project)
    assert command(project, "log", "verify").returncode == 0


def its_own_tests_pass(project: Project) -> None:
    run = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=project.root, capture_output=True, text=True)
    assert run.returncode == 0 and " passed" in run.stdout
