"""Writes land whole, beneath the root, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.workspace.files import (
    DiskFull,
    NotReadable,
    NotWritable,
    Occupied,
    OutsideRoot,
    TooLarge,
    contained,
    place,
    read_capped,
    remove,
    write_atomic,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def test_a_write_makes_its_directories_and_leaves_no_other_file(root: Path) -> None:
    write_atomic(str(root), "a/b/c.txt", b"one")
    write_atomic(str(root), "a/b/c.txt", b"two")
    assert [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()] == ["a/b/c.txt"]
    assert (root / "a/b/c.txt").read_bytes() == b"two"


def test_a_rewritten_file_keeps_its_mode_unless_one_is_named(root: Path) -> None:
    write_atomic(str(root), "run.sh", b"one", mode=0o750)
    write_atomic(str(root), "run.sh", b"two")
    assert (root / "run.sh").stat().st_mode & 0o777 == 0o750


def test_a_link_inside_is_written_through_and_one_leading_out_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "AGENTS.md").write_text("old")
    (root / "CLAUDE.md").symlink_to("AGENTS.md")
    write_atomic(str(root), "CLAUDE.md", b"new")
    assert (root / "CLAUDE.md").is_symlink()
    assert (root / "AGENTS.md").read_text() == "new"
    (root / "out").symlink_to(tmp_path)
    (root / "file").symlink_to(tmp_path / "victim")
    for path in (
        "out/victim",
        "file",
        "../victim",
        str(tmp_path / "victim"),
        ".git/hooks/pre-commit",
        ".GIT/config",
        ".",
    ):
        with pytest.raises(OutsideRoot):
            write_atomic(str(root), path, b"x")
    assert not (tmp_path / "victim").exists()


def test_placing_follows_no_link_at_all(root: Path) -> None:
    (root / "real").mkdir()
    (root / "link").symlink_to("real")
    with pytest.raises(OutsideRoot):
        place(str(root), "link/file", b"x")
    place(str(root), "link", b"x")
    assert not (root / "link").is_symlink()
    assert list((root / "real").iterdir()) == []


def test_a_directory_in_the_way_is_said_so(root: Path) -> None:
    (root / "taken").mkdir()
    with pytest.raises(Occupied):
        write_atomic(str(root), "taken", b"x")
    assert [path.name for path in root.iterdir()] == ["taken"]


def test_reading_ends_at_the_cap_and_at_what_is_no_file(root: Path) -> None:
    (root / "a").write_bytes(b"12345")
    assert read_capped(str(root), "a", 5) == b"12345"
    with pytest.raises(TooLarge):
        read_capped(str(root), "a", 4)
    os.mkfifo(root / "pipe")
    for path in ("pipe", "missing"):
        with pytest.raises(NotReadable):
            read_capped(str(root), path, 5)


def test_what_a_killed_writer_left_is_cleared_by_the_next(root: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (root / f".a.{gone.pid}-1.phasegate").touch()
    (root / f".a.{os.getpid()}-1.phasegate").touch()
    (root / ".a.notes.phasegate").touch()
    write_atomic(str(root), "a", b"x")
    left = sorted(path.name for path in root.iterdir())
    assert left == sorted(["a", f".a.{os.getpid()}-1.phasegate", ".a.notes.phasegate"])


def test_a_name_as_long_as_names_can_be_is_written(root: Path) -> None:
    write_atomic(str(root), "\U0001f600" * 63, b"x")


def test_removing_what_is_not_there_is_fine(root: Path) -> None:
    remove(str(root), "a/b")
    write_atomic(str(root), "a/b", b"x")
    remove(str(root), "a/b")
    assert not (root / "a/b").exists()


def test_a_full_disk_keeps_the_old_content(root: Path) -> None:
    """The limit on file size stands in for a disk without room."""
    (root / "a").write_bytes(b"old")
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
        "from phasegate.workspace.files import DiskFull, write_atomic\n"
        "try: write_atomic(sys.argv[1], 'a', b'x' * 1000)\n"
        "except DiskFull as full: print(full.hint)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(root)], capture_output=True, check=True)
    assert b"the old content is untouched" in done.stdout
    assert [(path.name, path.read_bytes()) for path in root.iterdir()] == [("a", b"old")]
    assert DiskFull.code == "disk-full"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_file_system_that_refuses_is_said_so() -> None:
    with pytest.raises(NotWritable):
        write_atomic("/proc", "phasegate", b"x")


@given(st.lists(st.sampled_from(["a", "..", ".", "", "link", "out", "\0", "a b"]), max_size=6))
def test_what_is_contained_lies_beneath_the_root(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    root = tmp_path_factory.getbasetemp() / "contained"
    if not root.exists():
        root.mkdir()
        (root / "link").symlink_to(".")
        (root / "out").symlink_to("/")
    found = contained(str(root), "/".join(parts))
    if found is not None:
        assert os.path.realpath(root / found).startswith(str(root.resolve()))
        assert found == "." or ".." not in found.split("/")


def test_a_file_of_a_work_tree_is_written_in_gits_directory_first(root: Path) -> None:
    """There no digest looks, so that no name needs to be hidden from digests; and the next writer clears it."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    (root / ".git").mkdir()
    (root / f".git/.phasegate-writing.{gone.pid}-1.phasegate").touch()
    (root / "src").mkdir()
    write_atomic(str(root), "src/a", b"x")
    assert (root / "src/a").read_bytes() == b"x"
    assert list((root / ".git").iterdir()) == []


def test_a_git_directory_that_cannot_be_used_is_no_hindrance(root: Path) -> None:
    (root / ".git").write_text("gitdir: /proc\n")
    write_atomic(str(root), "a", b"x")
    assert sorted(path.name for path in root.iterdir()) == [".git", "a"]
