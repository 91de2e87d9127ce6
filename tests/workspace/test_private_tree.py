"""A private tree holds exactly what was observed, whatever a run did to it before."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from git_repository import Repository

from phasegate.workspace.private_tree import LARGE, NotPrivate, PrivateTree
from phasegate.workspace.subject import described
from phasegate.workspace.tree import WorkTree


@pytest.fixture
def private(tree: WorkTree, tmp_path: Path) -> PrivateTree:
    return PrivateTree(str(tmp_path / "private"), tree.contents, tree.name_of, (".venv",))


def held(private: PrivateTree) -> dict[str, bytes]:
    root = Path(private.root)
    found = [path for path in sorted(root.rglob("*")) if path.is_symlink() or path.is_file()]
    return {
        str(path.relative_to(root)): os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        for path in found
    }


def lay_out(tree: WorkTree, private: PrivateTree) -> int:
    with private.locked():
        return private.lay_out(tree.listing(tree.observe().id))


def test_it_holds_the_bytes_the_modes_and_the_links_of_the_tree(
    repository: Repository, tree: WorkTree, private: PrivateTree
) -> None:
    repository.write("a/run.sh", "#!/bin/sh\r\n").chmod(0o755)
    (repository.root / "a/link").symlink_to("run.sh")
    lay_out(tree, private)
    found = held(private)
    assert found.pop("a/run.sh") == b"#!/bin/sh\r\n" and found.pop("a/link") == b"run.sh"
    assert sorted(found) == [".gitignore", "src/app.py", "tests/test_app.py"]
    assert os.access(private.path("a/run.sh"), os.X_OK) and not os.access(private.path("src/app.py"), os.X_OK)
    assert Path(private.home).stat().st_mode & 0o777 == 0o700


def test_no_filter_of_the_repository_has_a_say(
    repository: Repository, tree: WorkTree, private: PrivateTree, tmp_path: Path
) -> None:
    repository.git("config", "filter.bend.smudge", f"touch {tmp_path}/ran; echo 'value = 42'")
    repository.write(".gitattributes", "*.py filter=bend\n")
    lay_out(tree, private)
    assert held(private)["src/app.py"] == b"value = 1\n" and not (tmp_path / "ran").exists()


def test_only_what_differs_is_written_again_and_no_file_keeps_the_time_of_another_content(
    repository: Repository, tree: WorkTree, private: PrivateTree
) -> None:
    assert lay_out(tree, private) == 3
    before = os.stat(private.path("src/app.py")).st_mtime_ns
    assert lay_out(tree, private) == 0
    repository.write("src/app.py", "value = 2\n")
    assert lay_out(tree, private) == 1
    assert held(private)["src/app.py"] == b"value = 2\n"
    assert os.stat(private.path("src/app.py")).st_mtime_ns // 10**9 != before // 10**9


def test_what_a_run_wrote_is_seen_and_is_gone_the_next_time(tree: WorkTree, private: PrivateTree) -> None:
    lay_out(tree, private)
    app, planted = Path(private.path("src/app.py")), Path(private.path("src/planted/__init__.py"))
    status = app.stat()
    app.write_text("value = 9\n")
    os.utime(app, ns=(status.st_atime_ns, status.st_mtime_ns))
    planted.parent.mkdir()
    planted.write_text("evil = True\n")
    Path(private.path("tests/test_app.py")).unlink()
    assert sorted(private.changed()) == ["src/app.py", "tests/test_app.py"]
    assert private.added() == ("src/planted/__init__.py",)
    assert lay_out(tree, private) == 2
    assert sorted(held(private)) == [".gitignore", "src/app.py", "tests/test_app.py"]
    assert held(private)["src/app.py"] == b"value = 1\n" and private.changed() == ()


def test_a_folder_where_a_file_was_and_a_link_where_a_folder_was_are_put_right(
    tree: WorkTree, private: PrivateTree, tmp_path: Path
) -> None:
    lay_out(tree, private)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/app.py").write_text("value = 7\n")
    shutil.rmtree(private.path("src"))
    os.symlink(tmp_path / "elsewhere", private.path("src"))
    Path(private.path(".gitignore")).unlink()
    Path(private.path(".gitignore")).mkdir()
    lay_out(tree, private)
    assert held(private)["src/app.py"] == b"value = 1\n" and not os.path.islink(private.path("src"))
    assert (tmp_path / "elsewhere/app.py").read_text() == "value = 7\n"


def test_what_others_provide_is_left_alone(tree: WorkTree, private: PrivateTree, tmp_path: Path) -> None:
    lay_out(tree, private)
    (tmp_path / "env").mkdir()
    os.symlink(tmp_path / "env", private.path(".venv"))
    lay_out(tree, private)
    assert os.path.islink(private.path(".venv")) and private.added() == ()


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside", "a/../../outside"])
def test_a_link_that_leads_out_is_refused(
    repository: Repository, tree: WorkTree, private: PrivateTree, target: str
) -> None:
    (repository.root / "link").symlink_to(target)
    with pytest.raises(NotPrivate, match="leads out of the project"):
        lay_out(tree, private)


def test_a_file_too_large_to_hash_is_copied_while_it_is_what_was_observed(
    repository: Repository, tree: WorkTree, private: PrivateTree, tmp_path: Path
) -> None:
    file = repository.write("data.bin", b"x" * 100)
    copying = PrivateTree(str(tmp_path / "copying"), tree.contents, tree.name_of, (), tree.root)
    wanted = {"data.bin": (LARGE, described(file.stat()))}
    with copying.locked():
        pass
    assert [copying.lay_out(wanted), copying.lay_out(wanted)] == [1, 0]
    assert held(copying) == {"data.bin": b"x" * 100}
    Path(copying.path("data.bin")).write_bytes(b"y" * 100)
    assert copying.changed() == ("data.bin",)
    file.write_bytes(b"z" * 100)
    with pytest.raises(NotPrivate, match="changed while"):
        copying.lay_out(wanted)
