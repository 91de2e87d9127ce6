"""Diagrams of any definition are understood by the real Mermaid parser as the table says."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.workflow.default import DEFAULT
from phasegate.workflow.definition import ASKED, Condition, Step, Transition, Workflow
from phasegate.workflow.mermaid import mermaid
from phasegate.workflow.toml import read_workflow
from tests.workflow.definitions import GATES, SMALL, TIMES

pytestmark = pytest.mark.timeout(300)  # the first run installs the parser

PROGRAM = Path(__file__).parent / "mermaid_parse"
HOSTILE = [
    'say "no"', "a]b", "a[b", "(((a)))", "{a}", "a|b", "a --> b", "end", "subgraph", "graph", "%%{init: {}}%%", "a%%b",
    "a;b", "a#35;b", "&quot;", "#quot;", "<b>x</b>", "<script>x</script>", "`a`", "**a**", "1. a", "- a", "a:::current",
    "click s0 call x()", "style s0 fill:#f00;", "classDef x fill:#f00;", "a\nb", "a\\nb", "a\r\nb", "\x00", "\u202eabc",
    "naïve é 漢字 😀",
    "ﬂ°°35¶ß", "ß", "---", "''", "$$x$$", "", " ", "o", "x" * 500, "@{ shape: x }", "fa:fa-ban", "@@",
]  # fmt: skip

Parse = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def parse() -> Iterator[Parse]:
    """The real parser in one node process, installed once for each version into the user's cache."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing("node and npm are not installed")
    with subprocess.Popen(
        [node, installed(npm) / "parse.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, told = process.stdin, process.stdout

        def ask(diagram: str) -> dict[str, Any]:
            print(json.dumps(diagram), file=asked, flush=True)
            answer: dict[str, Any] = json.loads(told.readline())
            return answer

        yield ask


def installed(npm: str) -> Path:
    """Where the program and its packages lie; a directory that is there is whole, for it came by a rename."""
    files = sorted(path for path in PROGRAM.iterdir() if path.is_file())
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "phasegate-tests"
    place = cache / f"mermaid-{digest}"
    if not place.exists():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=cache))
        for path in files:
            shutil.copy(path, fresh)
        done = subprocess.run([npm, "install"], cwd=fresh, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode:
            shutil.rmtree(fresh)
            missing(f"`npm install` failed: {done.stderr.strip()[-500:]}")
        try:
            fresh.rename(place)
        except OSError:  # another test process was first
            shutil.rmtree(fresh)
    return place


def missing(reason: str) -> NoReturn:
    said = f"NOT TESTED: Mermaid's own parser never saw our diagrams, because {reason}."
    if os.environ.get("CI") or os.environ.get("PHASEGATE_TIER") == "release":
        pytest.fail(said)
    pytest.skip(said)


def drawn(text: str) -> str:
    """How `text` is expected on a picture: one line of what prints, shortened."""
    short = text if len(text) <= 120 else f"{text[:119]}…"
    return "".join(letter if letter.isprintable() else " " for letter in short).strip() or "(no name)"


def test_the_real_parser_refuses_what_is_no_diagram(parse: Parse) -> None:
    """Otherwise its silence would prove nothing."""
    assert "Parse error" in parse('flowchart TD\n    s0["a"b"]\n')["error"]


@pytest.mark.parametrize("current", ["", *(step.name for step in DEFAULT.steps)])
def test_the_default_is_understood_as_its_table_says(parse: Parse, current: str) -> None:
    seen = parse(mermaid(DEFAULT, current=current))
    names = [step.name for step in DEFAULT.steps]
    for position, step in enumerate(DEFAULT.steps):
        label, classes = seen["nodes"][f"s{position}"]
        assert label == (f"{step.name} ↻" if step.counts_loop else step.name)
        assert ("current" in classes.split()) is (step.name == current)
    known = {**{name: f"s{position}" for position, name in enumerate(names)}, ASKED: "asker"}
    arrows = [(known[step.name], known[each.to], said(each)) for step in DEFAULT.steps for each in step.then]
    entries = [("start_entry", known[DEFAULT.start], ""), ("recovery_entry", known[DEFAULT.recovery], "")]
    assert sorted(map(tuple, seen["edges"])) == sorted([*entries, *arrows])


def said(transition: Transition) -> str:
    return "otherwise" if transition.otherwise else " and ".join(map(str, transition.when))


def test_a_users_own_definition_is_understood(parse: Parse) -> None:
    workflow = read_workflow(SMALL, path="small.toml", gates=GATES)
    assert {label for label, _ in parse(mermaid(workflow))["nodes"].values()} >= {"work", "look ↻", "close", "done"}


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_drawn_as_it_reads(parse: Parse, name: str) -> None:
    steps = (Step(name, does="x", then=(Transition("last", (Condition(name),)),)), Step("last", ends=True))
    seen = parse(mermaid(Workflow("x", start=name, recovery=name, steps=steps, kinds=()), current=name))
    assert seen["nodes"]["s0"][0] == drawn(name)
    assert seen["nodes"]["s0"][1].split() == ["default", "current"]
    assert ["s0", "s1", drawn(name)] in seen["edges"] or not name


@settings(max_examples=50 * TIMES)
@given(st.data())
def test_any_definition_is_understood(parse: Parse, data: st.DataObject) -> None:
    """Names from all of Unicode, twice the same, transitions to nowhere: whatever it is, it can be drawn."""
    called = data.draw(st.lists(st.one_of(st.text(), st.sampled_from(HOSTILE)), min_size=1, max_size=4))
    names = st.sampled_from([*called, ASKED, "nowhere"])
    conditions = st.builds(Condition, st.text(), st.lists(st.text(max_size=9), max_size=2).map(tuple), st.booleans())
    transitions = st.builds(Transition, names, st.lists(conditions, max_size=2).map(tuple), st.booleans())
    rows = [Step(name, then=tuple(data.draw(st.lists(transitions, max_size=3))), **data.draw(flags)) for name in called]
    workflow = Workflow("x", data.draw(names), data.draw(names), steps=tuple(rows), kinds=())
    seen = parse(mermaid(workflow, current=data.draw(names)))
    assert "error" not in seen, seen["error"]
    labels = [label for key, (label, _) in seen["nodes"].items() if key[1:].isdigit()]
    expected = [drawn(name) + " ↻" * workflow.step(name).counts_loop for name in set(called)]
    assert sorted(labels) == sorted(expected)


flags = st.fixed_dictionaries(
    {key: st.booleans() for key in ("counts_loop", "rests", "ends")} | {"does": st.sampled_from(["", "x"])}
)


def test_the_same_definition_is_always_drawn_the_same() -> None:
    assert mermaid(DEFAULT, current="explore") == mermaid(DEFAULT, current="explore")


def test_an_unknown_current_step_marks_nothing() -> None:
    assert mermaid(DEFAULT, current="gone") == mermaid(DEFAULT)
