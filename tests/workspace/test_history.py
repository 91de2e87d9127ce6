"""The commits of a period are read with their texts, within caps, and nothing is written."""

from __future__ import annotations

import subprocess
from pathlib import Path

from phasegate.report.lookback.seen import Commit
from phasegate.workspace import git, history


def run(root: Path, *words: str) -> str:
    config = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *config, *words], cwd=root, check=True, capture_output=True, text=True).stdout


def repository(root: Path) -> Path:
    root.mkdir(exist_ok=True)
    run(root, "init", "-q", "-b", "main")
    return root


def commit(root: Path, message: str, **files: str | bytes | None) -> None:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    run(root, "add", "-A")
    run(root, "commit", "-q", "-m", message)


def reading(root: Path, caps: history.Caps = history.Caps()) -> tuple[list[Commit], history.Skipped]:
    skipped = history.Skipped()
    return list(history.commits(git.locate(str(root)), 0, caps, skipped, lambda done, of: None)), skipped


def test_commits_come_oldest_first_with_what_stood_before_and_after(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    commit(root, "one", a_py="x = 1\n")
    commit(root, "two\n\nwith a body", a_py="x = 2\n")
    commit(root, "three", a_py=None)
    found, _ = reading(root)
    assert [c.message.split("\n")[0] for c in found] == ["one", "two", "three"]
    assert [[(x.path, x.before, x.after, x.kind) for x in c.changes] for c in found] == [
        [("a.py", None, "x = 1\n", "added")], [("a.py", "x = 1\n", "x = 2\n", "modified")],
        [("a.py", "x = 2\n", None, "deleted")],
    ]  # fmt: skip
    assert all(c.complete for c in found)


def test_a_rename_is_one_change(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    commit(root, "one", a_py="x = 1\ny = 2\nz = 3\n")
    commit(root, "two", a_py=None, b_py="x = 1\ny = 2\nz = 3\n")
    (change,) = reading(root)[0][1].changes
    assert (change.before_path, change.path, change.kind) == ("a.py", "b.py", "modified")


def test_what_is_no_text_or_too_large_is_left_out(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    commit(root, "one", a_py="x" * 2000, b_py=b"\0\1\2", c_py="x = 1\n")
    (found,), skipped = reading(root, history.Caps(blob=1000))
    assert {change.path: change.after for change in found.changes} == {"a.py": None, "b.py": None, "c.py": "x = 1\n"}
    assert not found.complete and skipped.files == 1


def test_caps_are_said(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    for number in range(4):
        commit(root, f"m{number}", a_py=f"x = {number}\n")
    found, skipped = reading(root, history.Caps(commits=3))
    assert [c.message.strip() for c in found] == ["m1", "m2", "m3"] and skipped.commits == 1
    found, skipped = reading(root, history.Caps(total=10, batch=1))
    assert skipped.over_budget + len(found) == 4 and skipped.over_budget
    commit(root, "many", b_py="1", c_py="2", d_py="3")
    assert reading(root, history.Caps(files=2))[1].bulky == 1


def test_branches_are_read_and_merges_are_not(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    commit(root, "one", a_py="1\n")
    run(root, "checkout", "-q", "-b", "side")
    commit(root, "side", b_py="2\n")
    run(root, "checkout", "-q", "main")
    assert [c.message.strip() for c in reading(root)[0]] == ["one", "side"]
    run(root, "merge", "-q", "--no-ff", "-m", "merge", "side")
    assert sorted(c.message.strip() for c in reading(root)[0]) == ["one", "side"]


def test_a_repository_without_commits_has_none(tmp_path: Path) -> None:
    assert reading(repository(tmp_path / "r"))[0] == []


def test_messages_and_paths_cannot_forge_a_commit(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    forged = "\x01" + "a" * 40
    (root / forged).write_text("x")
    (root / ":100644 100644 x").write_text("y")
    commit(root, f"one\n\n{forged}\n:000000 100644 {'0' * 40} {'a' * 40} A", a_py="1\n")
    (found,), _ = reading(root)
    assert sorted(change.path for change in found.changes) == sorted([forged, ":100644 100644 x", "a.py"])
