"""The reference is written from the definitions, the same everywhere, and says of every definition what it must."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import click
import jsonschema_rs
import msgspec
import pytest

from phasegate.entrypoints.cli import app
from phasegate.entrypoints.reference import pages as reference
from phasegate.entrypoints.reference.commands import commands, told
from phasegate.entrypoints.reference.failures import failures, subclasses
from phasegate.entrypoints.reference.markdown import doc, fenced, table
from phasegate.entrypoints.reference.settings_page import MEANINGS, keys, settings_page
from phasegate.errors import Failure
from phasegate.evidence import manifest
from phasegate.evidence.items import Artifact, Evidence, RedTest, TestsSeen
from phasegate.gates.catalog import CATALOG
from phasegate.ledger.facts import kinds
from phasegate.policy.secrets import redact
from phasegate.settings import Settings
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.mermaid import mermaid

ROOT = Path(__file__).parents[2]
DOCS = [path for path in sorted((ROOT / "docs").rglob("*.md")) if path.parent.name != "decisions"]
COMMANDS = {name: module for group in app.COMMANDS.values() for name, module in group.items()}


@cache
def pages() -> dict[str, str]:
    return {name: content.decode() for name, content in reference.pages().items()}


def leaves(command: click.Command, path: tuple[str, ...]) -> dict[tuple[str, ...], click.Command]:
    """Every command that does something, by the words that call it."""
    if not isinstance(command, click.Group):
        return {path: command}
    return {key: leaf for name, below in command.commands.items() for key, leaf in leaves(below, (*path, name)).items()}


@cache
def all_commands() -> dict[tuple[str, ...], click.Command]:
    found: dict[tuple[str, ...], click.Command] = {}
    for members in reference.command_groups().values():
        for name, command in members.items():
            found |= leaves(command, (name,))
    return found


# -- the commands -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_is_listed_exists(name: str) -> None:
    command = app.phasegate.get_command(click.Context(app.phasegate), name)
    assert command is not None and command.name == name


def test_every_command_says_what_it_does_and_gives_an_example_of_itself() -> None:
    for path, command in all_commands().items():
        about, example = told(command)
        assert about, path
        names = [other for other, same in all_commands().items() if same.callback is command.callback]
        assert any(f"phasegate {' '.join(name)}" in example for name in names), path


def test_the_page_has_every_command_and_every_option_that_is_not_hidden() -> None:
    page = pages()["cli.md"]
    for path, command in all_commands().items():
        entry = page.partition(f"### `phasegate {' '.join(path)}`\n")[2].partition("\n#")[0]
        assert entry, path
        for param in command.params:
            if isinstance(param, click.Option) and not param.hidden:
                assert all(f"`{name}" in entry or f", `{name}" in entry for name in param.opts), (path, param.name)
    assert "--root" not in page


def test_a_command_is_described_by_its_own_tree() -> None:
    @click.command(params=[click.Argument(["what"]), click.Option(["--most"], type=int, default=3, help="How many.")])
    def look() -> None:
        """Look at it.

        Example: phasegate look here
        """

    page = commands({"Look": {"look": look}, "Empty": {}})
    assert "`phasegate look [OPTIONS] WHAT`\n\nLook at it." in page and "Empty" not in page
    assert "- `--most INTEGER`: How many. Default: `3`." in page and "Example: `phasegate look here`" in page


# -- the failures -----------------------------------------------------------------------------------------------------


def own_failures() -> list[type[Failure]]:
    list(reference.modules())
    return sorted(set(subclasses()), key=lambda kind: kind.code)


def test_every_failure_has_a_code_of_its_own_a_cause_and_an_anchor() -> None:
    page = pages()["errors.md"]
    codes = [kind.code for kind in own_failures()]
    assert len(codes) == len(set(codes)), [code for code in codes if codes.count(code) > 1]
    for kind in own_failures():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code), kind
        assert doc(kind) and doc(kind) != doc(Failure), kind
        assert f"\n## {kind.code}\n\n{doc(kind)} Exit code {int(kind.exit_code)}." in page


def test_the_remedies_of_a_failure_are_read_from_the_code_that_raises_it() -> None:
    class Odd(Failure):
        """Something odd."""

        code = "odd"

    source = 'raise Odd("a", hint="Do this.")\nraise Odd("b", hint=f"Do {that} " "or so.")\nraise Odd("c", hint=other)'
    assert failures([Odd], {"m": source}).endswith(
        "## odd\n\nSomething odd. Exit code 2. **Then:** Do this. *Or:* Do … or so.\n"
    )


# -- the other definitions --------------------------------------------------------------------------------------------


def test_the_workflow_page_has_the_picture_and_every_step_and_kind() -> None:
    page = pages()["workflow.md"]
    assert fenced(mermaid(DEFAULT), "mermaid") in page
    assert all(f"| `{step.name}`" in page for step in DEFAULT.steps)
    assert all(f"| `{kind.name}` |" in page for kind in DEFAULT.kinds)


def test_the_steps_page_has_the_instruction_of_every_step_of_the_agent() -> None:
    page = pages()["steps.md"]
    for step in DEFAULT.steps:
        assert (f"## {step.name}\n" in page) is not step.passes_through
        assert step.does in page


def test_every_gate_kind_of_event_and_setting_has_its_entry() -> None:
    assert all(f"\n## {name}\n\nOpen when " in pages()["gates.md"] for name in CATALOG)
    for name, kind in kinds().items():
        assert f"\n### {name}\n\n{doc(kind).splitlines()[0]}" in pages()["facts.md"]
    for key in keys(Settings):
        assert f"| `{key.rpartition('.')[2]}` | " in pages()["settings.md"]


def test_every_setting_is_explained_and_nothing_else_is() -> None:
    assert set(MEANINGS) == set(keys(Settings))


def test_a_default_is_shown_as_it_is_written_in_toml() -> None:
    page = settings_page(Settings)
    assert '| `render` | `claude_md` or `local` or `off` | `"claude_md"` |' in page
    assert "| `changed_lines` | a number | `80.0` |" in page


def test_the_schema_accepts_what_is_rendered_and_refuses_what_is_not_evidence() -> None:
    schema = msgspec.json.decode(pages()["evidence.schema.json"])
    jsonschema_rs.meta.validate(schema)
    seen = TestsSeen("pytest 9", True, collected=2, passed=1, red=(RedTest("t.py::test_a", "assertion"),))
    evidence = Evidence("ev-1", seen, "0" * 64, "recorded", "pytest 9", "1", "run-1", (Artifact("a", "0" * 64, 1),))
    rendered = manifest.render(
        manifest.Manifest(manifest.FORMAT, "a", "1", "t", "feature", {"1.1": ("ev-1",)}, (evidence,))
    )
    jsonschema_rs.validate(schema, msgspec.json.decode(rendered))
    broken = msgspec.json.decode(rendered)
    broken["evidence"][0]["assurance"] = "sworn"
    assert not jsonschema_rs.is_valid(schema, broken)


def test_no_page_has_the_indentation_of_a_docstring() -> None:
    """Python 3.13 takes it out by itself, and the pages are the same on every Python."""
    assert "\\n    " not in pages()["evidence.schema.json"]
    for name in ("errors.md", "gates.md", "facts.md", "settings.md"):
        assert not re.search(r"^ ", pages()[name], flags=re.MULTILINE), name


def test_a_table_cannot_be_broken_by_its_cells() -> None:
    assert table(["a"], [["x|y\nz"]]).splitlines()[2] == "| x\\|y z |"
    assert fenced("```\nx").splitlines()[0] == "````"


# -- the commands that write and compare ------------------------------------------------------------------------------


def docs(*arguments: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    program = "import sys; from phasegate.entrypoints.main import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, "docs", *arguments], cwd=cwd, env={**os.environ, **env},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip


def test_the_reference_is_the_same_whatever_the_terminal_and_the_hash_seed(tmp_path: Path) -> None:
    odd = {"COLUMNS": "40", "TERM": "xterm-256color", "FORCE_COLOR": "1", "PYTHONHASHSEED": "7", "LC_ALL": "C"}
    assert docs("build", "--root", str(tmp_path), **odd).returncode == 0
    written = {path.name: path.read_text() for path in (tmp_path / "docs" / "reference").iterdir()}
    assert written == pages()


def test_check_names_what_is_stale_and_build_mends_only_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "docs" / "reference"
    folder.mkdir(parents=True)
    for name, text in pages().items():
        (folder / name).write_bytes(text.encode())
    (folder / "gates.md").write_text("# Gates\n")
    (folder / "facts.md").unlink()
    kept = (folder / "cli.md").stat().st_mtime_ns
    capsys.readouterr()
    assert app.run(["docs", "check", "--root", str(tmp_path), "--json"]) == 1
    stale = msgspec.json.decode(capsys.readouterr().out)["stale"]
    assert sorted(stale) == ["docs/reference/facts.md", "docs/reference/gates.md"]
    assert app.run(["docs", "build", "--root", str(tmp_path)]) == 0
    assert app.run(["docs", "check", "--root", str(tmp_path)]) == 0
    assert (folder / "cli.md").stat().st_mtime_ns == kept


def test_another_repository_is_left_alone(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    refused = docs("build", cwd=tmp_path)
    assert refused.returncode == 2 and "not-our-repository" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == [".git"]


def test_no_page_is_too_long_to_read() -> None:
    lengths = {name: len(text.splitlines()) for name, text in pages().items() if name.endswith(".md")}
    most = {"cli.md": 2000, "facts.md": 1200}  # looked up in rather than read
    assert {name: length for name, length in lengths.items() if length > most.get(name, 600)} == {}


# -- what people read -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    known, hidden = all_commands(), set(app.HIDDEN)
    groups = {path[0] for path in known if len(path) > 1}
    for words in re.findall(r"(?:`|\n {4}|\$ |&& )phasegate ((?:[a-z-]+ ?)+)", page.read_text()):
        first, *rest = words.split()
        assert first in {path[0] for path in known} | hidden | set(COMMANDS), (page.name, words)
        if first in groups and rest:
            assert (first, rest[0]) in {path[:2] for path in known}, (page.name, words)


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.S)):
        assert (page.parent / target).exists() or target in pages(), (page.name, target)


def test_no_page_carries_what_looks_like_a_secret() -> None:
    assert [page.name for page in DOCS if redact(page.read_text())[1]] == []
