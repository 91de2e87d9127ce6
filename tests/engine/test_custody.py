"""What lies beside the tree and bends how work is judged: a change by any route is noticed at the next event."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from phasegate.engine.answer import gone
from phasegate.gates.catalog import ask
from phasegate.gates.interface import Moment
from phasegate.ledger.custody import ChangeUngoverned, HooksMissed, ProcessesLeft, WatchMoved, WatchPutBack
from phasegate.ledger.facts import CallsAbandoned, ChangeHeld, ChangeSettled, RunResumed
from phasegate.policy import calls as c
from phasegate.workspace import git, watched
from tests.engine.bench import Bench

LOCAL = ".claude/settings.local.json"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for git and for the client."""
    home = tmp_path / "home"
    (home / ".claude").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def at_work(home: Path, bench: Bench) -> Bench:
    """In a turn that was handed over, and with nothing watched that a home outside the test holds."""
    bench.desk.record([RunResumed(bench.run.id)], relying_on=None)  # which begins to watch anew
    bench.prompt()
    return bench


def said(answer: c.Answer) -> str:
    return getattr(answer, "text", "") or getattr(answer, "reason", "")


def read(bench: Bench) -> str:
    """What a mere read is told."""
    return said(bench.asked(bench.use("read", ["src/app.py"])))


def gate(bench: Bench) -> str:
    return ask(["nothing_held"], Moment(bench.state, bench.run, bench.desk.settings, "x"))[0].says


BENDS: dict[str, Callable[[Bench], object]] = {
    ".git/config": lambda bench: bench.git("config", "core.hooksPath", "/tmp/none"),
    ".git/config.worktree": lambda bench: bench.write(".git/config.worktree", "[core]\n\tfsmonitor = /tmp/x\n"),
    ".git/hooks/pre-commit": lambda bench: bench.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n"),
    ".git/objects/info/alternates": lambda bench: bench.write(".git/objects/info/alternates", "/tmp/objects\n"),
    ".git/refs/replace": lambda bench: bench.git("replace", "HEAD:src/app.py", "HEAD:docs/guide.md"),
    "~/.gitconfig": lambda bench: Path(os.environ["HOME"], ".gitconfig").write_text("[alias]\n\tcommit = !true\n"),
    "~/.claude/settings.json": lambda bench: Path(os.environ["HOME"], ".claude/settings.json").write_text(
        '{"disableAllHooks": true}'
    ),
}


@pytest.mark.parametrize("name", BENDS)
def test_what_bends_judging_is_held_at_once_and_opens_no_gate_until_it_is_undone_or_settled(
    at_work: Bench, name: str
) -> None:
    told = said(at_work.shell(lambda: BENDS[name](at_work)))
    assert f"{name} is watched" in told and "`phasegate answer held`" in told
    assert list(at_work.run.held) == [name] and gate(at_work) == "unknown"
    held = at_work.run.held[name]
    place = Path(at_work.desk.custody._places().get(name, ""))
    if not held.before and name != ".git/refs/replace":
        place.unlink()
        assert read(at_work) == "" and gate(at_work) == "pass"
        assert ChangeSettled(at_work.run.id, name, "reverted") in at_work.facts(ChangeSettled)


@pytest.mark.parametrize("where", ["own.hooks", '"own.hooks"', "~/hooks", "{root}/../beside"])
def test_hooks_that_git_takes_from_another_folder_are_watched_there(at_work: Bench, where: str) -> None:
    root = Path(at_work.desk.worktree)
    value = where.format(root=root)
    folder = root / value.strip('"').replace("~", os.environ["HOME"], 1)
    (folder / "deep").mkdir(parents=True)
    (folder / "pre-push").write_text("#!/bin/sh\n. helper\n")
    (folder / "pre-push").chmod(0o755)
    (folder / "helper").write_text("true\n")
    Path(os.environ["HOME"], ".gitconfig").write_text("[core]\n\thooksPath = /nowhere\n")
    with (root / ".git/config").open("a") as config:
        config.write(f"[core]\n\thooksPath = {value}\n")
    at_work.prompt()
    assert read(at_work) == "" and not at_work.run.held
    for change, name in (
        (lambda: (folder / "pre-push").chmod(0o644), "pre-push"),
        (lambda: (folder / "helper").write_text("exit 0\n"), "helper"),
        (lambda: (folder / "commit-msg").write_text("#!/bin/sh\n"), "commit-msg"),
    ):
        at_work.shell(change)
        assert any(held.endswith(f"/{name}") for held in at_work.run.held), name
    assert gate(at_work) == "unknown"


def test_of_a_folder_of_hooks_that_holds_anything_only_so_much_is_watched(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "config", "core.hooksPath", "many"], check=True)
    (tmp_path / "many").mkdir()
    for at in range(300):
        (tmp_path / "many" / f"a{at:03}").touch()
    (tmp_path / "many" / "update-index").touch()
    (tmp_path / "many" / "pre-commit").touch()
    found = [name for name in watched.places(git.locate(str(tmp_path)), {}) if name.startswith("many/")]
    assert len(found) == 1 + watched.MOST_BESIDE_HOOKS and "many/pre-commit" in found


PUT_BACK = {
    ".git/info/exclude": "src/hidden.py\n",
    ".git/info/attributes": "*.py -diff\n",
    ".git/info/grafts": "0" * 40 + "\n",
    LOCAL: '{"env": {"PATH": "/tmp/evil"}}',
    ".claude/settings.json": '{"permissions": {"defaultMode": "bypassPermissions"}}',
}


@pytest.mark.parametrize("name", PUT_BACK)
def test_what_is_ours_or_hides_work_is_put_back_where_one_call_alone_can_have_made_it(
    at_work: Bench, name: str
) -> None:
    at_work.write(".git/info/exclude", f"{LOCAL}\n")
    at_work.prompt()
    before = at_work.read(name) if at_work.exists(name) else None
    told = said(at_work.shell_writes(name, PUT_BACK[name]))
    assert f"{name} is watched" in told and "it was put back" in told
    assert (at_work.read(name) if at_work.exists(name) else None) == before
    (fact,) = at_work.facts(WatchPutBack)
    assert isinstance(fact, WatchPutBack) and fact.path == name and not at_work.run.held
    subprocess.run(fact.command, shell=True, check=True)
    assert at_work.read(name) == PUT_BACK[name]


def test_the_trusted_settings_and_the_pointer_are_put_back(at_work: Bench) -> None:
    for path in (Path(at_work.desk.project.directory, "trusted.json"), at_work.root / ".git/phasegate/ledger.json"):
        before = path.read_bytes()
        at_work.shell(lambda path=path: path.write_bytes(path.read_bytes().replace(b"phases.md", b"no.md") + b" "))  # type: ignore[misc]
        assert path.read_bytes() == before
    assert len(at_work.facts(WatchPutBack)) == 2


HARMLESS: dict[str, Callable[[Bench], object]] = {
    "who commits": lambda bench: bench.git("config", "user.email", "b@example.org"),
    "a remote": lambda bench: bench.git("remote", "add", "origin", "https://example.org/x.git"),
    "a branch that follows": lambda bench: bench.git("config", "branch.main.merge", "refs/heads/main"),
    "a branch": lambda bench: bench.git("switch", "-q", "-c", "other"),
    "a comment": lambda bench: bench.write(".git/info/exclude", "# nothing\n\n"),
    "a click of the person": lambda bench: bench.write(LOCAL, '{"permissions": {"allow": ["Bash(make)"]}}'),
    "packing": lambda bench: bench.git("pack-refs", "--all"),
    "a commit": lambda bench: bench.git(
        "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "--allow-empty", "-m", "x"
    ),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_ordinary_work_holds_nothing(at_work: Bench, what: str) -> None:
    at_work.write(".gitignore", at_work.read(".gitignore") + f"{LOCAL}\n")
    at_work.prompt()
    at_work.shell(lambda: HARMLESS[what](at_work))
    assert not at_work.run.held and not at_work.facts(ChangeHeld, WatchPutBack)


def test_what_changed_with_no_call_at_work_is_held_at_the_next_event_even_a_read(at_work: Bench) -> None:
    at_work.write(".git/info/exclude", "src/hidden.py\n")
    told = read(at_work)
    assert ".git/info/exclude is watched" in told and "it is held" in told and gate(at_work) == "unknown"
    assert at_work.read(".git/info/exclude") == "src/hidden.py\n"


def test_what_changed_between_turns_is_a_persons_and_is_told(at_work: Bench) -> None:
    at_work.git("config", "core.hooksPath", ".husky")
    at_work.write("docs/guide.md", "# Mine\n")
    told = said(at_work.prompt())
    assert "core.hookspath" in told and "a person's doing" in told and not at_work.run.held
    assert not at_work.facts(ChangeUngoverned) and at_work.read("docs/guide.md") == "# Mine\n"
    at_work.shell(lambda: None)
    assert not at_work.run.held and not at_work.facts(WatchPutBack)


# -- what judges at the forge ------------------------------------------------------------------------------------------

WORKFLOW = ".github/workflows/test.yml"


@pytest.mark.parametrize("route", ["edit", "shell"])
def test_a_change_of_ci_stands_and_opens_no_gate_until_a_person_has_looked(bench: Bench, route: str) -> None:
    bench.to_implement()
    write = {"edit": bench.edit, "shell": bench.shell_writes}[route]
    told = said(write(WORKFLOW, "on: push\n"))
    assert f"{WORKFLOW} is held" in told and "a person accepts it" in told
    assert bench.read(WORKFLOW) == "on: push\n" and gate(bench) == "unknown"
    (bench.root / WORKFLOW).unlink()
    bench.shell(lambda: None)
    assert gate(bench) == "pass"


def test_in_a_persons_own_turn_a_change_of_ci_is_their_wish(bench: Bench) -> None:
    bench.prompt("Add a workflow for CI, please.")
    bench.edit(WORKFLOW, "on: push\n")
    assert bench.exists(WORKFLOW) and not bench.run.held


# -- interpreters ------------------------------------------------------------------------------------------------------

SITE = ".venv/lib/python3.11/site-packages"


def environment(bench: Bench) -> None:
    bench.write(".venv/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\n")
    bench.write(f"{SITE}/_virtualenv.pth", "import _virtualenv")


@pytest.fixture
def with_environment(at_work: Bench) -> Bench:
    at_work.write(".gitignore", at_work.read(".gitignore") + ".venv/\n")
    at_work.prompt()
    at_work.shell(lambda: environment(at_work))
    assert not at_work.run.held
    return at_work


@pytest.mark.parametrize("name", ["x.pth", "sitecustomize.py", "usercustomize.py", "_virtualenv.py"])
def test_what_an_interpreter_runs_by_itself_is_held_in_an_environment_that_was_there(
    with_environment: Bench, name: str
) -> None:
    with_environment.shell_writes(f"{SITE}/{name}", "import os; os.environ['X'] = '1'\n")
    assert list(with_environment.run.held) == [f"{SITE}/{name}"]


def test_another_home_of_an_environment_is_held(with_environment: Bench) -> None:
    with_environment.shell_writes(".venv/pyvenv.cfg", "home = /tmp/evil\n")
    assert list(with_environment.run.held) == [".venv/pyvenv.cfg"]


def test_what_a_package_brings_is_the_packages(with_environment: Bench) -> None:
    line = "import __editable___shop_finder; __editable___shop_finder.install()\n"
    digest = base64.urlsafe_b64encode(hashlib.sha256(line.encode()).digest()).rstrip(b"=").decode()

    def install() -> None:
        with_environment.write(f"{SITE}/__editable__.shop-1.pth", line)
        record = f"__editable__.shop-1.pth,sha256={digest},{len(line)}\n"
        with_environment.write(f"{SITE}/shop-1.dist-info/RECORD", record)

    with_environment.shell(install)
    assert not with_environment.run.held
    with_environment.shell_writes(f"{SITE}/__editable__.shop-1.pth", line + "import evil\n")
    assert list(with_environment.run.held) == [f"{SITE}/__editable__.shop-1.pth"]


# -- what nobody accounts for ------------------------------------------------------------------------------------------


@pytest.fixture
def left_behind(at_work: Bench) -> Iterator[int]:
    """A process that an agent's command left, which nobody waits for."""
    started = subprocess.run(
        ["sh", "-c", "setsid sleep 60 >/dev/null 2>&1 & echo $!"],
        env={"PATH": os.environ["PATH"], "CLAUDECODE": "1"}, cwd=at_work.root, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    pid = int(started.stdout)
    yield pid
    with_suppressed_kill(pid)


def with_suppressed_kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def rest(bench: Bench) -> None:
    """The turn ends, as one that a person had opened."""
    bench.prompt("What is this?")
    assert isinstance(bench.stop(), c.Silent)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="NOT TESTED: there is no /proc to find processes by")
def test_what_changes_between_turns_while_something_of_the_agents_runs_is_held_wherever_it_lies(
    at_work: Bench, left_behind: int
) -> None:
    rest(at_work)
    (left,) = at_work.facts(ProcessesLeft)
    assert isinstance(left, ProcessesLeft) and str(left_behind) in left.programs[0]
    with_suppressed_kill(left_behind)  # it wrote, and was gone before anybody looked
    at_work.write("tests/test_more.py", "def test_more(): assert True\n")
    at_work.git("config", "core.hooksPath", "/tmp/none")
    told = said(at_work.prompt())
    assert "tests/test_more.py is held" in told and set(at_work.run.held) == {"tests/test_more.py", ".git/config"}
    assert at_work.facts(ChangeUngoverned) and gate(at_work) == "unknown"
    (at_work.root / "tests/test_more.py").unlink()
    at_work.git("config", "--unset", "core.hooksPath")
    at_work.shell(lambda: None)
    assert gate(at_work) == "pass"


def test_what_changes_between_turns_with_nothing_left_at_work_is_a_persons(at_work: Bench) -> None:
    rest(at_work)
    at_work.write("tests/test_more.py", "def test_more(): assert True\n")
    at_work.write("docs/guide.md", "# Mine\n")
    at_work.prompt()
    at_work.shell(lambda: None)
    assert not at_work.run.held and at_work.read("docs/guide.md") == "# Mine\n"


HOOK = ".git/hooks/pre-push"


def test_a_call_in_flight_is_judged_when_its_session_ends_and_what_changes_then_is_a_persons(at_work: Bench) -> None:
    at_work.asked(at_work.use("shell"))
    at_work.write(".git/info/exclude", "src/hidden.py\n")
    at_work.closes()
    assert len(at_work.facts(CallsAbandoned)) == len(at_work.facts(WatchPutBack)) == 1 and not at_work.run.in_flight
    at_work.write(HOOK, "#!/bin/sh\nexit 0\n")
    assert "taken for a person's doing" in said(at_work.opens(session="session-2")) and not at_work.run.held


def test_what_a_call_did_in_an_ended_session_is_held_all_the_same(at_work: Bench) -> None:
    at_work.asked(at_work.use("shell"))
    at_work.write(HOOK, "#!/bin/sh\nexit 0\n")
    at_work.closes()
    assert list(at_work.run.held) == [HOOK] and gate(at_work) == "unknown"


def test_the_calls_of_a_client_that_was_killed_are_judged_by_its_supervisor(at_work: Bench) -> None:
    at_work.opens(session="session-2")
    at_work.asked(at_work.use("shell"), session="session-2")
    at_work.write(".git/info/exclude", "src/hidden.py\n")
    gone(at_work.desk, at_work.state, at_work.run, "session-2")
    assert (
        not at_work.run.in_flight and at_work.facts(WatchPutBack) and "hidden" not in at_work.read(".git/info/exclude")
    )


def test_a_session_that_ends_leaves_the_calls_of_others_alone(at_work: Bench) -> None:
    use = at_work.use("shell")
    at_work.asked(use)
    at_work.opens(session="session-2")
    at_work.closes(session="session-2")
    assert list(at_work.run.in_flight) == [use.id]


def test_a_call_in_a_turn_that_no_prompt_opened_shows_that_hooks_were_off(at_work: Bench) -> None:
    at_work.opens()
    at_work.prompt("What is this?")
    at_work.stop()
    at_work.write("tests/test_more.py", "def test_more(): assert True\n")
    at_work.asked(at_work.use("shell"))
    assert at_work.facts(HooksMissed) and list(at_work.run.held) == ["tests/test_more.py"]
    assert gate(at_work) == "unknown"


def test_what_the_client_tells_its_agent_opens_a_turn_too(at_work: Bench) -> None:
    at_work.opens()
    at_work.prompt("What is this?")
    at_work.stop()
    at_work.prompt("<task-notification>done</task-notification>")
    at_work.asked(at_work.use("shell"))
    assert not at_work.facts(HooksMissed)


def test_a_run_of_an_older_release_begins_to_watch_at_its_next_event(at_work: Bench) -> None:
    at_work.desk.record([WatchMoved(at_work.run.id, dict.fromkeys(at_work.run.watched, ""), "x")], relying_on=None)
    assert not at_work.run.watched
    read(at_work)
    assert at_work.run.watched
