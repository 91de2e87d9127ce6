"""Other programs that look for secrets: the real gitleaks over a tree, and what each report may and may not be."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.collectors.scanners import gitleaks, trufflehog
from phasegate.collectors.scanners.interface import Asked, Looked, ToolSaysNothing, by
from phasegate.entrypoints import secret_search
from phasegate.policy.secrets import find_secrets
from tests.policy.secret_samples import ALNUM, Draw, checksummed

KEY = checksummed("gh" + "p_")(Draw("tools"))[1]
STRANGE = "p8e-" + Draw("adobe").of("0123456789abcdef", 32)
"""A client secret of a kind that our own rules do not know."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a.py").write_text(f"import os\n\nK = '{KEY}'  # gitleaks:allow trufflehog:ignore\n")
    (root / "b.txt").write_text(f"adobe = '{STRANGE}'\n")
    (root / ".gitleaksignore").write_text("a.py:github-pat:3\nb.txt:adobe-client-secret:1\n")
    (root / ".gitleaks.toml").write_text('[allowlist]\npaths = [".*"]\n')
    return root


def asked(tree: Path, seconds: float = 100.0) -> Asked:
    scratch = tree.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    paths = sorted(path.name for path in tree.iterdir())
    copy = tree.parent / "copy"
    if not copy.exists():
        assert not secret_search.copied(str(tree), paths, str(copy))
    return Asked(str(copy), paths, str(scratch), seconds, lambda said: None, str(tree))


def test_the_real_gitleaks_finds_what_comments_and_files_of_the_tree_ask_it_not_to_see(tree: Path) -> None:
    looked = gitleaks.scan(asked(tree))
    (ours,) = find_secrets((tree / "a.py").read_text())
    first, second = sorted(looked.findings, key=lambda each: each.path)
    assert (first.rule, first.path, first.line, first.fingerprint) == ("github-token", "a.py", 3, ours.fingerprint)
    assert (second.rule, second.path, second.line, second.tool) == ("adobe-client-secret", "b.txt", 1, "gitleaks")
    assert looked.tools == ("gitleaks 8.30.1",) and not looked.unread
    told = msgspec.json.encode(looked).decode()
    assert KEY not in told and STRANGE not in told


def test_a_program_that_is_stopped_in_its_time_or_not_there_leaves_the_rest_unknown(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "was stopped after" in by(gitleaks.scan, asked(tree, 0.0)).why_unknown[0]
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    if shutil.which("trufflehog") is None:
        assert "trufflehog is not installed" in by(trufflehog.scan, asked(tree)).why_unknown[0]


def truffle(tree: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Looked:
    """What is made of a program of that name that does what `script` says."""
    program = tree.parent / "bin" / "trufflehog"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && {{ echo trufflehog 3.90.0; exit; }}\n{script}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return by(trufflehog.scan, asked(tree))


def row(path: str, line: int, secret: str) -> str:
    where = {"file": path, "line": line}
    return msgspec.json.encode(
        {"SourceMetadata": {"Data": {"Filesystem": where}}, "SourceID": 1, "DetectorName": "Github",
         "Verified": False, "Raw": secret, "RawV2": "", "Redacted": "", "ExtraData": None}
    ).decode()  # fmt: skip


def test_what_trufflehog_writes_is_read_line_by_line(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = "\n".join([row("a.py", 3, KEY), row("./b.txt", 1, STRANGE)])
    looked = truffle(tree, monkeypatch, f"cat <<'END'\n{report}\nEND\ngrep -c trufflehog:ignore a.py >&2 || true")
    assert [(each.rule, each.path, each.line) for each in looked.findings] == [
        ("github-token", "a.py", 3), ("Github", "b.txt", 1),
    ]  # fmt: skip
    assert looked.tools == ("trufflehog 3.90.0",) and not looked.why_unknown
    assert KEY not in str(looked) and STRANGE not in str(looked)


@pytest.mark.parametrize("script", ["exit 1", "echo '{'", "kill -9 $$", "echo '[]'"])
def test_a_crash_and_half_a_report_are_never_no_findings(
    tree: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    looked = truffle(tree, monkeypatch, script)
    assert looked.why_unknown and not looked.findings


REPORT = msgspec.json.encode(
    [{"RuleID": "r", "Description": "", "StartLine": 1, "File": "a.py", "Secret": ALNUM, "Match": ALNUM}]
)


@given(st.integers(0, len(REPORT) - 1))
def test_no_part_of_a_report_is_taken_for_the_whole(end: int) -> None:
    assert gitleaks.read(REPORT)[0].secret == ALNUM
    with pytest.raises(ToolSaysNothing) as refused:
        gitleaks.read(REPORT[:end])
    assert ALNUM not in refused.value.message


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda noise: REPORT[:40] + noise)))
def test_any_bytes_are_a_report_or_are_refused(report: bytes) -> None:
    for read in (gitleaks.read, lambda content: tuple(trufflehog.read(content))):
        try:
            assert isinstance(read(report), tuple)
        except ToolSaysNothing as failure:
            assert failure.message
