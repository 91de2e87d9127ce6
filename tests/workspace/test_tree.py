"""What the digest of a work tree sees, what it leaves alone, and what putting back restores."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from pathlib import Path

import pytest
from git_repository import ROOTS, Repository, fresh, paths

from phasegate.workspace.files import OutsideRoot
from phasegate.workspace.tree import ChangedSince, NotRestorable, WorkTree


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_clean_tree_is_the_tree_of_head(repository: Repository, tree: WorkTree) -> None:
    assert tree.observe().id == repository.git("rev-parse", "HEAD^{tree}")


def test_looking_twice_gives_the_same(tree: WorkTree) -> None:
    assert tree.observe(roots=ROOTS) == tree.observe(roots=ROOTS)


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_an_edit_hidden_by_an_index_flag_is_seen(repository: Repository, tree: WorkTree, flag: str) -> None:
    before = tree.observe()
    repository.git("update-index", flag, "src/app.py")
    repository.write("src/app.py", "value = 2\n")
    assert paths(tree, before.id, tree.observe().id) == ["src/app.py"]


def test_an_edit_hidden_by_a_clean_filter_is_seen_and_the_filter_never_runs(
    repository: Repository, tree: WorkTree, tmp_path: Path
) -> None:
    repository.git("config", "filter.hide.clean", f"touch {tmp_path}/ran; echo 'value = 1'")
    repository.git("config", "filter.hide.required", "true")
    repository.write(".git/info/attributes", "*.py filter=hide\n")
    repository.write(".gitattributes", "*.py filter=hide\n")
    before = tree.observe()
    repository.write("src/app.py", "value = 2\n")
    after = tree.observe()
    assert paths(tree, before.id, after.id) == ["src/app.py"]
    assert before.subject != after.subject
    assert not (tmp_path / "ran").exists()


def test_line_endings_are_hashed_as_they_are(repository: Repository, tree: WorkTree) -> None:
    repository.git("config", "core.autocrlf", "true")
    repository.write(".gitattributes", "* text=auto eol=lf\n*.py ident\n")
    before = tree.observe()
    repository.write("src/app.py", "value = 1\r\n")
    (change,) = tree.changes(before.id, tree.observe().id)
    assert change.after is not None
    assert tree.read_blob(change.after) == b"value = 1\r\n"


@pytest.mark.parametrize("age", [0, 100_000])
def test_an_edit_of_the_same_size_with_its_time_put_back_is_seen(
    repository: Repository, tree: WorkTree, age: int
) -> None:
    """Also within one second of the reading, where git alone is deceived when the time lies in the past."""
    file = repository.write("src/app.py", "value = 1\n")
    for value in range(2, 8):
        then = time.time() - age
        os.utime(file, (then, then))
        before = tree.observe()
        file.write_text(f"value = {value}\n")
        os.utime(file, (then, then))
        assert tree.observe().id != before.id


def test_a_file_hidden_by_info_exclude_moves_the_subject(repository: Repository, tree: WorkTree) -> None:
    repository.write("src/new.txt")
    before = tree.observe()
    repository.write(".git/info/exclude", "src/new.txt\n")
    after = tree.observe()
    assert paths(tree, before.id, after.id) == ["src/new.txt"]
    assert after.subject != before.subject


def test_new_ignore_rules_move_the_subject_even_when_they_hide_nothing(
    repository: Repository, tree: WorkTree, home: Path
) -> None:
    seen = [tree.observe().subject]
    repository.write(".git/info/exclude", "nothing\n")
    seen.append(tree.observe().subject)
    (home / ".gitconfig").write_text("[core]\n\texcludesFile = ~/rules\n")
    (home / "rules").write_text("nobody\n")
    seen.append(tree.observe().subject)
    (home / "rules").write_text("no one\n")
    seen.append(tree.observe().subject)
    assert len(set(seen)) == 4


def test_a_changed_gitignore_is_judged_as_if_it_had_always_been_so(
    repository: Repository, tree: WorkTree, tmp_path: Path
) -> None:
    repository.write("src/data.txt")
    tree.observe()
    repository.write(".gitignore", "*.txt\n")
    after = tree.observe(roots=ROOTS)
    assert after == fresh(tree, tmp_path).observe(roots=ROOTS)
    repository.write(".gitignore", "")
    assert tree.observe(roots=ROOTS) == fresh(tree, tmp_path, "third").observe(roots=ROOTS)


def test_an_ignored_file_that_head_tracks_is_seen(repository: Repository, tree: WorkTree) -> None:
    repository.write("kept.log", "1\n")
    repository.git("add", "-f", "kept.log")
    repository.commit()
    before = tree.observe()
    repository.write("kept.log", "2\n")
    assert paths(tree, before.id, tree.observe().id) == ["kept.log"]


@pytest.mark.parametrize(
    "path",
    """tests/conftest.py src/app.pth sitecustomize.py src/_fast.so tox.ini tests/deep/er/x.py
    .mocharc.cjs jest.config.ts vitest.setup.js src/generated.ts tests/helper.mjs""".split(),
)
def test_an_ignored_file_that_a_runner_loads_moves_the_subject(
    repository: Repository, tree: WorkTree, tmp_path: Path, path: str
) -> None:
    name = path.split("/")[1] if path.count("/") > 1 else os.path.basename(path)
    repository.write(".git/info/exclude", f"{name}\n")
    seen = [tree.observe(roots=ROOTS)]
    repository.write(path, "1\n")
    seen.append(tree.observe(roots=ROOTS))
    repository.write(path, "2\n")
    seen.append(tree.observe(roots=ROOTS))
    assert len({each.subject for each in seen}) == 3
    assert paths(tree, seen[0].id, seen[1].id) == paths(tree, seen[1].id, seen[2].id) == [path]
    (change,) = tree.changes(seen[0].id, seen[1].id)
    assert tree.observe(roots=ROOTS) == seen[2] == fresh(tree, tmp_path).observe(roots=ROOTS)
    assert tree.changed_lines(seen[0].id, seen[2].id, [path]) == {path: {1}}
    with pytest.raises(NotRestorable):
        tree.put_back(change)
    os.unlink(repository.root / path)
    assert tree.observe(roots=ROOTS) == seen[0]


def test_caches_and_environments_leave_the_subject_alone(repository: Repository, tree: WorkTree) -> None:
    repository.write(".git/info/exclude", "build/\n.venv/\n")
    before = tree.observe(roots=ROOTS)
    repository.write("src/__pycache__/app.cpython-311.pyc")
    repository.write(".pytest_cache/.gitignore", "*\n")
    repository.write(".venv/lib/site.py")
    repository.write("build/out.py")
    repository.write("build/out.js")
    assert tree.observe(roots=ROOTS) == before


@pytest.mark.parametrize("path", ["src/__pycache__/impl.py", "src/kept/__pycache__/impl.so", "src/kept/pyvenv.cfg"])
def test_code_in_a_cache_and_an_environment_among_the_sources_are_seen(
    repository: Repository, tree: WorkTree, path: str
) -> None:
    repository.write(".git/info/exclude", "kept/\n")
    before = tree.observe(roots=ROOTS)
    repository.write(path)
    assert paths(tree, before.id, tree.observe(roots=ROOTS).id) == [path]


def test_an_ignore_file_that_hides_itself_is_seen_under_a_root(repository: Repository, tree: WorkTree) -> None:
    repository.write("src/data/rows.txt")
    before = tree.observe(roots=ROOTS)
    repository.write("src/data/.gitignore", "*\n")
    assert tree.observe(roots=ROOTS).subject != before.subject


def test_a_nested_repository_is_listed_as_files(repository: Repository, tree: WorkTree, tmp_path: Path) -> None:
    inner = Repository(repository.root / "vendor" / "inner")
    inner.write("a.txt")
    inner.write("b.log")
    inner.commit()
    deepest = Repository(repository.root / "vendor" / "inner" / "deep")
    deepest.write("c.txt")
    before = tree.observe()
    empty = repository.git("rev-parse", "HEAD^{tree}")
    assert paths(tree, empty, before.id) == ["vendor/inner/a.txt", "vendor/inner/deep/c.txt"]
    inner.write("a.txt", "other\n")
    inner.git("update-index", "--assume-unchanged", "a.txt")
    assert paths(tree, before.id, tree.observe().id) == ["vendor/inner/a.txt"]
    assert tree.observe() == fresh(tree, tmp_path).observe()


def test_a_submodule_counts_by_its_content(repository: Repository, tree: WorkTree, tmp_path: Path) -> None:
    library = Repository(tmp_path / "library")
    library.write("lib.py", "1\n")
    library.commit()
    repository.git("submodule", "add", "-q", str(library.root), "lib")
    repository.commit()
    before = tree.observe()
    repository.write("lib/lib.py", "2\n")
    repository.git("config", "submodule.lib.ignore", "all")
    after = tree.observe()
    assert paths(tree, before.id, after.id) == ["lib/lib.py"]
    assert after == fresh(tree, tmp_path).observe()


def test_another_work_tree_of_the_clone_is_left_out(repository: Repository, tree: WorkTree) -> None:
    before = tree.observe(roots=ROOTS)
    repository.git("worktree", "add", "-q", str(repository.root / ".worktrees" / "other"))
    assert tree.observe(roots=ROOTS) == before
    repository.git("worktree", "add", "-q", str(repository.root / "src" / "evil"))
    assert tree.observe(roots=ROOTS).subject != before.subject


def test_a_linked_work_tree_is_read_like_any_other(repository: Repository, tmp_path: Path) -> None:
    repository.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = WorkTree(str(tmp_path / "linked" / "src"), str(tmp_path / "shadow"))
    assert linked.root == str(tmp_path / "linked")
    assert linked.observe().id == repository.git("rev-parse", "HEAD^{tree}")


def test_nothing_of_the_users_is_touched(repository: Repository, tree: WorkTree) -> None:
    """Not the index, the stash, the configuration; and a secret never reaches the user's objects."""
    repository.write("src/app.py", "value = 2\n")
    repository.git("stash")
    repository.write("src/app.py", "value = 3\n")
    repository.git("add", "src/app.py")
    before = everything_in(repository.root / ".git")
    repository.write("key.pem", "a private key\n")
    first = tree.observe()
    tree.rehash(["key.pem"])
    tree.checkout(first.id, str(repository.root.parent / "laid-out"))
    assert everything_in(repository.root / ".git") == before
    assert "key.pem" in paths(tree, repository.git("rev-parse", "HEAD^{tree}"), first.id)


def test_git_variables_of_a_hook_change_nothing(
    repository: Repository, tree: WorkTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tree.observe()
    for name in ("GIT_INDEX_FILE", "GIT_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS"):
        monkeypatch.setenv(name, "/nonexistent")
    assert fresh(tree, tmp_path).observe() == plain


def test_a_view_is_left_out_exactly_when_it_is_as_rendered(repository: Repository, tree: WorkTree) -> None:
    without = tree.observe().subject
    repository.write("state/agent_state.json", "{}\n")
    digest = hashlib.sha256(b"{}\n").hexdigest()
    views = {"state/agent_state.json": digest, "investigations/a/evidence.json": digest}
    assert tree.observe(views).subject == without
    repository.write("state/agent_state.json", "{} \n")
    assert tree.observe(views).subject != without
    repository.write("state/agent_state.json", "{}\n")
    repository.write("state/other.json", "{}\n")
    assert tree.observe(views).subject != without


def test_ticking_the_plan_does_not_move_the_subject_and_any_other_edit_does(
    repository: Repository, tree: WorkTree
) -> None:
    blanks = {"docs/phases.md": lambda text: text.replace(b"[x]", b"[ ]")}
    repository.write("docs/phases.md", "- [ ] one\n")
    before = tree.observe(blanks=blanks)
    repository.write("docs/phases.md", "- [x] one\n")
    ticked = tree.observe(blanks=blanks)
    assert ticked.subject == before.subject
    assert ticked.id != before.id
    repository.write("docs/phases.md", "- [x] two\n")
    assert tree.observe(blanks=blanks).subject != before.subject
    (repository.root / "docs/phases.md").chmod(0o755)
    repository.write("docs/phases.md", "- [x] one\n")
    assert tree.observe(blanks=blanks).subject != before.subject


WEIRD = [
    "a b",
    'it\'s "q"',
    "new\nline",
    "tab\t",
    "Ünï/ço∂é",
    "-dash",
    ":(glob)x",
    "back\\slash",
    "git~1",
    "#x",
    "\udcff\udcfe",
]


@pytest.mark.parametrize("name", WEIRD)
def test_any_name_comes_through(repository: Repository, tree: WorkTree, name: str) -> None:
    before = tree.observe()
    target = os.path.join(os.fsencode(repository.root), os.fsencode(name))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(b"one\n")
    middle = tree.observe()
    with open(target, "wb") as file:
        file.write(b"one\ntwo\n")
    after = tree.observe()
    (change,) = tree.changes(middle.id, after.id)
    assert change.path == name
    assert tree.rehash([name]) == {name: change.after}
    assert tree.changed_lines(middle.id, after.id, [name]) == {name: {2}}
    tree.put_back(change)
    assert tree.observe().id == middle.id
    (made,) = tree.changes(before.id, middle.id)
    tree.put_back(made)
    assert tree.observe().id == before.id


def test_put_back_restores_content_mode_links_and_what_was_deleted(repository: Repository, tree: WorkTree) -> None:
    script = repository.write("run.sh", "#!/bin/sh\n")
    script.chmod(0o755)
    (repository.root / "link").symlink_to("src/app.py")
    before = tree.observe()
    script.chmod(0o644)
    (repository.root / "link").unlink()
    (repository.root / "link").symlink_to("/etc/passwd")
    (repository.root / "src/app.py").unlink()
    (repository.root / "src").rmdir()
    repository.write("tests/test_app.py", "assert False\n")
    repository.write("created.txt", "created\n")
    kept = {change.path: tree.put_back(change) for change in tree.changes(before.id, tree.observe().id)}
    assert tree.observe().id == before.id
    assert os.access(script, os.X_OK)
    assert os.readlink(repository.root / "link") == "src/app.py"
    assert not (repository.root / "created.txt").exists()
    blob = kept["created.txt"].blob
    assert blob is not None
    assert tree.read_blob(blob) == b"created\n"
    subprocess.run(kept["created.txt"].restore_command, shell=True, check=True)
    assert (repository.root / "created.txt").read_text() == "created\n"


def test_put_back_turns_a_directory_into_the_file_it_was(repository: Repository, tree: WorkTree) -> None:
    before = tree.observe()
    (repository.root / "src/app.py").unlink()
    repository.write("src/app.py/inner.txt")
    changes = tree.changes(before.id, tree.observe().id)
    for change in sorted(changes, key=lambda each: each.before is not None):
        tree.put_back(change)
    assert tree.observe().id == before.id


def test_put_back_never_follows_a_link_out(repository: Repository, tree: WorkTree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    before = tree.observe()
    (repository.root / "src/app.py").unlink()
    (repository.root / "src").rmdir()
    (repository.root / "src").symlink_to(outside)
    changes = {change.path: change for change in tree.changes(before.id, tree.observe().id)}
    with pytest.raises(OutsideRoot):
        tree.put_back(changes["src/app.py"])
    assert list(outside.iterdir()) == []


def test_no_name_hides_a_file_from_the_digest(repository: Repository, tree: WorkTree) -> None:
    before = tree.observe()
    repository.write("src/.impl.1-1.phasegate")
    assert paths(tree, before.id, tree.observe().id) == ["src/.impl.1-1.phasegate"]


def test_a_directory_replaced_by_a_link_to_its_copy_is_seen_as_what_it_is(
    repository: Repository, tree: WorkTree, tmp_path: Path
) -> None:
    before = tree.observe()
    (repository.root / "src").rename(tmp_path / "src")
    (repository.root / "src").symlink_to(tmp_path / "src")
    assert paths(tree, before.id, tree.observe().id) == ["src", "src/app.py"]


def test_put_back_refuses_when_the_file_has_changed_since(repository: Repository, tree: WorkTree) -> None:
    before = tree.observe()
    repository.write("src/app.py", "value = 2\n")
    (change,) = tree.changes(before.id, tree.observe().id)
    repository.write("src/app.py", "the person's own work\n")
    with pytest.raises(ChangedSince):
        tree.put_back(change)
    assert (repository.root / "src/app.py").read_text() == "the person's own work\n"


def test_a_difference_is_a_patch_a_person_can_read_whatever_attributes_say(
    repository: Repository, tree: WorkTree, tmp_path: Path
) -> None:
    repository.write(".gitattributes", "*.py -diff\n")
    before = tree.observe()
    repository.write("src/app.py", "value = 2\n")
    repository.write("image.bin", bytes(range(256)))
    after = tree.observe()
    patch = tree.difference(before.id, after.id)
    assert b"\n-value = 1\n+value = 2\n" in patch
    tree.checkout(before.id, str(tmp_path / "out"))
    subprocess.run(["git", "apply", "-"], cwd=tmp_path / "out", input=patch, check=True)
    assert (tmp_path / "out/image.bin").read_bytes() == bytes(range(256))


def test_of_an_edited_file_whose_lines_end_where_git_sees_no_end_all_lines_are_changed(
    repository: Repository, tree: WorkTree
) -> None:
    ends = {"src/app.py": "a = 1\rb = 2\r", "src/a.js": "a();\u2028b();\u2029c();\n", "src/crlf.py": "a\r\nb\r\nc\r\n"}
    for path in ends:
        repository.write(path, "a\r\n")
    before = tree.observe()
    for path, text in ends.items():
        (repository.root / path).write_bytes(text.encode())
    (repository.root / "src/fresh.py").write_bytes(b"a = 1\rb = 2\rc = 3\n")
    found = tree.changed_lines(before.id, tree.observe().id, [*ends, "src/fresh.py"])
    assert {path: len(lines) for path, lines in found.items()} == {
        "src/app.py": 3, "src/a.js": 3, "src/crlf.py": 2, "src/fresh.py": 3
    }  # fmt: skip


def test_changed_lines_are_those_of_the_new_file(repository: Repository, tree: WorkTree) -> None:
    repository.write("src/app.py", "a\nb\nc\nd\n")
    repository.write("src/app-2.py", "\ndiff --git a b\n@@ -1 +9 @@\n")
    repository.write("src/gone.py", "a\n")
    before = tree.observe()
    repository.write("src/app.py", "a\nB\nc\nnew\nnew\nd\n")
    repository.write("src/fresh.py", "1\n2\n@@ -1 +1 @@")
    repository.write("src/app-2.py", "\n\ndiff --git a b\ndiff --git b c\n@@ -1 +9 @@\r\n\0")
    (repository.root / "tests/test_app.py").chmod(0o755)
    (repository.root / "src/gone.py").unlink()
    after = tree.observe()
    assert tree.changed_lines(before.id, after.id, ["src/app.py", "src/app-2.py"])["src/app-2.py"] == {2, 4, 5, 6}
    assert tree.changed_lines(before.id, after.id, []) == {}
    lines = tree.changed_lines(before.id, after.id, ["src/app.py", "src/fresh.py", "src/gone.py", "tests/test_app.py"])
    assert lines == {
        "src/app.py": {2, 4, 5},
        "src/fresh.py": {1, 2, 3},
        "src/gone.py": set(),
        "tests/test_app.py": set(),
    }
