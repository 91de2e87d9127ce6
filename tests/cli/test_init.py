"""`init` and `uninstall` as a person runs them, in repositories of every shape."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from phasegate import wiring
from phasegate.ledger.schema import fact_of
from phasegate.settings import Settings
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.toml import write_workflow
from tests.cli.people import PHASEGATE, as_person

Done = subprocess.CompletedProcess[str]
RUN = "import sys; from phasegate.entrypoints.cli import app; sys.exit(app.run())"
PROJECT = "0b5dd3c2-7bdc-4d8c-9a49-2b1f5c3e6a11"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "it's my\u00a0projekt ü"
    root.mkdir()
    git(root, "init", "-q")
    return root


def git(root: Path, *words: str) -> None:
    run = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
    subprocess.run(run, check=True, capture_output=True)


def init(root: Path, *options: str, **env: str) -> Done:
    return as_person(["phasegate", "init", "--allow-ephemeral", *options], root, state(root) | env)


def uninstall(root: Path, *options: str) -> Done:
    return as_person(["phasegate", "uninstall", *options], root, state(root))


def state(root: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(root.parent / "state")}


def everything(root: Path) -> dict[str, bytes | None]:
    """Each file with its bytes and each folder, and the clone's own ignore rules; less what git keeps for itself."""
    paths = [path for path in root.rglob("*") if ".git" not in path.relative_to(root).parts]
    found = {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in paths}
    exclude = root / ".git/info/exclude"
    return found | ({"exclude": exclude.read_bytes()} if exclude.exists() else {})


def refused(done: Done, code: str, root: Path, before: dict[str, bytes | None], *, status: int = 2) -> None:
    """Words and a remedy, and not a byte written."""
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
    assert f"({code})" in done.stderr
    assert everything(root) == before


# --- what it puts in --------------------------------------------------------------------------------------------------


def test_init_puts_in_fewer_than_twelve_files_and_says_which(repository: Path) -> None:
    before = everything(repository)
    done = init(repository, "--json")
    assert done.returncode == 0, done.stderr
    new = {path for path, content in everything(repository).items() if content is not None} - set(before)
    assert new == {"phasegate.toml", "CLAUDE.md", ".claude/settings.local.json", ".claude/skills/phasegate/SKILL.md"}
    assert set(json.loads(done.stdout)["changed"]) == new | {".git/info/exclude"}


def test_a_second_time_changes_nothing_and_says_so(repository: Path) -> None:
    assert init(repository).returncode == 0
    before, events = everything(repository), kinds(repository)
    again = init(repository)
    assert "nothing was changed" in again.stdout
    assert everything(repository) == before and kinds(repository) == events


def test_a_dry_run_shows_a_difference_and_writes_nothing(repository: Path) -> None:
    before = everything(repository)
    shown = init(repository, "--dry-run")
    assert "+++ b/phasegate.toml" in shown.stdout and "onFailure" in shown.stdout
    assert everything(repository) == before
    assert not os.path.exists(state(repository)["XDG_STATE_HOME"]) and not (repository / ".git/phasegate").exists()


def test_the_ledger_is_born_and_knows_what_was_trusted_and_what_is_our_own(repository: Path) -> None:
    init(repository)
    assert kinds(repository) == ["LedgerBorn", "SettingsTrusted", "ViewRendered", "ViewRendered"]
    project = opened(repository)
    assert not wiring.changed_settings(project)
    assert stat.S_IMODE(os.stat(project.directory).st_mode) == 0o700
    project.close()


def test_what_git_shows_is_only_what_can_be_committed(repository: Path) -> None:
    init(repository)
    listing = subprocess.run(["git", "status", "--porcelain", "-uall"], cwd=repository, capture_output=True, text=True)
    assert sorted(line[3:] for line in listing.stdout.splitlines()) == [
        ".claude/skills/phasegate/SKILL.md", "CLAUDE.md", "phasegate.toml",
    ]  # fmt: skip


def test_a_team_shares_hooks_and_ignore_lines_and_a_colleague_joins_without_a_second_set(repository: Path) -> None:
    done = init(repository, "--scope", "team", "--required")
    assert ".gitignore" in done.stdout and (repository / ".claude/settings.json").exists()
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "phasegate")
    clone = repository.parent / "clone"
    git(repository, "clone", "-q", ".", str(clone))
    before = everything(clone)
    joined = init(clone, "--json")
    assert json.loads(joined.stdout)["changed"] == [] and json.loads(joined.stdout)["scope"] == "team"
    assert everything(clone) == before
    refused(init(clone, "--scope", "me"), "init-conflict", clone, before)
    assert opened(clone).pointer.ledger != opened(repository).pointer.ledger


def test_from_me_to_team_the_hooks_move(repository: Path) -> None:
    before = everything(repository)
    init(repository)
    init(repository, "--scope", "team")
    assert not (repository / ".claude/settings.local.json").exists()
    assert everything(repository)["exclude"] == before["exclude"]
    uninstall(repository)
    assert everything(repository) == before


def test_a_linked_work_tree_shares_the_ledger_and_is_told_of_its_own_hooks(repository: Path) -> None:
    init(repository)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "phasegate")
    two = repository.parent / "two"
    git(repository, "worktree", "add", "-q", str(two))
    done = init(two)
    assert "run `phasegate init` in the others" in done.stdout
    assert (two / ".claude/settings.local.json").exists()
    assert opened(two).pointer == opened(repository).pointer


def test_users_settings_and_workflow_are_compiled_and_trusted(repository: Path) -> None:
    (repository / "phasegate.toml").write_text(f'project = "{PROJECT}"\nrender = "off"\nworkflow = "flow.toml"\n')
    (repository / "flow.toml").write_text(write_workflow(DEFAULT).replace('name = "default"', 'name = "ours"', 1))
    assert init(repository).returncode == 0
    project = opened(repository)
    assert project.trusted.settings == Settings(project=PROJECT, render="off", workflow="flow.toml")
    assert project.trusted.workflow != DEFAULT
    assert not (repository / "CLAUDE.md").exists()


def test_a_pointer_that_cannot_be_read_leads_to_the_same_ledger_again(repository: Path) -> None:
    init(repository)
    pointer = repository / ".git/phasegate/ledger.json"
    known = pointer.read_bytes()
    pointer.write_bytes(b"{")
    assert init(repository).returncode == 0
    assert pointer.read_bytes() == known


def test_an_old_client_is_called_advisory(repository: Path) -> None:
    client = repository.parent / "claude"
    client.write_text("#!/bin/sh\necho '2.1.197 (Claude Code)'\n")
    client.chmod(0o755)
    done = init(repository, PHASEGATE_CLAUDE=str(client))
    assert done.returncode == 0 and "advisory: this client fails open" in done.stdout


def test_settings_that_came_with_the_clone_are_trusted_aloud(repository: Path) -> None:
    settings = f'project = "{PROJECT}"\n'
    (repository / "phasegate.toml").write_text(f'{settings}[tests]\ncommand = ["make", "test"]\n')
    assert "You trust phasegate.toml as it is now, which runs the tests by `make test`" in init(repository).stdout
    assert "You trust" not in init(repository).stdout
    (repository / "phasegate.toml").write_text(settings)
    assert "You trust phasegate.toml as it is now." in init(repository).stdout


def test_a_claude_md_that_is_a_link_is_written_through_and_known_as_ours(repository: Path) -> None:
    (repository / "AGENTS.md").write_text("# Hi\n")
    (repository / "CLAUDE.md").symlink_to("AGENTS.md")
    before = everything(repository)
    init(repository)
    assert (repository / "CLAUDE.md").is_symlink()
    assert kinds(repository).count("ViewRendered") == 2
    uninstall(repository)
    assert everything(repository) == before


# --- what it keeps, and takes out again -------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--scope", "team"), ("--render", "local"), ("--render", "off")])
def test_straight_after_init_uninstall_leaves_the_tree_as_it_was(repository: Path, options: tuple[str, ...]) -> None:
    (repository / "CLAUDE.md").write_bytes(b"# Mine\r\n\r\nno end of line")
    (repository / ".claude/agents").mkdir(parents=True)
    (repository / ".claude/settings.json").write_text('{"x": {"unknown": [1.50, "\\u00e9"]}, "hooks": {"Stop": []}}')
    before = everything(repository)
    assert init(repository, *options).returncode == 0
    assert everything(repository) != before
    done = uninstall(repository)
    assert done.returncode == 0, done.stderr
    assert everything(repository) == before
    assert "the ledger in" in done.stdout


def test_uninstall_works_without_a_readable_ledger(repository: Path) -> None:
    before = everything(repository)
    init(repository)
    project = opened(repository)
    project.close()
    Path(project.directory, "ledger.db").write_bytes(b"not a ledger")
    (repository / ".git/phasegate/ledger.json").write_bytes(b"\xff")
    assert uninstall(repository).returncode == 0
    assert everything(repository) == before


def test_uninstall_keeps_settings_that_were_changed_and_says_so(repository: Path) -> None:
    init(repository)
    with (repository / "phasegate.toml").open("a") as file:
        file.write("# mine\n")
    done = uninstall(repository)
    assert "Left: phasegate.toml" in done.stdout and (repository / "phasegate.toml").exists()


def test_uninstall_says_that_a_run_is_not_over_and_names_every_file_it_leaves(repository: Path) -> None:
    init(repository)
    for words in (["plan", "new", "Round amounts"], ["start", "--no-baseline"], ["note", "add", "error", "It fails."]):
        done = as_person(["phasegate", *words], repository, state(repository))
        assert done.returncode == 0, done.stderr
    (repository / "investigations" / "empty").mkdir(parents=True)
    done = uninstall(repository)
    assert done.returncode == 0 and "`phasegate pause --end` ends it" in done.stdout, done.stdout
    assert "Left: state/agent_state.json" in done.stdout and "Left: logs/errors/ (2 files)" in done.stdout, done.stdout
    assert not (repository / "investigations" / "empty").exists()
    status = as_person(["phasegate", "status"], repository, state(repository))
    assert status.returncode == 0 and "phasegate.toml" not in status.stdout, status.stdout + status.stderr


def test_uninstall_shows_a_difference_first_and_does_nothing_where_nothing_is(repository: Path) -> None:
    before = everything(repository)
    assert "nothing was changed" in uninstall(repository).stdout
    init(repository)
    there = everything(repository)
    assert "+++ /dev/null" in uninstall(repository, "--dry-run").stdout
    assert everything(repository) == there
    uninstall(repository)
    assert everything(repository) == before


@pytest.mark.parametrize("signal", ["INT", "KILL"])
@pytest.mark.parametrize("seconds", ["0.3", "0.5", "0.7", "0.9"])
def test_an_init_that_is_ended_half_way_can_be_undone_and_repeated(repository: Path, signal: str, seconds: str) -> None:
    before = everything(repository)
    interrupted = ["timeout", "-s", signal, seconds, PHASEGATE, "init", "--allow-ephemeral"]
    as_person(interrupted, repository, state(repository))
    assert uninstall(repository).returncode == 0
    assert everything(repository) == before
    assert init(repository).returncode == 0


# --- what it refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "content", "code", "line"),
    [
        (".claude/settings.local.json", '{\n  "hooks": {\n', "unreadable-json", "Line 3"),
        (".claude/settings.json", '{\n"a": 1,\n}', "unreadable-json", "Line 3"),
        (".claude/settings.local.json", "", "unreadable-json", "Line 1"),
        (".claude/settings.local.json", '{"hooks": {"Stop": [{"hooks": 3}]}}', "unusable-settings", "hooks.Stop[0]"),
        ("phasegate.toml", f'project = "{PROJECT}"\nplam = "x"\n', "settings-invalid", "phasegate.toml:2"),
        ("phasegate.toml", f'project = "{PROJECT}"\nworkflow = "no.toml"\n', "settings-invalid", "no.toml"),
        ("CLAUDE.md", "a\n<!-- phasegate:begin -->\n", "broken-marks", "CLAUDE.md:2"),
        (".claude", "a file", "path-occupied", ".claude"),
        ("CLAUDE.md/folder", "x", "not-readable", "CLAUDE.md"),
    ],
)
def test_half_written_files_are_named_with_their_line_and_nothing_is_written(
    repository: Path, path: str, content: str, code: str, line: str
) -> None:
    (repository / path).parent.mkdir(parents=True, exist_ok=True)
    (repository / path).write_text(content)
    before = everything(repository)
    done = init(repository)
    refused(done, code, repository, before)
    assert line in done.stderr and path.split("/")[0] in done.stderr
    assert not os.path.exists(state(repository)["XDG_STATE_HOME"])


def test_an_agent_may_set_up_the_defaults_and_nothing_that_a_repository_brings(repository: Path) -> None:
    (repository / "phasegate.toml").write_text("[coverage]\nchanged_lines = 0\n")
    before = everything(repository)
    refused(init(repository, CLAUDECODE="1"), "for-people", repository, before)
    (repository / "phasegate.toml").unlink()
    assert init(repository, CLAUDECODE="1").returncode == 0


def test_an_agent_makes_no_second_project_in_a_clone_and_none_below_the_root(repository: Path) -> None:
    below = repository / "src"
    below.mkdir()
    nothing = everything(repository)
    refused(init(below, "--here", CLAUDECODE="1"), "for-people", repository, nothing)
    assert init(below, "--here", "--dry-run", CLAUDECODE="1").returncode == 0
    assert everything(repository) == nothing
    assert init(below, "--here").returncode == 0
    there = everything(repository)
    refused(init(repository, "--here", CLAUDECODE="1"), "for-people", repository, there)


def test_an_agent_can_neither_set_up_again_nor_take_out(repository: Path) -> None:
    init(repository)
    there = everything(repository)
    refused(init(repository, CLAUDECODE="1"), "for-people", repository, there)
    done = as_person(["phasegate", "uninstall"], repository, state(repository) | {"CLAUDECODE": "1"})
    refused(done, "for-people", repository, there)


def test_an_interpreter_that_will_be_gone_is_refused(repository: Path) -> None:
    before = everything(repository)
    script = repository.parent / "shims" / "python"
    script.parent.mkdir()
    script.symlink_to(sys.executable)
    code = f"import sys; sys.executable = sys.argv.pop(1); {RUN}"
    done = as_person([sys.executable, "-c", code, str(script), "init"], repository, state(repository))
    refused(done, "ephemeral-interpreter", repository, before)


def test_a_hook_command_that_does_not_start_is_told_before_anything_is_written(repository: Path) -> None:
    """`-I` hides what is installed for the user alone."""
    before = everything(repository)
    code = f"import sys; sys.executable = '/usr/bin/false'; {RUN}"
    done = as_person([sys.executable, "-c", code, "init", "--allow-ephemeral"], repository, state(repository))
    refused(done, "hook-does-not-start", repository, before, status=7)


def test_no_repository_a_bare_one_and_no_git_are_told_apart(tmp_path: Path, repository: Path) -> None:
    plain, bare = tmp_path / "plain", tmp_path / "bare"
    plain.mkdir()
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    refused(init(plain), "not-a-repository", plain, {})
    refused(init(bare), "bare-repository", bare, everything(bare))
    code = f"import os; os.environ['PATH'] = '/nowhere'; {RUN}"
    done = as_person([sys.executable, "-c", code, "init", "--allow-ephemeral"], repository, state(repository))
    refused(done, "git-missing", repository, everything(repository))


def test_a_project_id_that_is_not_the_ledgers_is_a_conflict(repository: Path) -> None:
    init(repository)
    (repository / "phasegate.toml").write_text(f'project = "{PROJECT}"\n')
    refused(init(repository), "init-conflict", repository, everything(repository))


def test_a_ledger_that_is_gone_is_told_and_not_replaced_in_silence(repository: Path) -> None:
    init(repository)
    before = everything(repository)
    done = init(repository, XDG_STATE_HOME=str(repository.parent / "other"))
    refused(done, "ledger-gone", repository, before, status=7)
    assert init(repository).returncode == 0


def test_a_full_disk_leaves_everything_as_it_was(repository: Path) -> None:
    before = everything(repository)
    words = ["bash", "-c", f"ulimit -f 2; exec '{PHASEGATE}' init --allow-ephemeral"]
    # Or the limit would cut the interpreter's own caches short.
    done = as_person(words, repository, state(repository) | {"PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode not in (0, 3) and "Traceback" not in done.stderr, done.stderr
    assert everything(repository) == before
    assert init(repository).returncode == 0


@pytest.mark.parametrize("locked", ["", ".git"])
def test_a_read_only_tree_is_told(repository: Path, locked: str) -> None:
    before = everything(repository)
    # No mode stops root, unless it has given up the right to pass by them.
    obedient = [] if os.getuid() else ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    os.chmod(repository / locked, 0o555)
    done = as_person([*obedient, PHASEGATE, "init", "--allow-ephemeral"], repository, state(repository))
    os.chmod(repository / locked, 0o755)
    refused(done, "not-writable", repository, before)
    assert not os.path.exists(state(repository)["XDG_STATE_HOME"])


# --- looking into the ledger ------------------------------------------------------------------------------------------


def opened(root: Path) -> wiring.Project:
    return wiring.open_project(str(root), state(root))


def kinds(root: Path) -> list[str]:
    project = opened(root)
    found = [type(fact_of(event)).__name__ for event in project.log.read()]
    project.close()
    return found
