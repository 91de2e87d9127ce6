"""`log export` brings a ledger out, to a ref that only grows or a file, and `log verify --from` reads it back."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from phasegate.attestation import export
from phasegate.ledger.facts import NoteAdded, RunPaused
from phasegate.ledger.fold import fold
from phasegate.workspace.ledger_refs import PREFIX
from tests.cli.recorded import Recorded

KEY = "AKIA" + "QZ7TNXW4K2LMVBRS"


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Recorded:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = Recorded(tmp_path, capsys)
    git(made, "add", "-A")
    git(made, "commit", "-q", "-m", "start")
    return made


def git(recorded: Recorded, *words: str, check: bool = True) -> str:
    run = ["git", "-C", str(recorded.root), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
    return subprocess.run(run, check=check, capture_output=True, text=True).stdout.strip()


def note(number: int, text: str = "") -> NoteAdded:
    return NoteAdded(f"note-{number}", "run-1", "1", "discovery", "minor", text or f"note {number}")


def ref(recorded: Recorded) -> str:
    [name] = [
        n for n in git(recorded, "for-each-ref", "--format=%(refname)", PREFIX).split() if "00000000-0000" not in n
    ]
    return name


def anchor(recorded: Recorded) -> str:
    return json.loads(recorded.ok("log", "export", "--json"))["head"]


def says(recorded: Recorded, *words: str) -> tuple[int, str]:
    code, out, err = recorded.call("log", "verify", "--from", *words)
    return code, out + err


def test_a_ref_only_grows_and_nothing_of_the_users_is_touched(recorded: Recorded) -> None:
    recorded.record(note(1))
    (recorded.root / "new.py").write_text("x = 1\n")
    git(recorded, "add", "new.py")
    before = git(recorded, "status", "--porcelain=v2", "--branch"), (recorded.root / ".git/index").read_bytes()
    recorded.ok("log", "export")
    first = git(recorded, "rev-parse", ref(recorded))
    recorded.ok("log", "export")
    assert git(recorded, "rev-parse", ref(recorded)) == first, "nothing is new"
    recorded.record(note(2))
    recorded.ok("log", "export")
    second = git(recorded, "rev-parse", ref(recorded))
    assert git(recorded, "rev-parse", f"{second}^") == first
    assert before == (
        git(recorded, "status", "--porcelain=v2", "--branch"), (recorded.root / ".git/index").read_bytes(),
    )  # fmt: skip
    assert says(recorded, ref(recorded))[0] == 0


def test_what_comes_back_folds_into_the_same_state(recorded: Recorded) -> None:
    recorded.run()
    recorded.record(note(1), RunPaused("run-1"))
    recorded.ok("log", "export", "--file", str(recorded.root.parent / "x.ledger"))
    project = recorded.open()
    try:
        here = list(project.log.read())
    finally:
        project.close()
    back = export.read((recorded.root.parent / "x.ledger").read_bytes()).events
    assert list(back) == here and fold(back) == fold(here)


def test_secrets_leave_redacted(recorded: Recorded) -> None:
    recorded.record(note(1, f"the key is {KEY}"))
    recorded.ok("log", "export", "--file", "../x.ledger")
    content = (recorded.root.parent / "x.ledger").read_text()
    assert KEY not in content and "the key is" in content


def test_what_other_runs_recorded_stays_out_and_the_chain_holds(recorded: Recorded) -> None:
    recorded.run()
    recorded.record(NoteAdded("n", "run-2", "", "discovery", "minor", "not yours"), note(1, "mine"))
    recorded.ok("log", "export", "--file", "../x.ledger", "--run", "run-1")
    content = (recorded.root.parent / "x.ledger").read_text()
    assert "not yours" not in content and "mine" in content
    assert says(recorded, "../x.ledger")[0] == 0


def test_a_part_holds_and_says_what_it_cannot_tell(recorded: Recorded) -> None:
    early = anchor(recorded)
    recorded.record(note(1), note(2))
    late = anchor(recorded)
    recorded.ok("log", "export", "--file", "../x.ledger", "--since", early.split(":")[0])
    assert says(recorded, "../x.ledger", "--anchor", early, "--anchor", late)[0] == 0
    code, told = says(recorded, "../x.ledger", "--anchor", f"1:{'0' * 64}")
    assert (code, "begins after" in told) == (7, True) or code == 1


def test_a_cut_end_another_history_and_another_ledger_are_each_told(recorded: Recorded, tmp_path: Path) -> None:
    recorded.record(note(1))
    recorded.ok("log", "export", "--file", "../early.ledger")
    recorded.record(note(2))
    late = anchor(recorded)
    (tmp_path / "anchors").write_text(f"kept by hand\n{late}\n")
    code, told = says(recorded, "../early.ledger", "--anchor", str(tmp_path / "anchors"))
    assert code == 1 and "its end was cut off" in told and "anchors" in told
    position = late.split(":")[0]
    code, told = says(recorded, ref(recorded), "--anchor", f"{position}:{'a' * 64}")
    assert code == 1 and "another history" in told
    code, told = says(recorded, ref(recorded), "--anchor", late)
    assert code == 0 and "anchors confirm" in told
    code, told = says(recorded, ref(recorded), "--anchor", "nonsense")
    assert code == 2 and "no anchor" in told


def test_a_ledger_that_was_put_back_from_a_copy_is_not_exported_over_the_newer_one(recorded: Recorded) -> None:
    saved = {path: path.read_bytes() for path in recorded.ledger.parent.glob("ledger.db*")}
    recorded.record(note(1))
    recorded.ok("log", "export")
    for path in recorded.ledger.parent.glob("ledger.db*"):
        path.unlink()
    for path, content in saved.items():
        path.write_bytes(content)
    recorded.record(note(3))
    code, _, err = recorded.call("log", "export")
    assert code == 1 and "another-history" in err


def test_it_is_pushed_on_request_and_never_by_force(recorded: Recorded, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    git(recorded, "remote", "add", "origin", str(bare))
    recorded.ok("log", "export", "--push", "origin")
    there = subprocess.run(["git", "-C", str(bare), "rev-parse", ref(recorded)], capture_output=True, text=True).stdout
    assert there.strip() == git(recorded, "rev-parse", ref(recorded))
    git(recorded, "update-ref", "-d", ref(recorded))
    recorded.record(note(1))
    recorded.ok("log", "export")
    code, _, err = recorded.call("log", "export", "--push", "origin")
    assert code == 7 and "push-refused" in err


def test_a_ref_that_holds_anything_else_is_refused(recorded: Recorded) -> None:
    recorded.ok("log", "export")
    git(recorded, "update-ref", f"{PREFIX}other", "HEAD")
    code, told = says(recorded, f"{PREFIX}other")
    assert code == 1 and "export-ref-unsound" in told
    code, told = says(recorded, "refs/nowhere")
    assert code == 1 and "git fetch" in told


def test_a_later_format_is_told_and_does_not_pass(recorded: Recorded, tmp_path: Path) -> None:
    recorded.ok("log", "export", "--file", "../x.ledger")
    newer = (tmp_path / "x.ledger").read_text().replace("phasegate-ledger-1", "phasegate-ledger-2")
    (tmp_path / "y.ledger").write_text(newer)
    code, told = says(recorded, "../y.ledger")
    assert code == 7 and "Update phasegate" in told


def test_trees_that_nest_without_end_and_contents_that_unpack_to_too_much_are_refused(recorded: Recorded) -> None:
    recorded.ok("log", "export")

    def made(*rows: str) -> str:
        run = ["git", "-C", str(recorded.root), "mktree"]
        return subprocess.run(run, input="".join(rows), capture_output=True, text=True, check=True).stdout.strip()

    def point(tree: str) -> str:
        name = f"{PREFIX}00000000-0000-0000-0000-000000000000"
        git(recorded, "update-ref", name, git(recorded, "commit-tree", tree, "-m", "x"))
        return name

    top = git(recorded, "rev-parse", f"{ref(recorded)}:ledger.json")
    nested = top
    for depth in range(12):
        kind = "100644 blob" if depth == 0 else "040000 tree"
        nested = made(*(f"{kind} {nested}\t{name}\n" for name in "abcdefghij"))
    (recorded.root.parent / "zeros").write_bytes(b"\0" * (100 << 20))
    zeros = git(recorded, "hash-object", "-w", str(recorded.root.parent / "zeros"))
    large = made(f"100644 blob {zeros}\t1\n")
    for tree, code in (
        (made(f"100644 blob {top}\tledger.json\n", f"040000 tree {nested}\tevents\n"), 1),
        (made(f"100644 blob {top}\tledger.json\n", f"120000 blob {top}\tevents\n"), 1),
        (made(f"100644 blob {top}\tledger.json\n", f"040000 tree {large}\tevents\n"), 6),
    ):  # fmt: skip
        assert says(recorded, point(tree))[0] == code
