"""What is put in can be taken out: whatever was there before is there again, byte for byte."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phasegate.agents import claude_code
from phasegate.agents.claude_command import SETTINGS_FILES, hook_command
from phasegate.errors import Failure
from phasegate.settings import Render
from phasegate.workspace import files, git, installing
from phasegate.workspace.installing import Edit, Wish
from phasegate.workspace.settings_file import first_settings

PROJECT = "0b5dd3c2-7bdc-4d8c-9a49-2b1f5c3e6a11"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
settings_texts = st.builds(
    lambda value, indent, newline, end: (json.dumps(value, indent=indent).replace("\n", newline) + end).encode(),
    st.dictionaries(st.text(max_size=8).filter(lambda key: key != "hooks"), json_values, max_size=3),
    st.sampled_from([None, 1, 2, "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n", "\r\n"]),
)
documents = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"# Hi", b"\n", b"\r\n", b"\r", b" ", b"text", "ü".encode(), b"<!-- phasegate -->"]), max_size=8
).map(b"".join)


@contextmanager
def repository(found: dict[str, bytes | None]) -> Iterator[git.Place]:
    folder = Path(tempfile.mkdtemp())
    try:
        for part in ("objects", "refs", "info"):
            (folder / ".git" / part).mkdir(parents=True)
        (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
        for path, content in found.items():
            if content is not None:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
        yield git.locate(str(folder))
    finally:
        shutil.rmtree(folder)


def everything(where: git.Place) -> dict[str, bytes | None]:
    root = Path(where.root)
    paths = [path for path in root.rglob("*") if path.relative_to(root).parts[0] != ".git" or path.name == "exclude"]
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in paths}


def wish(*, team: bool = False, render: Render = "claude_md") -> Wish:
    scope = "team" if team else "me"
    command = hook_command(scope, executable="/opt/python")
    return Wish(first_settings(PROJECT, render), render, team, SETTINGS_FILES[scope], command)


def planned(where: git.Place, wanted: Wish) -> list[Edit]:
    return installing.putting_in(
        where,
        wanted,
        install=lambda _, text, command: claude_code.install(text, command),
        uninstall=lambda _, text: claude_code.uninstall(text),
    )


def take_out(where: git.Place) -> None:
    edits = installing.taking_out(where, SETTINGS_FILES.values(), lambda _, text: claude_code.uninstall(text))
    installing.take_out(where, edits)


@settings(max_examples=400 if os.environ.get("PHASEGATE_TIER") == "release" else 25)
@given(
    st.none() | documents,
    st.none() | documents,
    st.none() | documents,
    st.none() | settings_texts,
    st.booleans(),
    st.sampled_from(["claude_md", "local", "off"]),
)
@example(b"", b"", b"", b"{}", True, "claude_md")
@example(b"text\r", b"\r", b"\r", None, False, "local")
def test_uninstall_restores_whatever_was_there_before_init(
    document: bytes | None,
    exclude: bytes | None,
    ignore: bytes | None,
    client: bytes | None,
    team: bool,
    render: Render,
) -> None:
    """Or `init` refuses beforehand and writes nothing."""
    wanted = wish(team=team, render=render)
    found = {"CLAUDE.md": document, ".gitignore": ignore, wanted.hooks: client}
    with repository(found | ({".git/info/exclude": exclude} if exclude is not None else {})) as where:
        before = everything(where)
        try:
            edits = planned(where, wanted)
        except Failure:
            assert everything(where) == before
            return
        installing.put_in(where, edits)
        assert planned(where, wanted) == []
        take_out(where)
        assert everything(where) == before


@pytest.mark.parametrize("at", range(5))
def test_a_write_that_fails_puts_everything_back(at: int) -> None:
    with repository({"CLAUDE.md": b"# Hi\n"}) as where:
        before = everything(where)
        edits = planned(where, wish())
        assert len(edits) == 5
        broken = Edit(where.root, "CLAUDE.md/under/a/file", None, b"x")
        with pytest.raises(Failure):
            installing.put_in(where, [*edits[:at], broken, *edits[at:]])
        assert everything(where) == before
        assert installing.read_receipt(where) is None


def test_hooks_come_last_and_go_first() -> None:
    with repository({}) as where:
        edits = planned(where, wish())
        assert edits[-1].path == ".claude/settings.local.json"
        installing.put_in(where, edits)
        out = installing.taking_out(where, SETTINGS_FILES.values(), lambda _, text: claude_code.uninstall(text))
        assert out[0].path == ".claude/settings.local.json"


def test_what_a_killed_init_left_is_taken_out() -> None:
    """The receipt is written first, so it knows of files that were made before the kill, and of those that were not."""
    with repository({}) as where:
        before = everything(where)
        edits = planned(where, wish())
        installing.put_in(where, edits)
        (Path(where.root) / ".claude/settings.local.json").unlink()
        take_out(where)
        assert everything(where) == before


def test_a_clone_that_got_our_files_through_git_is_cleaned_without_a_receipt() -> None:
    with repository({"CLAUDE.md": b"# Hi\n"}) as where:
        installing.put_in(where, planned(where, wish(team=True)))
        (Path(where.directory) / installing.RECEIPT).unlink()
        take_out(where)
        assert set(everything(where)) - {".git/info/exclude"} == {"CLAUDE.md", "phasegate.toml"}
        assert (Path(where.root) / "CLAUDE.md").read_bytes() == b"# Hi\n"


def test_settings_and_a_skill_that_a_person_changed_stay() -> None:
    with repository({}) as where:
        installing.put_in(where, planned(where, wish()))
        for path in ("phasegate.toml", installing.SKILL):
            with (Path(where.root) / path).open("a") as file:
                file.write("# mine\n")
        take_out(where)
        assert {"phasegate.toml", installing.SKILL} <= set(everything(where))


def test_an_older_skill_of_ours_is_renewed_and_a_strangers_refused() -> None:
    with repository({installing.SKILL: f"{installing.SKILL_MARK}\nolder".encode()}) as where:
        assert installing.SKILL in [edit.path for edit in planned(where, wish())]
    with repository({installing.SKILL: b"mine"}) as where, pytest.raises(installing.NotOurs):
        planned(where, wish())


@pytest.mark.parametrize(
    "document",
    [
        b"a\n<!-- phasegate:begin -->\n",
        b"a\n<!-- phasegate:end -->",
        b"a\n<!-- phasegate:end --><!-- phasegate:begin -->",
        b"a\n" + b"<!-- phasegate:begin --><!-- phasegate:end -->" * 2,
    ],
)
def test_half_a_block_is_refused_with_its_line(document: bytes) -> None:
    with repository({"CLAUDE.md": document}) as where, pytest.raises(installing.BrokenMarks, match=r"CLAUDE\.md:2"):
        planned(where, wish())


def test_a_block_that_is_there_stays_as_the_run_wrote_it() -> None:
    block = b"# Hi\n\n<!-- phasegate:begin -->\nAt: step 3\n<!-- phasegate:end -->\n"
    with repository({"CLAUDE.md": block}) as where:
        assert "CLAUDE.md" not in [edit.path for edit in planned(where, wish())]


def test_a_link_inside_is_written_through_and_one_that_leads_out_refused(tmp_path: Path) -> None:
    with repository({"AGENTS.md": b"# Hi\n"}) as where:
        link = Path(where.root) / "CLAUDE.md"
        link.symlink_to("AGENTS.md")
        installing.put_in(where, planned(where, wish()))
        assert link.is_symlink() and b"phasegate" in (Path(where.root) / "AGENTS.md").read_bytes()
        take_out(where)
        assert link.is_symlink() and link.read_bytes() == b"# Hi\n"
        link.unlink()
        link.symlink_to(tmp_path / "elsewhere.md")
        with pytest.raises(files.OutsideRoot):
            planned(where, wish())


def test_a_difference_is_one_that_git_can_apply() -> None:
    """Without line breaks at the end, with CRLF and with the separators that Python takes for line breaks."""
    with repository({"CLAUDE.md": "a\u2028b\x0cc\r\nlast".encode()}) as where:
        edits = [edit for edit in planned(where, wish()) if edit.base == where.root and edit.path != "info/exclude"]
        shown = installing.difference(edits)
        subprocess.run(["git", "apply", "-"], input=shown.encode(), cwd=where.root, check=True)
        assert [edit.path for edit in planned(where, wish())] == ["info/exclude"]


def test_another_work_tree_keeps_the_ignore_lines_they_share(tmp_path: Path) -> None:
    with repository({"a": b"a"}) as where:
        run = ["git", "-C", where.root, "-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run([*run, "add", "a"], check=True)
        subprocess.run([*run, "commit", "-qm", "a"], check=True)
        subprocess.run([*run, "worktree", "add", "-q", str(tmp_path / "two")], check=True, capture_output=True)
        two = git.locate(str(tmp_path / "two"))
        installing.put_in(where, planned(where, wish()))
        installing.put_in(two, planned(two, wish()))
        exclude = Path(where.common) / "info/exclude"
        take_out(two)
        assert b"phasegate" in exclude.read_bytes()
        take_out(where)
        assert not exclude.exists()
