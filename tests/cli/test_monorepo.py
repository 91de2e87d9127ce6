"""Two projects and a shared folder in one work tree: each has its own plan, suites, ledger and baseline."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from phasegate.engine.answer import answer
from phasegate.ledger.event import Actor
from phasegate.policy import calls as c
from phasegate.wiring import RealDesk, open_project
from tests.cli.people import as_person

HERE = "import sys; sys.path.insert(0, '.')\n"
FILES = {
    "api/api.py": "def price(x):\n    return x * 2\n",
    "api/tests/test_api.py": HERE + "import api\n\ndef test_price(): assert api.price(2) == 4\n",
    "web/web.py": "def shown(x):\n    return str(x)\n",
    "web/tests/test_web.py": HERE
    + "import web\n\ndef test_shown(): assert web.shown(2) == '2'\ndef test_old(): assert web.shown(2) == '3'\n",
    "README.md": "# Both\n",
}


pytestmark = pytest.mark.timeout(400)


class Monorepo:
    def __init__(self, folder: Path) -> None:
        self.root, self.env = folder / "both", {"XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder)}
        for path, text in FILES.items():
            self.write(path, text)
        self.git("init", "-q", "-b", "main")
        self.commit()
        for project in ("web", "api"):
            done = self.person(project, "init", "--here", "--allow-ephemeral", "--baseline")
            assert done.returncode == 0, done.stderr
        # The settings of each know of the other only once both are there.
        assert self.person("web", "policy", "trust").returncode == 0
        self.commit()

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def git(self, *words: str) -> str:
        run = ["git", "-C", str(self.root), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "state")

    def person(self, project: str, *words: str) -> subprocess.CompletedProcess[str]:
        return as_person(["phasegate", *words], self.root / project, self.env)

    def json(self, project: str, *words: str) -> Any:
        return json.loads(self.person(project, *words, "--json").stdout)

    def drive(self, project: str, session: str) -> None:
        """A client opens a session in `project`; this process is the client."""
        opened = open_project(str(self.root / project), self.env)
        try:
            caller = c.Caller("claude", session, str(self.root / project), "2.1.330", os.getpid(), "", "")
            answer(c.SessionOpened(caller, "startup"), RealDesk(opened, Actor("agent", "claude", session)))
        finally:
            opened.close()

    def hook(self, project: str, does: c.Does, path: str = "", act: str = "", session: str = "s1") -> c.Answer:
        """A tool call of an agent that works in `project`; `act` is what a shell writes to `path`."""
        opened = open_project(str(self.root / project), self.env)
        try:
            desk = RealDesk(opened, Actor("agent", "claude", session))
            paths = (str(self.root / path),) if path and does != "shell" else ()
            use = c.ToolUse(f"call-{path}-{does}", "Bash" if does == "shell" else "Write", does, paths, "")
            caller = c.Caller("claude", session, str(self.root / project), "2.1.330", 0, "", "")
            asked = answer(c.ToolAsked(caller, use), desk)
            if not isinstance(asked, c.Silent) or does != "shell":
                return asked
            self.write(path, act)
            return answer(c.ToolReturned(caller, use, True), desk)
        finally:
            opened.close()


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Monorepo:
    return Monorepo(tmp_path_factory.mktemp("monorepo"))


@pytest.fixture
def both(laid_out: Monorepo, tmp_path: Path) -> Monorepo:
    """The same, as it was, with no run in either project."""
    head = laid_out.git("rev-parse", "HEAD")
    yield laid_out  # type: ignore[misc]
    for project in ("api", "web"):
        laid_out.person(project, "pause", "--end")
    laid_out.git("reset", "-q", "--hard", head)
    laid_out.git("clean", "-qfd")


def test_each_project_has_a_ledger_settings_and_a_baseline_of_its_own(both: Monorepo) -> None:
    ids = {(both.root / project / "phasegate.toml").read_text().split('"')[1] for project in ("api", "web")}
    assert len(ids) == 2
    assert both.person("api", "check").returncode == 0
    told = both.json("web", "check", "tests")
    assert (told["tests"]["collected"], told["exit"]) == (2, 0)
    assert [test["id"] for test in told["tests"]["red"]] == ["tests/test_web.py::test_old"]


def test_each_project_is_verified_and_driven_by_itself(both: Monorepo) -> None:
    both.write("api/api.py", "def price(x):\n    return x * 3\n")
    both.commit()
    assert both.json("api", "verify", "--base", "HEAD~1")["exit"] == 1
    assert both.json("web", "verify", "--base", "HEAD~1")["exit"] == 0
    assert both.person("api", "drive", "--attempts", "2", "--dry-run").returncode == 2


def test_what_another_project_protects_is_protected_here(both: Monorepo) -> None:
    assert both.person("api", "start", "mend the price", "--no-baseline").returncode == 0
    assert isinstance(both.hook("api", "edit", "web/web.py"), c.Silent)
    for own in ("web/phasegate.toml", "web/state/agent_state.json", ".git/config", "api/phasegate.toml"):
        assert isinstance(both.hook("api", "edit", own), c.Refuse), own


def test_a_change_that_touches_two_projects_runs_the_suites_of_both(both: Monorepo) -> None:
    assert both.person("api", "start", "show the price").returncode == 0
    both.write("api/api.py", "def price(x):\n    return x + x\n")
    alone = both.json("api", "check", "tests")
    assert alone["tests"]["collected"] == 1
    both.write("web/web.py", "def shown(x):\n    return f'{x}'\n")
    told = both.json("api", "check", "tests")
    assert told["tests"]["collected"] == 3
    assert told["tests"]["excused"] == ["web: tests/test_web.py::test_old"]
    assert told["tests"]["newly_red"] == told["tests"]["new"] == []
    assert {file["path"] for file in told["coverage"]["changed"]} == {"api.py", "../web/web.py"}
    both.write("web/web.py", "def shown(x):\n    return ''\n")
    worse = both.json("api", "check", "tests")
    assert worse["tests"]["newly_red"] == ["web: tests/test_web.py::test_shown"]


def test_a_test_of_another_project_may_neither_go_nor_be_skipped(both: Monorepo) -> None:
    assert both.person("api", "start", "show the price").returncode == 0
    kept = FILES["web/tests/test_web.py"]
    both.write("web/tests/test_web.py", kept.replace("def test_shown", "def test_other(): pass\ndef checked_no_more"))
    gone = both.json("api", "check", "tests")["tests"]
    assert (gone["gone"], gone["new"]) == (["web: tests/test_web.py::test_shown"], [])
    both.write(
        "web/tests/test_web.py", kept.replace("def test_shown", "import pytest\n@pytest.mark.skip\ndef test_shown")
    )
    skipped = both.json("api", "check", "tests")["tests"]
    assert (skipped["gone"], skipped["newly_skipped"]) == ([], ["web: tests/test_web.py::test_shown"])


def test_taking_back_what_broke_another_project_is_seen_there(both: Monorepo) -> None:
    assert both.person("api", "start", "show the price").returncode == 0
    both.write("web/web.py", "def shown(x):\n    return ''\n")
    assert both.json("api", "check", "tests")["tests"]["newly_red"] == ["web: tests/test_web.py::test_shown"]
    both.write("web/web.py", FILES["web/web.py"])
    back = both.json("api", "check", "tests", "--again")["tests"]
    assert (back["collected"], back["gone"], back["held"]) == (3, [], ["web: tests/test_web.py::test_shown"])


def test_what_lies_in_a_project_whose_own_run_a_client_drives_is_judged_by_that_run(both: Monorepo) -> None:
    for project in ("api", "web"):
        assert both.person(project, "start", "change it", "--no-baseline").returncode == 0
    both.drive("web", "s2")
    told = both.hook("api", "shell", "web/state/agent_state.json", "{}")
    assert isinstance(told, c.Silent), told
    assert both.person("web", "pause", "--end").returncode == 0
    told = both.hook("api", "shell", "web/phasegate.toml", "project = 1\n")
    assert "put back" in getattr(told, "text", ""), told


def test_a_run_that_no_client_drives_takes_nothing_out_of_judgement(both: Monorepo) -> None:
    for project in ("api", "web"):
        assert both.person(project, "start", "change it", "--no-baseline").returncode == 0
    told = both.hook("api", "shell", "web/phasegate.toml", "project = 1\n")
    assert "put back" in getattr(told, "text", ""), told


def test_taking_one_project_out_leaves_the_other_in_force(tmp_path: Path) -> None:
    both = Monorepo(tmp_path)
    exclude = both.root / ".git/info/exclude"
    assert "/api/state/agent_state.json" in exclude.read_text() and "/web/state/agent_state.json" in exclude.read_text()
    assert both.person("api", "uninstall").returncode == 0
    assert "/web/state/agent_state.json" in exclude.read_text()
    assert not (both.root / "api/.claude/settings.local.json").exists()
    assert (both.root / "web/.claude/settings.local.json").exists()
    assert both.person("web", "status").returncode == 0
