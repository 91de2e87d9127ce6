"""`phasegate check sast` with the real ruff and bandit: what is weak is found, whoever would rather it were not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from people import PHASEGATE

WEAK = "import subprocess\nsubprocess.run(input(), shell=True)\n"
SETTINGS = 'project = "11111111-1111-4111-8111-111111111111"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(("git", "init", "-q", "-b", "main"), cwd=root, check=True)
    return root


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_py", ".py").replace("_toml", ".toml").replace("_go", ".go")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def check(root: Path, *options: str, what: str = "sast") -> tuple[int, dict[str, Any], Any]:
    command = (PHASEGATE, "check", what, "--standalone", "--json", *options)
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    said = json.loads(done.stdout)
    [verdict] = said["verdicts"]
    return done.returncode, verdict, said["scans"][what]


def test_weak_code_is_found_whatever_the_repository_says_to_switch_it_off(root: Path) -> None:
    write(
        root,
        a_py="import subprocess\nsubprocess.run(input(), shell=True)  # noqa: S602\n",
        b_py=f"# ruff: noqa\n{WEAK}",
        ruff_toml="exclude = ['*.py']\nlint.select = ['E']\n",
        pyproject_toml="[tool.ruff.lint]\nignore = ['S']\n",
    )
    code, verdict, scan = check(root)
    assert code == 1 and verdict["says"] == "fail"
    found = {(each["path"], each["rule"], each["suppressed"]) for each in scan["findings"] if each["becomes"] == "new"}
    assert found == {("a.py", "S602", "a noqa comment"), ("b.py", "S602", "a noqa comment")}
    assert "suppressed in code" in " ".join(verdict["reasons"])


def test_clean_code_passes_and_assertions_are_fine_in_tests_alone(root: Path) -> None:
    write(root, tests__test_a_py="def test_it():\n    assert 1\n", a_py="assert True\n")
    code, _verdict, scan = check(root)
    assert code == 0 and [each["path"] for each in scan["findings"]] == ["a.py"], "low: told, and in nobody's way"
    assert scan["findings"][0]["becomes"] == "slight" and scan["tools"][0].startswith("ruff ")


def test_code_is_known_by_its_suffix_its_first_line_or_as_a_notebook(root: Path) -> None:
    (root / "tool").write_text(f"#!/usr/bin/env python3\n{WEAK}")
    (root / "b.pyw").write_text(WEAK)
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": [WEAK]}
    book = {"cells": [cell], "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}
    (root / "c.ipynb").write_text(json.dumps(book))
    (root / "out.py").symlink_to("/etc/hostname")
    (root / "in.py").symlink_to("b.pyw")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff.py")).write_text(WEAK)
    code, _, scan = check(root)
    assert code == 1 and {each["path"] for each in scan["findings"] if each["rule"] == "S602"} == {
        "tool",
        "b.pyw",
        "c.ipynb",
    }
    assert scan["unread"] == ["out.py", "'\\udcff.py'"]


@pytest.mark.parametrize("content", [b"def (", b"x = '\xff'\n"])
def test_a_file_that_cannot_be_parsed_leaves_the_gate_unknown(root: Path, content: bytes) -> None:
    (root / "a.py").write_bytes(content)
    code, verdict, scan = check(root)
    assert (code, verdict["says"], scan["unread"]) == (7, "unknown", ["a.py"])


def test_a_language_that_nothing_looked_at_is_named_until_somebody_accepts_that(root: Path) -> None:
    write(root, a_go="package a\n", a_py="x = 1\n")
    code, verdict, _ = check(root)
    assert code == 7 and "Go (1 files)" in verdict["reasons"][0]
    write(root, phasegate_toml=f"{SETTINGS}[sast]\nnot_examined = ['go']\n")
    code, verdict, _scan = check(root)
    assert code == 0 and any("Go (1 files)" in reason for reason in verdict["reasons"])


def test_a_program_that_is_not_there_or_ends_badly_is_no_pass(root: Path) -> None:
    write(root, a_py="x = 1\n", phasegate_toml=f"{SETTINGS}[[sast.reports]]\ncommand = ['no-such-scanner']\n")
    assert check(root)[0] == 7
    for program in ("raise SystemExit(3)", "print('{')", 'print(\'{"version":"2.1.0","runs":[]}\')', "pass"):
        command = json.dumps([sys.executable, "-c", program])
        write(root, phasegate_toml=f"{SETTINGS}[[sast.reports]]\ncommand = {command}\n")
        code, verdict, _ = check(root)
        assert (code, verdict["says"]) == (7, "unknown"), program


def test_bandit_is_a_second_opinion_and_says_nothing_twice(root: Path) -> None:
    write(root, a_py=f"{WEAK.strip()}  # nosec\n", phasegate_toml=f"{SETTINGS}[sast]\ntools = ['ruff', 'bandit']\n")
    code, _, scan = check(root)
    new = [each for each in scan["findings"] if each["becomes"] == "new"]
    assert code == 1 and [(each["tool"], each["rule"]) for each in new] == [("ruff", "S602")]
    write(root, phasegate_toml=f"{SETTINGS}[sast]\ntools = ['bandit']\n")
    code, _, scan = check(root)
    new = [each for each in scan["findings"] if each["becomes"] == "new"]
    assert [(each["rule"], each["suppressed"]) for each in new] == [("B602", "a nosec comment")] and code == 1


def test_another_scanner_comes_in_by_the_sarif_it_writes(root: Path) -> None:
    """ruff itself, as any program that can write SARIF."""
    write(root, a_py=WEAK)
    ruff = str(Path(PHASEGATE).with_name("ruff"))
    command = [ruff, "check", "--isolated", "--select", "S", "--output-format", "sarif", "-o", "{report}", "."]
    settings = (
        f"{SETTINGS}[sast]\ntools = []\n[[sast.reports]]\nlanguages = ['python']\ncommand = {json.dumps(command)}\n"
    )
    write(root, phasegate_toml=settings)
    code, _verdict, scan = check(root)
    assert code == 1 and {each["path"] for each in scan["findings"]} == {"a.py"}
    assert not scan["why_unknown"] and scan["tools"] == [f"ruff {version_of(ruff)}"]
    write(root, a_py="x = 1\n")
    assert check(root)[0] == 0


def version_of(ruff: str) -> str:
    return subprocess.run((ruff, "--version"), capture_output=True, text=True, check=True).stdout.split()[1]


def test_a_file_that_lies_there_adds_findings_and_shows_no_absence(root: Path, tmp_path: Path) -> None:
    write(root, a_go="package a\n")
    report = tmp_path / "other.sarif"
    run = {"tool": {"driver": {"name": "gosec"}}, "results": []}
    report.write_text(json.dumps({"version": "2.1.0", "runs": [run]}))
    assert check(root, "--report", str(report))[0] == 7, "nobody knows what wrote it, on which tree"
    place = {"physicalLocation": {"artifactLocation": {"uri": "a.go"}, "region": {"startLine": 1}}}
    run["results"] = [{"ruleId": "G101", "level": "error", "message": {"text": "key"}, "locations": [place]}]  # type: ignore[typeddict-item]
    report.write_text(json.dumps({"version": "2.1.0", "runs": [run]}))
    code, _, scan = check(root, "--report", str(report))
    assert code == 1 and scan["findings"][0]["rule"] == "G101"
