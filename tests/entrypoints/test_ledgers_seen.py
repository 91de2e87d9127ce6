"""What `verify` makes of exported ledgers: closed phases against the commit, approvals against the base's signers."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from phasegate.entrypoints import exporting
from phasegate.entrypoints.archives_seen import archives_stay
from phasegate.entrypoints.ledgers_seen import Change, Seen, look
from phasegate.evidence.items import CommandSeen, Evidence
from phasegate.ledger.event import Actor
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import (
    EvidenceRecorded,
    FileKept,
    GateSaid,
    PhaseClosed,
    QuestionAnswered,
    QuestionAsked,
)  # fmt: skip
from phasegate.ledger.waivers import WaiverEnded, WaiverGiven
from phasegate.settings import Settings
from phasegate.wiring import RealDesk, Trusted, begin_ledger, open_project
from phasegate.workflow.default import DEFAULT
from phasegate.workspace import git
from phasegate.workspace.branches import Repository

SIGNERS = ".phasegate/allowed_signers"
FOLDER = "archive/investigations/project/2026-11-22_1"
MANIFEST, REASON = f"{FOLDER}/evidence.json", f"{FOLDER}/reason.md"
SETTINGS = Settings(project="6f0c8a52-6a5e-4f5e-9a43-3b1d9a0c7e11")


class Clone:
    """A clone whose branch closes a phase: its ledger, a person with a key, and how it is judged."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "clone"
        self.root.mkdir()
        self.git("init", "-q", "-b", "main")
        self.key = self.make_key("ann")
        self.write(SIGNERS, f"ann@example.org {(folder / 'ann.pub').read_text()}")
        self.commit("start")
        self.base = self.git("rev-parse", "HEAD")
        trusted = Trusted(SETTINGS, DEFAULT, "")
        begin_ledger(git.locate(str(self.root)), SETTINGS.project, trusted, os.environ).close()

    def git(self, *words: str) -> str:
        run = ["git", "-C", str(self.root), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def make_key(self, name: str) -> Path:
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(self.folder / name)]
        subprocess.run(made, check=True)
        return self.folder / name

    @property
    def ledger(self) -> str:
        project = open_project(str(self.root), os.environ)
        project.close()
        return project.log.ledger

    def record(self, *facts: Fact) -> None:
        project = open_project(str(self.root), os.environ)
        try:
            RealDesk(project, Actor("phasegate", "0")).record(facts, relying_on=None)
        finally:
            project.close()

    def signed(self, key: Path, rows: list[str], words: str) -> dict[str, Any]:
        """The fields of a strong approval, signed by the real program."""
        digest = hashlib.sha256(words.encode()).hexdigest()
        text = "\n".join(["phasegate approval", f"ledger: {self.ledger}", *rows, f"sha256 of the words: {digest}", ""])
        sign = ["ssh-keygen", "-Y", "sign", "-n", "phasegate", "-f", str(key)]
        made = subprocess.run(sign, input=text, capture_output=True, text=True, check=True).stdout
        return {"approval": "strong", "by": "ann@example.org", "text": text, "signature": made}

    def answered(self, **signed: Any) -> QuestionAnswered:
        return QuestionAnswered(
            "q-1", "approve", "Yes.", **({"approval": "weak", "by": "ann"} | signed)
        )  # fmt: skip

    def close(self, *gates: GateSaid, subject: str = "s", reason: str = "done\n") -> None:
        """A closing recorded, and its archive committed."""
        files = {MANIFEST: "{}\n", REASON: "done\n"}
        kept = tuple(FileKept(path, hashlib.sha256(text.encode()).hexdigest()) for path, text in files.items())
        closing = PhaseClosed("1", "run-1", subject, FOLDER, kept, gates or (GateSaid("tests_ran", "pass"),), MANIFEST)
        self.record(closing)
        for path, text in (files | {REASON: reason}).items():
            self.write(path, text)

    def export(self) -> str:
        project = open_project(str(self.root), os.environ)
        try:
            brought = exporting.to_ref(project, str(self.folder))
        finally:
            project.close()
        return f"{brought.head.position} {brought.head.hash}"

    def change(self) -> Change:
        return Change(
            Repository(str(self.root), str(self.folder)), self.base, self.git("rev-parse", "HEAD"), "", SETTINGS
        )

    def seen(self, *anchors: str, sources: tuple[str, ...] = ()) -> Seen:
        return look(self.change(), str(self.root), str(self.folder), sources, exporting.anchors(anchors))

    def says(self, *anchors: str) -> dict[str, str]:
        return {verdict.gate.partition(" ")[0]: verdict.says for verdict in self.seen(*anchors).verdicts}


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Clone(tmp_path)


def why(seen: Seen) -> str:
    return "\n".join(reason for verdict in seen.verdicts for reason in verdict.reasons)


def test_without_an_exported_ledger_nothing_is_said(clone: Clone) -> None:
    clone.close()
    clone.commit("work")
    assert clone.seen() == Seen()


@pytest.mark.parametrize("how", ["changed", "removed", "added"])
def test_an_archive_of_the_base_that_a_change_touches_is_a_failure_with_or_without_a_ledger(
    clone: Clone, how: str
) -> None:
    clone.close()
    clone.commit("work")
    clone.base = clone.git("rev-parse", "HEAD")
    clone.write("archive/notes.md", "no phase\n")
    clone.commit("more")
    assert not archives_stay(clone.change())
    if how == "removed":
        (clone.root / REASON).unlink()
    else:
        clone.write(REASON if how == "changed" else f"{FOLDER}/artifacts/more.json", "all passed\n")
    clone.commit("touched")
    (said,) = archives_stay(clone.change())
    assert said.says == "fail" and FOLDER in said.reasons[0]


def test_a_phase_closed_in_the_ledger_with_the_files_of_the_commit_passes(clone: Clone) -> None:
    clone.close()
    head = clone.export()
    clone.commit(f"work\n\nLedger-Head: {clone.ledger} {head}")
    seen = clone.seen()
    assert clone.says() == {"ledger": "pass", "closures": "pass"}
    assert "1 anchors confirm" in why(seen) and seen.ledgers[0].anchors


def test_an_archive_that_is_not_what_was_closed_fails(clone: Clone) -> None:
    clone.close(reason="something else\n")
    clone.export()
    clone.commit("work")
    assert clone.says()["closures"] == "fail" and "reason.md is not the file" in why(clone.seen())
    clone.git("rm", "-q", REASON)
    clone.commit("gone")
    assert clone.says()["closures"] == "fail" and "not in the commit" in why(clone.seen())


def test_a_closing_that_no_ledger_knows_of_is_unknown(clone: Clone) -> None:
    clone.export()
    clone.close()
    clone.commit("work")
    assert clone.says()["closures"] == "unknown"


def test_a_head_that_a_commit_names_shows_a_cut_end_and_another_history(clone: Clone) -> None:
    clone.close()
    clone.export()
    for head, told in ((f"999 {'a' * 64}", "cut off"), (f"1 {'a' * 64}", "another history")):
        clone.commit(f"work\n\nLedger-Head: {clone.ledger} {head}")
        assert clone.says()["ledger"] == "fail" and told in why(clone.seen())
        clone.git("reset", "-q", "--soft", clone.base)


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        (GateSaid("tests_ran", "unknown"), "said unknown"),
        (GateSaid("tests_ran", "pass", ("ev-none",)), "is not in the ledger"),
        (GateSaid("tests_ran", "pass", ("ev-claimed",)), "is a claim"),
        (GateSaid("covered", "pass", (), "waiver-1"), "does not count here"),
        (GateSaid("approved", "pass"), "no signature that counts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_closing_on_nothing_that_counts_fails(clone: Clone, gate: GateSaid, told: str) -> None:
    clone.record(
        EvidenceRecorded(Evidence("ev-claimed", CommandSeen(("true",), 0, 1.0), "s", "claimed", "agent")),
        QuestionAsked("q-1", "run-1", "May it close?", phase="1", subject="s"), clone.answered(),
        WaiverGiven("waiver-1", "gate", "covered@1", "ann", "late", "2999-01-01", "weak", "ann"),
    )  # fmt: skip
    clone.close(gate)
    clone.export()
    clone.commit("work")
    assert clone.says()["closures"] == "fail" and told in why(clone.seen())


def test_a_signature_by_an_allowed_signer_of_the_base_counts_and_no_other_does(clone: Clone) -> None:
    rows = ["question: q-1", "verdict: approve"]
    good = clone.signed(clone.key, rows, "Yes.")
    other = clone.signed(clone.make_key("bob"), rows, "Yes.")
    cases = {
        True: [good],
        False: [
            {}, good | {"signature": ""}, good | {"approval": "weak"}, other,
            clone.signed(clone.key, ["question: q-2", "verdict: approve"], "Yes."),
            clone.signed(clone.key, rows, "No."), good | {"signature": "nonsense"},
        ],
    }  # fmt: skip
    clone.write(SIGNERS, f"ann@example.org {(clone.folder / 'bob.pub').read_text()}")
    clone.commit("let bob sign, too late")
    for counts, each in ((counts, each) for counts, many in cases.items() for each in many):
        clone.record(clone.answered(**each))
        clone.export()
        assert [seen.counts for seen in clone.seen().approvals][-1] is counts, each


def test_an_exception_counts_by_its_signature_until_it_is_ended(clone: Clone) -> None:
    rows = ['waive: test "tests/a.py::test_b"', "until: 2999-01-01"]
    given = WaiverGiven("waiver-1", "test", "tests/a.py::test_b", "ann", "flaky", "2999-01-01", "weak", "ann")
    strong = msgspec.structs.replace(given, waiver="waiver-2", **clone.signed(clone.key, rows, "flaky"))
    clone.record(given, strong)
    clone.export()
    assert [waiver.waiver for waiver in clone.seen().waivers] == ["waiver-2"]
    clone.record(WaiverEnded("waiver-2", "over"))
    clone.export()
    assert clone.seen().waivers == ()


def test_a_ledger_under_the_name_of_another_or_of_another_project(clone: Clone) -> None:
    clone.export()
    [ref] = clone.git("for-each-ref", "--format=%(refname)", "refs/phasegate/").split()
    clone.git("update-ref", "refs/phasegate/ledgers/00000000-0000-0000-0000-000000000000", ref)
    assert "stands where" in why(clone.seen())
    change = Change(
        Repository(str(clone.root), str(clone.folder)), clone.base, clone.base, "", Settings(project="other")
    )
    assert look(change, str(clone.root), str(clone.folder), (), ()) == Seen()
    assert "is of project" in why(look(change, str(clone.root), str(clone.folder), (ref,), ()))


def test_a_regulated_phase_is_closed_by_a_signature_about_its_own_tree(clone: Clone) -> None:
    signed = clone.signed(clone.key, ["question: q-1", "verdict: approve"], "Yes.")
    asked = QuestionAsked("q-1", "run-1", "May it close?", phase="1", subject="another")
    clone.record(asked, clone.answered(**signed))
    clone.close(GateSaid("approved", "pass"))
    clone.export()
    clone.commit("work")
    assert clone.says()["closures"] == "fail"
    clone.record(msgspec.structs.replace(asked, subject="s"))
    clone.export()
    assert clone.says()["closures"] == "pass"


def test_of_a_ledger_that_does_not_hold_no_approval_counts(clone: Clone) -> None:
    clone.record(clone.answered(**clone.signed(clone.key, ["question: q-1", "verdict: approve"], "Yes.")))
    clone.export()
    assert [each.counts for each in clone.seen().approvals] == [True]
    cut = clone.seen(f"999:{'a' * 64}")
    assert (cut.verdicts[0].says, cut.approvals, cut.waivers) == ("fail", (), ())


def test_an_archive_of_before_that_is_edited_is_no_closing(clone: Clone) -> None:
    clone.close()
    clone.commit("before")
    clone.base = clone.git("rev-parse", "HEAD")
    clone.export()
    clone.write(MANIFEST, "{ }\n")
    clone.commit("a letter")
    assert "closes no phase" in why(clone.seen())
