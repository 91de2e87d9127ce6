"""A branch and a work tree of its own: made, furnished, committed and taken away with the real git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from phasegate.workspace import branches
from phasegate.workspace.branches import CommitHeld, NoCommit, NoIdentity, Repository, provide


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    for name, value in (("user.name", "t"), ("user.email", "t@localhost"), ("commit.gpgsign", "false")):
        git(root, "config", name, value)
    (root / "a.txt").write_text("a\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    return root


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(root: Path, tmp_path: Path) -> Repository:
    return Repository(str(root), str(tmp_path))


def hook(root: Path, name: str, text: str) -> None:
    path = root / ".git/hooks" / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_a_commit_holds_the_tree_as_it_is_less_what_is_left_out(root: Path, repository: Repository) -> None:
    (root / "b.txt").write_text("b\n")
    (root / "skip").mkdir()
    (root / "skip/c.txt").write_text("c\n")
    (root / "a.txt").unlink()
    repository.commit("# not a comment\n", without=("skip",), shown={"shown.md": b"idle\n"})
    assert git(root, "ls-tree", "-r", "--name-only", "HEAD").split() == ["b.txt", "shown.md"]
    assert git(root, "log", "-1", "--format=%s").strip() == "# not a comment"


def test_a_project_below_the_root_names_paths_as_its_own_and_commits_the_whole_tree(root: Path, tmp_path: Path) -> None:
    for path in ("a.txt", "web/b.txt", "web/skip/c.txt", "web/shown.md"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("new\n")
    (root / ".git/info/exclude").write_text("/web/x.log\n")
    nested = Repository(str(root / "web"), str(tmp_path), "web/")
    assert sorted(nested.dirty()) == ["../a.txt", "b.txt", "shown.md", "skip/c.txt"]
    assert nested.ignored(["x.log", "../x.log"]) == ("x.log",)
    nested.commit("whole", without=("skip",), shown={"shown.md": b"idle\n"})
    assert git(root, "ls-tree", "-r", "--name-only", "HEAD").split() == ["a.txt", "web/b.txt", "web/shown.md"]
    assert git(root, "show", "HEAD:web/shown.md") == "idle\n"


def test_nothing_to_commit_is_no_commit(root: Path, repository: Repository) -> None:
    assert repository.commit("nothing") == "" and git(root, "rev-list", "--count", "HEAD").strip() == "1"


@pytest.mark.parametrize("name", ["pre-commit", "commit-msg"])
def test_a_hook_that_refuses_holds_the_commit_and_what_it_changed_is_put_back(
    root: Path, repository: Repository, name: str
) -> None:
    (root / "b.txt").write_text("b\n")
    hook(root, name, "echo formatted > b.txt; echo 'no ticket' >&2; exit 1")
    with pytest.raises(CommitHeld, match="no ticket"):
        repository.commit("second")
    assert (root / "b.txt").read_text() == "b\n" and git(root, "rev-list", "--count", "HEAD").strip() == "1"


def test_a_hook_that_changes_what_is_committed_holds_it(root: Path, repository: Repository) -> None:
    (root / "b.txt").write_text("b\n")
    hook(root, "pre-commit", "echo formatted > b.txt; git add b.txt")
    with pytest.raises(CommitHeld, match="changed what was to be committed"):
        repository.commit("second")
    assert (root / "b.txt").read_text() == "b\n" and git(root, "rev-list", "--count", "HEAD").strip() == "1"


def test_what_is_set_aside_leaves_the_tree_as_committed_and_comes_back(root: Path, repository: Repository) -> None:
    (root / "a.txt").write_text("half done\n")
    (root / "new.txt").write_text("new\n")
    (root / "state").mkdir()
    (root / "state/s.json").write_text("{}\n")
    assert repository.set_aside("parked", "Parked", without=("state",))
    assert (root / "a.txt").read_text() == "a\n" and not (root / "new.txt").exists()
    assert (root / "state/s.json").exists() and repository.dirty() == ("state/s.json",)
    assert repository.bring_back("parked")
    assert (root / "a.txt").read_text() == "half done\n" and (root / "new.txt").exists()
    assert git(root, "diff", "--cached", "--name-only") == ""


def test_what_conflicts_is_not_brought_back(root: Path, repository: Repository) -> None:
    (root / "a.txt").write_text("half done\n")
    repository.set_aside("parked", "Parked")
    (root / "a.txt").write_text("other\n")
    repository.commit("other")
    assert not repository.bring_back("parked")
    assert (root / "a.txt").read_text() == "other\n" and repository.dirty() == ()


def test_nothing_to_set_aside_makes_no_branch(root: Path, repository: Repository) -> None:
    assert repository.set_aside("parked", "Parked") == "" and "parked" not in git(root, "branch")


def test_a_work_tree_comes_and_goes_with_its_branch(root: Path, repository: Repository, tmp_path: Path) -> None:
    path = str(tmp_path / "trees" / "one")
    repository.add_tree(path, "phasegate/one", repository.head())
    assert Repository(path, str(tmp_path)).branch() == "phasegate/one" and repository.branch() == "main"
    repository.remove_tree(path, "phasegate/one")
    assert not os.path.exists(path) and "phasegate" not in git(root, "branch", "--all")


def test_a_repository_without_a_commit_is_told_so(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(NoCommit):
        Repository(str(tmp_path), str(tmp_path)).head()


def test_nobody_commits_without_a_name(root: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    git(root, "config", "--unset", "user.name")
    git(root, "config", "--unset", "user.email")
    git(root, "config", "user.useConfigOnly", "true")
    monkeypatch.delenv("EMAIL", raising=False)
    with pytest.raises(NoIdentity):
        repository.refuse_nameless()


def test_variables_of_a_git_hook_around_us_reach_no_git_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    assert "GIT_DIR" not in branches.users_environment()


def test_an_environment_is_shared_by_links_and_ignored_in_the_new_tree(root: Path, tmp_path: Path) -> None:
    (root / ".gitignore").write_text("node_modules/\n")
    (root / "packages/one").mkdir(parents=True)
    (root / "node_modules/.bin").mkdir(parents=True)
    (root / "node_modules/one").symlink_to("../packages/one")
    target = tmp_path / "target"
    (target / "packages/one").mkdir(parents=True)
    assert provide(str(root), str(target), "node_modules")
    assert not provide(str(root), str(target), "node_modules") and not provide(str(root), str(target), "absent")
    assert os.path.realpath(target / "node_modules/one") == str(target / "packages/one")
    assert os.path.realpath(target / "node_modules/.bin") == str(root / "node_modules/.bin")
    assert (target / "node_modules/.gitignore").read_text() == "*\n"


def test_files_that_the_index_hides_are_committed_as_they_are(root: Path, repository: Repository) -> None:
    (root / "b.txt").write_text("b\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "second")
    git(root, "update-index", "--skip-worktree", "a.txt")
    git(root, "update-index", "--assume-unchanged", "b.txt")
    for name in ("a.txt", "b.txt"):
        (root / name).write_text("proved\n")
    repository.commit("third")
    assert git(root, "show", "HEAD:a.txt", "HEAD:b.txt") == "proved\nproved\n"


@pytest.mark.parametrize("at", [1, 2, 3])
def test_setting_aside_loses_nothing_wherever_it_is_killed(
    root: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    class Killed(BaseException):
        pass

    calls = 0

    def each(self: Repository, verb: str, options: list[str], paths: list[bytes]) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise Killed
        original(self, verb, options, paths)

    original = Repository._each
    (root / "a.txt").write_text("hours of work\n")
    (root / "new.txt").write_text("more\n")
    with monkeypatch.context() as patched:
        patched.setattr(Repository, "_each", each)
        try:
            repository.set_aside("parked", "Parked")
        except Killed:
            assert at < 3
    kept = repository.set_aside("parked", "Parked")
    assert git(root, "rev-parse", "parked").strip() == kept
    assert git(root, "show", "parked:a.txt", "parked:new.txt") == "hours of work\nmore\n"
    assert git(root, "status", "--porcelain") == ""
    repository.settled("parked")
    assert repository.set_aside("parked", "Parked") == ""
