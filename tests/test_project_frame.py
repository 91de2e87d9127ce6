"""What CONTRIBUTING.md and ARCHITECTURE.md promise about the files of this repository is true of every one of them."""

from __future__ import annotations

import ast
import os
import pwd
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import pytest

from phasegate.errors import Exit

ROOT = Path(__file__).parents[1]
LOOKED_UP_IN = dict.fromkeys(("docs/reference/cli.md", "docs/reference/errors.md", "docs/reference/facts.md"), 2000)
LONGEST = {"README.md": 150, "ARCHITECTURE.md": 200, **LOOKED_UP_IN}
"""Other than 600. The lists of commands, failures and events are generated, and looked up in."""
WRITTEN = (".md", ".py", ".sh", ".toml", ".yaml", ".yml", "justfile", "run")
MADE_BY_USERS = ("docs/development_roadmap/phases.md",)
FORBIDDEN_ROOMS = ("utils", "common", "helpers", "core", "manager")
OWN_PLACES = r"root|work|workspace|builds|(?:home|Users)/(?!(?:dev|user|me|you)\b)\w+"
TRACES = {
    "a path of somebody's machine": rf"(?<![\w./-])/(?:{OWN_PLACES})/",
    "a package registry": r"\bpypi\.org\b|pythonhosted\.org|registry\.npmjs|proxy\.golang|(?:extra-)?index-url\s*=",
}


@cache
def project_files() -> tuple[str, ...]:
    """Every file that is tracked or about to be."""
    if not (ROOT / ".git").exists():
        pytest.skip("THE FRAME IS CHECKED IN A CLONE ONLY: git knows which files belong to the project")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")
    return tuple(sorted(name for name in set(names) if name and (ROOT / name).is_file()))


def written() -> list[str]:
    """Files that people write and read, without the samples that tests feed to the code."""
    return [name for name in project_files() if name.endswith(WRITTEN) and not re.match(r"tests/\w+/plans/", name)]


def python() -> list[str]:
    return [name for name in written() if name.endswith(".py")]


def constraints() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = [pin.split(";")[0].strip().split("==") for pin in project["tool"]["uv"]["constraint-dependencies"]]
    return dict(pins)


def test_no_file_is_too_long_to_read() -> None:
    lengths = {name: len((ROOT / name).read_bytes().splitlines()) for name in written()}
    assert {name: length for name, length in lengths.items() if length > LONGEST.get(name, 600)} == {}


def test_no_two_files_of_tests_have_one_name() -> None:
    """pytest would collect the first and stop at the second, in a run of all of them alone."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_file_opens_with_a_sentence_for_a_newcomer() -> None:
    opening = {
        name: (ast.get_docstring(ast.parse((ROOT / name).read_bytes(), name)) or "").split("\n\n")[0]
        for name in python()
    }
    assert [name for name, sentence in opening.items() if not sentence.rstrip().endswith((".", "`", "?", ":"))] == []


def test_no_room_has_a_name_that_says_nothing() -> None:
    names = {part.removesuffix(".py") for name in python() if name.startswith("src/") for part in Path(name).parts}
    assert names.isdisjoint(FORBIDDEN_ROOMS)


@pytest.mark.parametrize("what", TRACES)
def test_no_file_tells_where_it_was_made(what: str) -> None:
    """Neither the machine that somebody worked on nor the registry they used is part of the project."""
    found = []
    for name in project_files():
        text = (ROOT / name).read_bytes().decode("utf-8", "replace")
        found += [f"{name}: {match[0]}" for match in re.finditer(TRACES[what], text)]
    assert found == []


def test_whatever_is_installed_is_pinned() -> None:
    """`uv.lock` is not committed; the constraints alone say which versions everybody gets."""
    pinned = constraints()
    installed = {re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(): each.version for each in distributions()}
    installed.pop("phasegate", None)
    assert {name: version for name, version in installed.items() if pinned.get(name) != version} == {}


def copy_of_the_source(folder: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", ".mypy_cache")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def in_copy(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


PLANTED = {
    "a gate that asks the clock": ("gates/tests_ran.py", "import time"),
    "a policy that reads files": ("policy/edits.py", "from pathlib import Path"),
    "a ledger that knows its store": ("ledger/chain.py", "from phasegate.store.sqlite import SqliteLog"),
    "a collector that knows a sibling": ("collectors/process.py", "from phasegate.store.ids import new_id"),
    "a room without a place": ("attic/__init__.py", ""),
}


@pytest.mark.parametrize(("place", "line"), PLANTED.values(), ids=PLANTED)
def test_the_contracts_of_the_rooms_catch(place: str, line: str, tmp_path: Path) -> None:
    folder = copy_of_the_source(tmp_path)
    path = folder / "src/phasegate" / place
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")
    linted = in_copy(folder, "lint-imports", "--no-logo", "--no-cache")
    assert linted.returncode == 1, linted.stdout + linted.stderr
    assert "BROKEN" in linted.stdout or "attic" in linted.stdout


def test_a_begun_gate_is_asked_by_its_name_and_passes_its_test(tmp_path: Path) -> None:
    folder = copy_of_the_source(tmp_path)
    shutil.copytree(ROOT / "tools", folder / "tools")
    made = in_copy(folder, sys.executable, "tools/new_gate.py", "nobody_knows")
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1] == "tests/gates/test_nobody_knows.py"
    alone = ("-p", "no:cacheprovider", "-p", "pytest_timeout")
    tested = in_copy(folder, sys.executable, "-m", "pytest", "-q", *alone, "tests/gates")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    again = in_copy(folder, sys.executable, "tools/new_gate.py", "nobody_knows")
    assert again.returncode == 1 and "there already" in again.stderr


def test_tests_run_in_the_home_of_nobody(nobodys_home: Path) -> None:
    assert Path.home() == nobodys_home != Path(pwd.getpwuid(os.getuid()).pw_dir)
    assert os.environ["XDG_STATE_HOME"].startswith(str(nobodys_home))
    assert [name for name in os.environ if name.startswith(("GIT_DIR", "CLAUDE", "ANTHROPIC_"))] == []


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_a_missing_real_client_is_said_aloud_and_fails_in_ci(ci: str, code: int, tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    missing = "import pytest\n@pytest.mark.real_client\ndef test_it(): pytest.skip('there is no binary')\n"
    (tmp_path / "test_missing.py").write_text(missing)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = real_client\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert ("CI must have the real client" if ci else "THE REAL CLIENT WAS NOT TESTED") in ran.stdout


def documents() -> list[str]:
    return [name for name in written() if name.endswith(".md") and not name.startswith("tests/")]


def test_documents_name_only_tests_and_files_that_exist() -> None:
    """An invariant that names the test which holds it is worth what that test is worth."""
    files = set(project_files())
    tests = {found for name in python() for found in re.findall(r"def (test_\w+)", (ROOT / name).read_text())}
    broken = []
    for name in documents():
        for named in re.findall(r"`([^`\s]+)`", (ROOT / name).read_text()):
            is_test = re.fullmatch(r"test_\w+", named) and named not in tests
            is_path = re.fullmatch(r"(src|tests|tools|docs)/[\w./-]+\.(py|md)", named) and named not in files
            if (is_test or is_path) and named not in MADE_BY_USERS:
                broken.append(f"{name}: {named}")
    assert broken == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for name in documents():
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", (ROOT / name).read_text()):
            if "://" not in target and not (ROOT / name).parent.joinpath(target).exists():
                broken.append(f"{name}: {target}")
    assert broken == []


def test_examples_of_style_are_taken_from_the_code() -> None:
    page = (ROOT / "docs/style.md").read_text()
    examples = re.findall(r"^`([^`]+)`:\n\n((?:    .*\n|\n)+)", page, re.MULTILINE)
    assert len(examples) == 10
    for path, lines in examples:
        text = (ROOT / path).read_text()
        assert [line for line in lines.splitlines() if line.strip() not in text] == [], path


def test_exit_codes_are_as_documented() -> None:
    page = (ROOT / "docs/reference/exit-codes.md").read_text()
    assert re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE) == [(str(code.value), code.name) for code in Exit]
