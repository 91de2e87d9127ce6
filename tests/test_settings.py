"""Settings: which class of file a path is, and what a pattern matches."""

from __future__ import annotations

import fnmatch

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.settings import OWN, Settings, matches

PARTS = st.text("ab.-*?", min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("path", "file_class"),
    [
        ("phasegate.toml", "own"), ("state/agent_state.json", "own"), ("investigations/a/1/evidence.json", "own"),
        ("archive/investigations/x", "own"), ("logs/errors/index.md", "own"), (".claude/settings.json", "own"),
        (".claude/settings.local.json", "own"), (".claude/skills/phasegate/SKILL.md", "own"), (".git/config", "own"),
        (".git", "own"), (".phasegate/allowed_signers", "own"),
        ("docs/development_roadmap/phases.md", "plan"),
        ("tests/test_a.py", "tests"), ("src/pkg/test_a.py", "tests"), ("src/a_test.py", "tests"),
        ("src/a.test.ts", "tests"), ("web/src/B.spec.tsx", "tests"), ("src/__tests__/a.js", "tests"),
        ("src/__snapshots__/a.test.ts.snap", "tests"), ("pkg/shop_test.go", "tests"),
        ("package.json", "config"), ("web/package.json", "config"), ("jest.config.js", "config"),
        ("web/vitest.config.ts", "config"), ("tsconfig.build.json", "config"), (".eslintrc.cjs", "config"),
        (".mocharc.yml", "config"), ("go.mod", "config"), ("src/app.config.ts", "source"), ("src/test.ts", "source"),
        ("conftest.py", "tests"), ("tests/data.json", "tests"), ("tests/README.md", "tests"),
        ("docs/a/b.png", "docs"), ("README.md", "docs"), ("src/notes.rst", "docs"), ("CLAUDE.md", "docs"),
        ("pyproject.toml", "config"), (".gitignore", "config"), (".github/workflows/ci.yml", "config"),
        ("Makefile", "config"),
        ("src/app.py", "source"), ("src/data.toml", "source"), ("a", "source"), ("src/phasegate.toml", "own"),
        ("archive/other", "source"), (".claude/settings.json.bak", "source"), ("x.git/config", "source"),
    ],
)  # fmt: skip
def test_every_path_has_a_class_by_default(path: str, file_class: str) -> None:
    assert Settings().class_of(path) == file_class


def test_a_protected_path_is_own_whatever_else_it_is() -> None:
    settings = msgspec.convert({"paths": {"protected": ["tests/golden/**"]}}, Settings)
    assert settings.class_of("tests/golden/a.txt") == "own"
    assert settings.class_of("tests/golden") == "tests"


def test_the_plan_has_its_class_wherever_it_lies() -> None:
    assert msgspec.convert({"plan": "tests/PLAN.md"}, Settings).class_of("tests/PLAN.md") == "plan"
    assert msgspec.convert({"plan": "phasegate.toml"}, Settings).class_of("phasegate.toml") == "own"


@given(PARTS, st.text("ab.-", max_size=4))
def test_within_a_part_a_pattern_is_as_in_the_shell(pattern: str, part: str) -> None:
    if "**" in pattern:
        return
    assert matches(part, (pattern,)) == fnmatch.fnmatchcase(part, pattern)


@given(st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=4))
def test_a_star_stays_within_a_part_and_two_go_across(parts: list[str]) -> None:
    path = "/".join(parts)
    assert matches(path, ("**",)) and matches(path, ("**/*",)) and matches(path, (f"**/{parts[-1]}",))
    assert matches(path, ("*",)) == (len(parts) == 1)
    assert matches(path, (f"{parts[0]}/**",)) == (len(parts) > 1)
    assert matches(path, ("*/*",)) == (len(parts) == 2)


@given(st.text(max_size=20), st.lists(st.text(max_size=6), max_size=3))
def test_no_path_and_no_pattern_is_refused(path: str, patterns: list[str]) -> None:
    matches(path, tuple(patterns))
    assert not matches(path, ())


@given(st.text("ab\n. é", min_size=1, max_size=6))
def test_own_files_are_own_below_any_odd_name(name: str) -> None:
    assert matches(f"investigations/{name}", OWN) and matches(f".git/{name}", OWN)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"plann": "x"}, Settings)
