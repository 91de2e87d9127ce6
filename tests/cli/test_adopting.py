"""A repository that has never seen phasegate: two old red tests, one that is flaky, a broken link, a key in a file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.people import as_person

KEY = "AKIA" + "QZ7TNXW4K2LMVBRS"

FILES = {
    "src/shop.py": "def price(x):\n    return x * 2\n\n\ndef other(x):\n    if x:\n        return 1\n    return 2\n",
    "tests/conftest.py": "",
    "tests/test_shop.py": """
import os, shop
def test_price(): assert shop.price(2) == 4
def test_old_one(): assert shop.price(2) == 5
def test_old_two(): assert shop.other(1) == 2
def test_flaky():
    first = not os.path.exists("FOLDER/seen")
    open("FOLDER/seen", "w").close()
    assert not first
""",
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
    "README.md": "[gone](docs/gone.md) [there](src/shop.py)\n",
    "deploy.sh": f"export AWS_ACCESS_KEY_ID={KEY}\n",
    ".husky/pre-commit": "npm test\n",
}


class Repository:
    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.root, self.folder = folder / "old", folder
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text.replace("FOLDER", str(folder)))
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "as it was")
        self.env = {"XDG_STATE_HOME": str(folder / "state")}

    def git(self, *words: str) -> None:
        run = ["git", "-C", str(self.root), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
        subprocess.run(run, check=True, capture_output=True)

    def person(self, *words: str) -> subprocess.CompletedProcess[str]:
        return as_person(["phasegate", *words], self.root, self.env)

    def init(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.person("init", "--allow-ephemeral", *words)

    def verdicts(self) -> dict[str, str]:
        told: dict[str, Any] = json.loads(self.person("check", "--json").stdout)
        return {verdict["gate"]: verdict["says"] for verdict in told["verdicts"]}


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, subprocess.CompletedProcess[str]]:
    repository = Repository(tmp_path_factory.mktemp("adopted"), FILES)
    return repository, repository.init("--yes")


def test_the_baseline_names_what_is_red_flaky_leaked_and_broken(
    adopted: tuple[Repository, subprocess.CompletedProcess[str]],
) -> None:
    _, done = adopted
    assert done.returncode == 0, done.stderr
    assert "4 tests, 2 red" in done.stdout and "1 flaky (tests/test_shop.py::test_flaky)" in done.stdout
    assert "1 possible secret and 1 broken link" in done.stdout
    assert "git hooks are managed by husky" in done.stderr and "pytest" in done.stderr
    assert KEY not in done.stdout + done.stderr


def test_what_was_so_before_may_stay_and_nothing_may_become_worse(
    adopted: tuple[Repository, subprocess.CompletedProcess[str]],
) -> None:
    repository, _ = adopted
    assert repository.person("check").returncode == 0
    assert set(repository.verdicts().values()) == {"pass"}
    tests = repository.root / "tests/test_shop.py"
    tests.write_text(tests.read_text() + "def test_new(): assert False\n")
    (repository.root / "README.md").write_text(FILES["README.md"] + "[more](nowhere.md)\n")
    (repository.root / "more.sh").write_text(f"KEY={KEY[:-1]}A\n")
    (repository.root / "src/shop.py").write_text(
        FILES["src/shop.py"] + "\n\ndef untested():\n    x = 1\n    return x\n"
    )
    worse = repository.person("check")
    assert worse.returncode == 1
    assert [name for name, says in repository.verdicts().items() if says != "fail"] == ["ratchets"]
    for said in ("tests/test_shop.py::test_new", "nowhere.md leads nowhere", "more.sh:1", "when phasegate came"):
        assert said in worse.stdout
    assert "test_old_one" not in worse.stdout and "gone.md" not in worse.stdout


def test_without_a_terminal_and_without_yes_nothing_of_the_repository_is_run(tmp_path: Path) -> None:
    repository = Repository(tmp_path, FILES | {"tests/conftest.py": "raise SystemExit('ran')\n"})
    repository.git("config", "core.fsmonitor", f"touch {tmp_path / 'seen'}; false")
    done = repository.init()
    assert done.returncode == 0 and "Baseline" not in done.stdout
    assert not (tmp_path / "seen").exists()


def test_a_suite_of_another_runner_is_written_into_the_settings(tmp_path: Path) -> None:
    web = json.dumps({"scripts": {"test": "vitest run"}})
    repository = Repository(tmp_path, FILES | {"web/package.json": web, "web/a.test.ts": ""})
    done = repository.init()
    settings = (repository.root / "phasegate.toml").read_text()
    assert '[suites.python]\nrunner = "pytest"' in settings
    assert '[suites.web]\nrunner = "vitest"\ndirectory = "web"' in settings
    assert done.returncode == 0 and "npm install" in done.stdout


def test_what_was_taken_out_is_looked_at_anew(tmp_path: Path) -> None:
    repository = Repository(
        tmp_path, {"package.json": json.dumps({"scripts": {"test": "node --test"}}), "a.test.js": ""}
    )
    for _ in range(2):
        assert repository.init().returncode == 0
        assert 'runner = "node"' in (repository.root / "phasegate.toml").read_text()
        assert repository.person("uninstall").returncode == 0


def test_at_a_terminal_it_asks_three_questions_at_most_and_each_has_a_default(tmp_path: Path) -> None:
    web = json.dumps({"scripts": {"test": "vitest run"}})
    repository = Repository(tmp_path, FILES | {"web/package.json": web, "web/a.test.ts": ""})
    answering = (
        "import os, pty, sys\npid, terminal = pty.fork()\nif not pid:\n    os.execvp(sys.argv[1], sys.argv[1:])\n"
        "asked = b''\nquestions = 0\n"
        "while True:\n    try:\n        piece = os.read(terminal, 65536)\n    except OSError:\n        break\n"
        "    if not piece:\n        break\n    os.write(1, piece)\n    asked += piece\n"
        "    while asked.count(b']: ') > questions:\n        questions += 1\n"
        "        os.write(terminal, (b'1', b'', b'n')[questions - 1] + b'\\n')\n"
        "sys.exit(100 + questions)\n"
    )
    program = os.path.join(os.path.dirname(sys.executable), "phasegate")
    done = as_person(
        [sys.executable, "-c", answering, program, "init", "--allow-ephemeral"], repository.root, repository.env
    )
    assert done.returncode == 103, done.stdout
    settings = (repository.root / "phasegate.toml").read_text()
    assert "vitest" not in settings and "[suites" not in settings
    assert "Baseline" not in done.stdout


def test_where_no_tests_are_that_is_said_and_nothing_about_red_or_flaky_ones(tmp_path: Path) -> None:
    repository = Repository(tmp_path, {"setup.py": "", "shop.py": "x = 1\n"})
    said = repository.init("--yes").stdout
    assert "no test was found" in said and "none red" not in said


def test_tests_that_cannot_be_run_leave_the_other_questions_answered(tmp_path: Path) -> None:
    package = {"scripts": {"test": "npm run unit", "unit": "tape a.js"}}
    repository = Repository(tmp_path, {"package.json": json.dumps(package), "test/a.js": "1\n"})
    assert "no runner for tape" in repository.init("--yes").stderr
    verdicts = repository.verdicts()
    assert verdicts["tests"] == "unknown" and verdicts["secrets"] == verdicts["references"] == "pass"
    said = repository.person("check").stdout
    assert "no runner for tape" in said and "pip install pytest" not in said


def test_tests_that_none_of_our_runners_runs_are_named_by_check_too(tmp_path: Path) -> None:
    repository = Repository(tmp_path, {"stack_test.go": "package errors\n", "README.md": "Errors.\n"})
    told = repository.init("--yes").stdout
    for said in (told, repository.person("check").stdout):
        assert "cannot run the test stack_test.go: there is no go.mod" in said and "go mod init" in said
        assert "pip install pytest" not in said


def test_where_every_test_is_red_the_first_reason_is_told_and_the_check_shows_nothing(tmp_path: Path) -> None:
    broken = "import shop_is_gone\ndef test_a(): pass\n"
    repository = Repository(tmp_path, {"tests/test_shop.py": broken, "pytest.ini": "[pytest]\n"})
    said = repository.init("--yes").stdout
    assert "none passes" in said and "shop_is_gone" in said
    assert repository.verdicts()["tests"] == "unknown"


def test_a_test_tool_that_is_not_installed_is_named_and_the_other_questions_are_answered(tmp_path: Path) -> None:
    files = {"Gemfile": 'gem "rspec_junit_formatter"\n', "lib/shop.rb": "X = 1\n", "spec/shop_spec.rb": "1\n"}
    repository = Repository(tmp_path, files)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(str(shutil.which("git")))
    repository.env["PATH"] = str(tmp_path / "bin")
    assert "there is no bundle" in repository.init("--yes").stdout
    assert "there is no bundle" in repository.person("check").stdout
    assert repository.verdicts()["secrets"] == "pass"
