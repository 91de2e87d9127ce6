"""The look for secrets before a commit: beside whatever hooks there are, never in their stead, and taken out whole."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from phasegate.workspace.git_hooks import ASIDE
from tests.cli.committing import KEY, Repository
from tests.cli.people import SCRIPTS

FULL = os.environ.get("PHASEGATE_TIER") == "release"
SHOUT = '#!/bin/sh\necho ran >> "$(git rev-parse --show-toplevel)/../ran"\n'


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def no_hooks(found: Repository) -> None:
    pass


def plain_hook(found: Repository) -> None:
    found.write(".git/hooks/pre-commit", SHOUT, 0o755)


def bare_last_line(found: Repository) -> None:
    found.write(".git/hooks/pre-commit", "#!/bin/sh", 0o755)


def python_hook(found: Repository) -> None:
    found.write(".git/hooks/pre-commit", "#!/usr/bin/env python3\nopen('../ran', 'a').write('ran\\n')\n", 0o755)


def linked_hook(found: Repository) -> None:
    found.write("tools/hook.sh", SHOUT, 0o755)
    (found.root / ".git/hooks/pre-commit").symlink_to("../../tools/hook.sh")


def sleeping_hook(found: Repository) -> None:
    found.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n", 0o644)


def local_path(found: Repository) -> None:
    found.write("hooks/pre-commit", SHOUT, 0o755)
    found.git("config", "core.hooksPath", "hooks")


def global_path(found: Repository) -> None:
    hook = found.base / "all-hooks" / "pre-commit"
    hook.parent.mkdir()
    hook.write_text(SHOUT)
    hook.chmod(0o755)
    found.git("config", "--global", "core.hooksPath", "~/all-hooks")


def husky_9(found: Repository) -> None:
    runner = '#!/usr/bin/env sh\n. "$(dirname "$0")/h"\n'
    found.write(".husky/_/pre-commit", runner, 0o755)
    found.write(".husky/_/h", 'h="$(dirname "$(dirname "$0")")/$(basename "$0")"\nsh -e "$h" "$@"\nexit $?\n')
    found.write(".husky/pre-commit", "echo ran >> ../ran\n")
    found.git("config", "core.hooksPath", ".husky/_")


def husky_8(found: Repository) -> None:
    source = (
        'if [ -z "$husky_skip_init" ]; then\n  readonly husky_skip_init=1\n  export husky_skip_init\n'
        '  sh -e "$0" "$@"\n  exit $?\nfi\n'
    )
    found.write(".husky/_/husky.sh", source)
    hook = '#!/usr/bin/env sh\n. "$(dirname -- "$0")/_/husky.sh"\n\necho ran >> ../ran\n'
    found.write(".husky/pre-commit", hook, 0o755)
    found.git("config", "core.hooksPath", ".husky")


def husky_4(found: Repository) -> None:
    """Husky 4 runs what package.json says, which a reader of JSON in its hook does here."""
    settings = {"name": "x", "husky": {"hooks": {"pre-commit": "echo ran >> ../ran"}}, "version": "1.0.0"}
    found.write("package.json", json.dumps(settings, indent=2) + "\n")
    read = "import json; print(json.load(open('package.json'))['husky']['hooks']['pre-commit'])"
    hook = f'#!/bin/sh\n# husky\n\n# Created by Husky v4.3.8\nsh -c "$(python3 -c "{read}")"\n'
    found.write(".git/hooks/pre-commit", hook, 0o755)


def pre_commit(found: Repository) -> None:
    settings = """\
# ours
repos:
  - repo: local
    hooks:
      - id: shout
        name: shout
        entry: sh -c 'echo ran >> ../ran'
        language: system
        always_run: true
        pass_filenames: false
"""
    found.write(".pre-commit-config.yaml", settings)
    found.commit()
    subprocess.run([f"{SCRIPTS}/pre-commit", "install"], cwd=found.root, env=found.env, check=True, capture_output=True)


CHAINED = (plain_hook, python_hook, linked_hook, local_path, global_path, husky_9, husky_8, husky_4, pre_commit)
EVERY: tuple[Callable[[Repository], None], ...] = (no_hooks, bare_last_line, sleeping_hook, *CHAINED)


def kept(repository: Repository) -> dict[str, object]:
    """Every file below the repository and the person's home, but git's own data and what runs leave."""
    found: dict[str, object] = {}
    for folder, names, files in os.walk(repository.base):
        names[:] = [n for n in names if n not in ("objects", "logs", "refs", "state", ".cache", "phasegate")]
        for name in files:
            path = os.path.join(folder, name)
            content = os.readlink(path) if os.path.islink(path) else Path(path).read_bytes()
            found[path] = (content, os.lstat(path).st_mode)
    git_own = ("index", "HEAD", "COMMIT_EDITMSG", "ORIG_HEAD", "phasegate.json")
    return {path: held for path, held in found.items() if os.path.basename(path) not in git_own}


USUAL = (no_hooks, python_hook, global_path, husky_9, pre_commit)


@pytest.mark.parametrize(
    "there",
    [
        each if each in USUAL or FULL
        else pytest.param(each, marks=pytest.mark.skip(reason="PHASEGATE_TIER=release runs it"))
        for each in EVERY
    ],
)  # fmt: skip
def test_a_secret_is_refused_whatever_hooks_there_are_and_they_go_on(
    repository: Repository, there: Callable[[Repository], None]
) -> None:
    there(repository)
    repository.commit()
    before = kept(repository)
    repository.hooked()
    repository.commit()
    again = kept(repository)
    assert "nothing was changed" in repository.hooked() and kept(repository) == again
    assert repository.refuses()
    assert repository.commits_clean()
    if there in CHAINED:
        assert repository.ran() >= 1
    assert repository.phasegate("uninstall").returncode == 0
    (repository.root / "clean.py").unlink()
    (repository.base / "ran").unlink(missing_ok=True)
    after = kept(repository)
    assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} <= {
        str(repository.root / ".git/info/exclude")
    }
    assert not repository.refuses()


def test_a_dry_run_shows_the_hook_and_writes_nothing(repository: Repository) -> None:
    plain_hook(repository)
    before = kept(repository)
    said = repository.phasegate(
        "init", "--yes", "--no-baseline", "--allow-ephemeral", "--git-hooks", "--dry-run"
    ).stdout
    assert "+# phasegate:begin" in said and "check secrets --staged" in said
    assert kept(repository) == before


def test_work_trees_and_submodules_have_the_hook_of_their_own_clone(repository: Repository) -> None:
    repository.hooked()
    repository.git("worktree", "add", "-q", "../tree")
    tree = Repository(repository.base, repository.base / "tree")
    assert tree.refuses()
    repository.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository.root), "sub")
    inner = Repository(repository.base, repository.root / "sub")
    assert not inner.refuses()
    inner.hooked()
    assert inner.refuses("other.py")


def test_a_commit_of_one_path_or_of_everything_is_looked_at_as_git_would_commit_it(repository: Repository) -> None:
    repository.hooked()
    repository.write("a.txt", f"{KEY}\n")
    for words in (("-a",), ("a.txt",), ("--only", "a.txt"), ("--include", "a.txt")):
        assert repository.git("commit", "-q", "-m", "x", *words, check=False).returncode == 1


def test_what_a_hook_was_moved_aside_for_never_replaces_it(repository: Repository) -> None:
    python_hook(repository)
    repository.hooked()
    (repository.root / ".git/hooks/pre-commit").unlink()
    repository.hooked()
    assert repository.refuses() and repository.commits_clean() and repository.ran() >= 1
    assert (repository.root / ".git/hooks" / ASIDE).exists()


@pytest.mark.parametrize(
    "settings",
    [
        "pre-commit:\n  parallel: true\n  commands:\n    lint:\n      run: true\n",
        "pre-push:\n  commands:\n    lint:\n      run: true\n",
    ],
)
def test_lefthook_gets_a_command_in_its_own_file(repository: Repository, settings: str) -> None:
    import yaml

    repository.write("lefthook.yml", settings)
    repository.write(".git/hooks/pre-commit", '#!/bin/sh\ncall_lefthook run "pre-commit" "$@"\n', 0o755)
    repository.hooked()
    said = yaml.safe_load((repository.root / "lefthook.yml").read_text())
    commands = said["pre-commit"]["commands"]
    assert commands.pop("phasegate-secrets") == {"run": "phasegate check secrets --staged"}
    assert (yaml.safe_load(settings).get("pre-commit") or {"commands": {}})["commands"] == commands
    assert repository.phasegate("uninstall").returncode == 0
    assert (repository.root / "lefthook.yml").read_text() == settings


def test_hooks_of_a_form_that_nobody_knows_are_left_to_the_person(repository: Repository) -> None:
    repository.write("lefthook.yml", "pre-commit:\n  jobs:\n    - run: true\n")
    repository.write(".git/hooks/pre-commit", '#!/bin/sh\ncall_lefthook run "pre-commit" "$@"\n', 0o755)
    done = repository.phasegate("init", "--yes", "--no-baseline", "--allow-ephemeral", "--git-hooks")
    assert done.returncode != 0 and "(unknown-hooks)" in done.stderr and "check secrets --staged" in done.stderr
    assert not (repository.root / "phasegate.toml").exists()
