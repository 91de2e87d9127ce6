"""A git server with the hook takes only pushes that `verify` passes; whatever goes wrong there refuses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.people import PHASEGATE, as_person

APART = ("unshare", "--map-root-user", "--mount", "--net", "--ipc", "--pid", "--fork", "--mount-proc", "true")
MAY_BE_APART = shutil.which("unshare") is not None and subprocess.run(APART, capture_output=True).returncode == 0

BARE_PYTEST = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
"""The pytest of what is pushed needs none of our plugins; loading them takes longer than its tests."""

FILES = {
    "src/shop.py": "def price(x):\n    return x * 2\n",
    "tests/test_shop.py": "import shop\n\ndef test_price(): assert shop.price(2) == 4\n",
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
    "phasegate.toml": 'project = "6f0c8a52-6a5e-4f5e-9a43-3b1d9a0c7e11"\n',
}


class Server:
    """A bare repository whose main has the files, with the hook put in, and a clone of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bare, self.root = folder, folder / "server.git", folder / "clone"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.bare)], check=True)
        subprocess.run(["git", "clone", "-q", str(self.bare), str(self.root)], check=True, capture_output=True)
        self.git("checkout", "-q", "-b", "main")
        self.commit(FILES)
        self.git("push", "-q", "origin", "main")
        self.init()
        self.configure("phasegate.keep", BARE_PYTEST)
        self.start = self.git("rev-parse", "HEAD")

    def init(self, *words: str) -> subprocess.CompletedProcess[str]:
        return as_person(["phasegate", "init", "--pre-receive", str(self.bare), *words], self.folder)

    def git(self, *words: str) -> str:
        run = ["git", "-C", str(self.root), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, files: dict[str, str]) -> None:
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "more")

    def configure(self, name: str, value: str) -> None:
        subprocess.run(["git", "-C", str(self.bare), "config", name, value], check=True)

    def program(self, script: str) -> None:
        """Another program in phasegate's place."""
        path = self.folder / "program"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        self.configure("phasegate.program", str(path))

    def push(self, *words: str, path: str = "") -> tuple[bool, str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        env |= {"PATH": path} if path else {}
        run = ["git", "-C", str(self.root), "push", "origin", *words]
        done = subprocess.run(run, capture_output=True, text=True, env=env, timeout=280)
        return done.returncode == 0, done.stderr

    def main(self) -> str:
        found = subprocess.run(["git", "-C", str(self.bare), "rev-parse", "main"], capture_output=True, text=True)
        return found.stdout.strip()


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_what_is_no_worse_comes_in_and_what_is_worse_does_not(server: Server) -> None:
    server.commit({"notes.txt": "fine\n"})
    assert server.push("main")[0]
    good = server.main()
    server.commit({"src/shop.py": "def price(x):\n    return x * 3\n"})
    taken, said = server.push("main")
    assert not taken and "refs/heads/main is refused: a gate failed" in said and "test_price" in said
    assert server.main() == good
    assert list(server.folder.glob("phasegate-push*")) == []


def test_what_cannot_be_told_does_not_come_in(server: Server) -> None:
    """Without a test there is nothing that could show that a change is no worse."""
    server.program("exit 0")
    server.git("rm", "-q", "-r", "tests", "pyproject.toml")
    server.git("commit", "-q", "-m", "no tests")
    assert server.push("main")[0]
    server.configure("phasegate.program", PHASEGATE)
    server.commit({"notes.txt": "fine\n"})
    taken, said = server.push("main")
    assert not taken and "refs/heads/main is refused: phasegate cannot tell" in said


def test_no_force_no_deletion_and_of_several_refs_one_that_fails_refuses_all(server: Server) -> None:
    server.program("exit 0")
    server.configure("receive.denyDeleteCurrent", "ignore")
    server.git("commit", "-q", "--amend", "-m", "another")
    taken, said = server.push("--force", "main")
    assert not taken and "is not rewritten" in said
    taken, said = server.push("--delete", "main")
    assert not taken and "is not deleted" in said
    server.git("reset", "-q", "--hard", server.start)
    server.commit({"notes.txt": "fine\n"})
    server.git("tag", "v1")
    assert server.push("HEAD:refs/heads/work", "v1")[0], "others pass"
    assert server.push("--delete", "work")[0]
    server.program("exit 1")
    taken, _ = server.push("main", "HEAD:refs/heads/other")
    assert not taken and "other" not in server.git("ls-remote", "origin")
    server.configure("phasegate.protected", "refs/heads/release")
    assert server.push("main")[0], "another branch is protected now"
    assert not server.push("HEAD:refs/heads/release")[0]


def test_exported_ledgers_only_grow_and_are_there_when_a_branch_is_judged(server: Server) -> None:
    server.commit({"notes.txt": "fine\n"})
    ref = "refs/phasegate/ledgers/0b54b1a0-77a9-4e36-9f3c-7e2f9d0a11c5"
    server.git("update-ref", ref, "HEAD")
    server.program(f"git rev-parse -q --verify {ref} && test $(git rev-parse HEAD) = $(git rev-parse {ref})")
    assert server.push("main", f"{ref}:{ref}")[0]
    server.git("update-ref", ref, server.start)
    assert "is not rewritten" in server.push(f"+{ref}:{ref}")[1]
    assert "is not deleted" in server.push(f":{ref}")[1]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("exit 3", "ended with code 3"),
        ("kill -9 $$", "was killed"),
        ("kill -9 $PPID; sleep 1", ""),
        ("sleep 60", "took longer than 1 s"),
        ("exit 127", "not installed"),
        ("exit 7", "cannot tell"),
    ],
)
def test_whatever_goes_wrong_refuses(server: Server, script: str, told: str) -> None:
    server.program(script)
    server.configure("phasegate.seconds", "1")
    server.configure("phasegate.apart", "no" if "PPID" in script else "try")  # apart, nobody reaches the first process
    server.commit({"notes.txt": "fine\n"})
    taken, said = server.push("main")
    assert not taken and told in said and server.main() == server.start


PROBE = """
exec 2>&1
touch {server}/hooks/update && echo WROTE hook
touch {home}/x && echo WROTE home
mount -o remount,bind,rw {repositories} && echo WROTE mount
kill -0 {process} && echo REACHED process
[ -z "$SECRET_OF_THE_SERVER" ] || echo TOLD variable
[ "$WANTED" = kept ] || echo LOST variable
touch "$HOME/x" "$TMPDIR/x" here || echo LOST folder
tail -n +3 /proc/net/dev | grep -qv '^ *lo:' && echo REACHED network
ls /proc | grep -c '^[0-9]*$' | grep -qx '[1-9]' || echo REACHED processes
exit 1
"""


@pytest.mark.skipif(not MAY_BE_APART, reason="NOT TESTED: this kernel makes no namespaces for a user")
def test_what_is_judged_reaches_neither_the_repositories_nor_the_home_nor_processes_nor_the_network(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name, value in (("HOME", str(home)), ("SECRET_OF_THE_SERVER", "x"), ("WANTED", "kept")):
        monkeypatch.setenv(name, value)
    server.configure("phasegate.keep", "WANTED")
    server.configure("phasegate.apart", "yes")
    probe = PROBE.format(server=server.bare, home=home, repositories=server.folder, process=os.getpid())
    server.program(probe)
    server.commit({"notes.txt": "fine\n"})
    taken, said = server.push("main")
    assert not taken and "a gate failed" in said
    assert not re.findall("WROTE|REACHED|TOLD|LOST", said), said
    assert not (server.bare / "hooks/update").exists() and not list(home.iterdir())


def test_where_tests_have_to_run_apart_and_cannot_nothing_comes_in(server: Server, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "unshare").chmod(0o755)
    server.program("exit 0")
    server.configure("phasegate.apart", "yes")
    server.commit({"notes.txt": "fine\n"})
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    taken, said = server.push("main", path=path)
    assert not taken and "cannot run tests apart from itself" in said
    server.configure("phasegate.apart", "try")
    assert server.push("main", path=path)[0]


def test_without_phasegate_everything_is_refused_with_a_sentence(server: Server) -> None:
    server.configure("phasegate.program", "/nowhere/phasegate")
    server.commit({"notes.txt": "fine\n"})
    taken, said = server.push("main")
    assert not taken and "there is no /nowhere/phasegate here" in said


def test_the_hook_is_written_once_and_never_over_another(server: Server) -> None:
    hook = server.bare / "hooks/pre-receive"
    content = hook.read_bytes()
    assert os.access(hook, os.X_OK) and PHASEGATE in (server.bare / "config").read_text()
    assert "already" in server.init().stdout
    hook.write_text("#!/bin/sh\n")
    done = server.init()
    assert done.returncode == 2 and "pre-receive-there" in done.stderr and hook.read_text() == "#!/bin/sh\n"
    hook.unlink()
    assert server.init("--dry-run").returncode == 0 and not hook.exists()
    assert server.init().returncode == 0 and hook.read_bytes() == content
    done = as_person(["phasegate", "init", "--pre-receive", str(server.root)], server.folder)
    assert done.returncode == 2 and "no-bare-repository" in done.stderr
