"""What the digest of a work tree survives: odd files, kills, locks, and every kind of repository."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from git_repository import Repository, fresh, paths

from phasegate.workspace.files import NotWritable, write_atomic
from phasegate.workspace.git import BareRepository, GitMissing, GitTimeout, NotARepository
from phasegate.workspace.shadow import StateUnavailable, WorkTreeBusy
from phasegate.workspace.tree import Limits, NotRestorable, WorkTree


def test_a_large_file_shows_in_every_difference_and_is_never_hashed(repository: Repository, tmp_path: Path) -> None:
    small = WorkTree(str(repository.root), str(tmp_path / "shadow"), limits=Limits(file=100))
    repository.write("model.bin", b"a" * 1000)
    repository.commit()
    before = small.observe()
    assert before == small.observe()
    repository.write("model.bin", b"b" * 1000)
    after = small.observe()
    (change,) = small.changes(before.id, after.id)
    assert change.path == "model.bin"
    assert before.subject != after.subject
    with pytest.raises(NotRestorable):
        small.put_back(change)
    repository.write("model.bin", b"small")
    assert small.observe() == fresh(small, tmp_path).observe()


def test_fifos_and_sockets_are_survived(repository: Repository, tree: WorkTree, tmp_path: Path) -> None:
    before = tree.observe()
    os.mkfifo(repository.root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(repository.root / "socket"))
        assert tree.observe().subject == before.subject
    (repository.root / "src/app.py").unlink()
    os.mkfifo(repository.root / "src/app.py")
    after = tree.observe()
    assert after.held == ("src/app.py",)
    assert paths(tree, before.id, after.id) == ["src/app.py"]
    assert after == fresh(tree, tmp_path).observe()


OBSERVE = """
import sys
from phasegate.workspace.tree import WorkTree
print(WorkTree(sys.argv[1], sys.argv[2]).observe())
"""


def started(tree: WorkTree, shadow: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", OBSERVE, tree.root, str(shadow)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)


def as_somebody_else(task: Callable[[], str]) -> str:
    """What `task` says when permissions count: root, who may read anything, becomes nobody for it."""
    if os.getuid() != 0:
        return task()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            os.write(writer, task().encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        answer = said.read().decode()
    os.waitpid(child, 0)
    return answer


@pytest.fixture
def anybodys() -> Iterator[Repository]:
    """A repository that belongs to whom `as_somebody_else` becomes, in a directory that everybody may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        made = Repository(Path(folder) / "project")
        made.write("src/app.py", "value = 1\n")
        made.write("closed/inner.txt")
        made.commit()
        if os.getuid() == 0:
            for path in (Path(folder), *Path(folder).rglob("*")):
                os.lchown(path, 65534, 65534)
        yield made
        for parent, _, _ in os.walk(folder):
            Path(parent).chmod(0o755)
        (made.root / "closed").chmod(0o755)


def test_unreadable_files_and_directories_are_held_and_come_back(anybodys: Repository) -> None:
    shadow = str(anybodys.root.parent / "shadow")
    tree = WorkTree(str(anybodys.root), shadow)
    before = as_somebody_else(lambda: str(tree.observe()))
    (anybodys.root / "src/app.py").chmod(0)
    (anybodys.root / "closed").chmod(0)
    (anybodys.root / "closed/inner.txt").write_text("edited by root\n") if os.getuid() == 0 else None
    assert as_somebody_else(lambda: str(tree.observe().held)) == "('closed', 'src/app.py')"
    (anybodys.root / "closed").chmod(0o755)
    (anybodys.root / "closed/inner.txt").write_text("x\n")
    (anybodys.root / "src/app.py").chmod(0o644)
    assert as_somebody_else(lambda: str(tree.observe())) == before


def test_a_read_only_tree_is_read_and_a_write_into_it_says_so(anybodys: Repository) -> None:
    tree = WorkTree(str(anybodys.root), str(anybodys.root.parent / "shadow"))
    for folder in (anybodys.root / "src", anybodys.root / ".git", anybodys.root):
        folder.chmod(0o555)
    assert as_somebody_else(lambda: str(tree.observe().held)) == "()"

    def refused() -> str:
        try:
            write_atomic(tree.root, "src/app.py", b"x")
        except NotWritable as problem:
            return problem.hint
        return "written"

    assert as_somebody_else(refused) == "Make the directory writable, and repeat."


@pytest.mark.parametrize("delay", [0.02, 0.06, 0.1, 0.14, 0.18, 0.22, 0.3])
def test_a_killed_observer_leaves_nothing_broken(
    repository: Repository, tree: WorkTree, tmp_path: Path, delay: float
) -> None:
    for number in range(400):
        repository.write(f"many/{number}.txt", f"{number}\n")
    shadow = tmp_path / "state" / "shadow"
    observer = started(tree, shadow)
    time.sleep(delay)
    os.kill(observer.pid, signal.SIGKILL)  # its git, if any, lives on
    observer.communicate()
    assert tree.observe() == fresh(tree, tmp_path).observe()


def test_stale_locks_and_a_torn_index_are_recovered(repository: Repository, tree: WorkTree, tmp_path: Path) -> None:
    expected = tree.observe()
    shadow = tmp_path / "state" / "shadow"
    (shadow / "index.lock").write_bytes(b"half")
    assert tree.observe() == expected
    (shadow / "index").write_bytes((shadow / "index").read_bytes()[:50])
    assert tree.observe() == expected
    (shadow / "index").write_bytes(b"")
    (shadow / "remembered").write_bytes(b"{")
    assert tree.observe() == expected


def children(process: int) -> list[str]:
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,comm="], capture_output=True, check=True, text=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(process) and "git" in line]


@pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps to see that git runs")
def test_an_orphaned_git_keeps_the_lock_of_its_killed_observer(
    repository: Repository, tree: WorkTree, tmp_path: Path
) -> None:
    """Else the next would take the index.lock of a living git for a stale one."""
    shadow = tmp_path / "state" / "shadow"
    expected = tree.observe()
    pipe = repository.root / "src" / ".gitignore"
    os.mkfifo(pipe)  # holds git up until somebody opens the other end
    observer = started(tree, shadow)
    while not children(observer.pid):
        time.sleep(0.01)
    os.kill(observer.pid, signal.SIGKILL)
    observer.wait()
    with pytest.raises(WorkTreeBusy):
        WorkTree(tree.root, str(shadow), limits=Limits(lock_seconds=0.3)).observe()
    os.close(os.open(pipe, os.O_WRONLY))
    pipe.unlink()
    assert tree.observe() == expected


def test_one_observes_at_a_time(repository: Repository, tree: WorkTree, tmp_path: Path) -> None:
    impatient = WorkTree(tree.root, str(tmp_path / "state" / "shadow"), limits=Limits(lock_seconds=0.05))

    def meanwhile(content: bytes) -> bytes:
        with pytest.raises(WorkTreeBusy):
            impatient.observe()
        return content

    tree.observe(blanks={"src/app.py": meanwhile})
    assert impatient.observe() == tree.observe()


def test_an_edit_with_its_time_put_back_is_seen_long_after(repository: Repository, tree: WorkTree) -> None:
    file = repository.write("src/app.py", "value = 1\n")
    status = file.stat()
    time.sleep(1.3)  # git's cache holds the entry for good once its second is over
    before = [tree.observe(), tree.observe()]
    time.sleep(0.1)
    file.write_text("value = 2\n")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert paths(tree, before[1].id, tree.observe().id) == ["src/app.py"]


SLOW = {"pathlib", "subprocess", "dataclasses", "asyncio", "tomllib", "importlib.metadata", "logging", "json", "shlex"}


def test_the_hook_path_imports_nothing_slow() -> None:
    listing = "import sys; known = set(sys.modules); import phasegate.workspace.tree; print(*set(sys.modules) - known)"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, check=True, text=True)
    assert set(done.stdout.split()) & SLOW == set()


def test_a_pipe_that_git_would_wait_on_for_ever_ends_at_the_deadline(repository: Repository, tmp_path: Path) -> None:
    os.mkfifo(repository.root / "src" / ".gitignore")
    with pytest.raises(GitTimeout):
        WorkTree(str(repository.root), str(tmp_path / "shadow"), limits=Limits(seconds=0.5)).observe()


def test_a_state_directory_that_cannot_be_made_is_said_so(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateUnavailable):
        WorkTree(str(repository.root), str(tmp_path / "file" / "shadow")).observe()


def test_a_shadow_inside_the_work_tree_is_no_part_of_it(repository: Repository, tree: WorkTree) -> None:
    inside = WorkTree(tree.root, str(repository.root / "my [state]" / "shadow #1"))
    expected = tree.observe()
    assert inside.observe() == expected
    assert inside.observe() == expected


def test_the_shadow_is_for_its_owner_alone(tree: WorkTree, tmp_path: Path) -> None:
    tree.observe()
    shadow = tmp_path / "state" / "shadow"
    assert shadow.stat().st_mode & 0o777 == 0o700


def test_concurrent_observers_agree(repository: Repository, tree: WorkTree, tmp_path: Path) -> None:
    repository.write("src/new.py")
    with ThreadPoolExecutor(4) as pool:
        observers = [WorkTree(tree.root, str(tmp_path / "state" / "shadow")) for _ in range(8)]
        seen = list(pool.map(lambda observer: observer.observe(), observers))
    assert set(seen) == {fresh(tree, tmp_path).observe()}


def test_an_unborn_head_a_commit_and_a_detached_head_are_read(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "new")
    tree = WorkTree(str(repository.root), str(tmp_path / "shadow"))
    assert tree.observe().id == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    repository.write("a.txt")
    before = tree.observe()
    assert before.id == repository.commit()
    assert tree.observe() == before
    repository.git("checkout", "-q", "--detach")
    assert tree.observe() == before


def test_a_shallow_clone_and_a_sha256_repository_are_read(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    repository.git("clone", "-q", "--depth=1", f"file://{repository.root}", str(tmp_path / "shallow"))
    shallow = WorkTree(str(tmp_path / "shallow"), str(tmp_path / "one"))
    assert shallow.observe().id == repository.git("rev-parse", "HEAD^{tree}")
    wide = Repository(tmp_path / "wide", "--object-format=sha256")
    wide.write("docs/a.txt")
    seen = WorkTree(str(wide.root), str(tmp_path / "two"))
    assert seen.observe({"docs/none": "0"}).id == wide.commit()


def test_a_tree_is_laid_out_byte_for_byte(repository: Repository, tree: WorkTree, tmp_path: Path) -> None:
    repository.write(".gitattributes", "* text eol=crlf\n*.py ident\n")
    repository.write("src/app.py", "# $Id$\n")
    (repository.root / "link").symlink_to("src")
    tree.checkout(tree.observe().id, str(tmp_path / "out"))
    assert (tmp_path / "out/src/app.py").read_bytes() == b"# $Id$\n"
    assert os.readlink(tmp_path / "out/link") == "src"


def test_places_that_are_no_work_tree_are_named(
    repository: Repository, tree: WorkTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotARepository):
        WorkTree.locate(str(tmp_path))
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    with pytest.raises(BareRepository):
        WorkTree.locate(str(tmp_path / "bare.git" / "refs"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitMissing):
        tree.observe()
