"""A bundle is signed by a key or a command of a person's, and checked anywhere, with a repository or without."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from phasegate.entrypoints import signing
from tests.attestation import sample
from tests.cli.people import as_person


class Desk:
    """A folder with bundles and keys, and whoever calls commands there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {"XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder)}
        (folder / "signed").write_bytes(sample.made())
        (folder / "unsigned").write_bytes(sample.made(signed=False))
        (folder / "key.pub").write_text(sample.PUBLIC.pem)
        (folder / "other.pub").write_text(sample.OTHER.pem)
        self.ok("log", "key", "new", "mine")

    def call(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return as_person(["phasegate", *words], self.folder, self.env | env)

    def ok(self, *words: str, **env: str) -> str:
        done = self.call(*words, **env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def check(self, name: str, *words: str, **env: str) -> tuple[int, dict[str, Any]]:
        done = self.call("verify", "--bundle", name, "--json", *words, **env)
        told = json.loads(done.stdout)
        return done.returncode, {each["gate"]: each["says"] for each in told.get("verdicts", ())} or told


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


def test_only_with_the_key_that_signed_does_it_pass_and_without_one_it_says_integrity_only(desk: Desk) -> None:
    assert desk.check("signed", "--key", "key.pub")[0] == 0
    assert desk.check("signed", "--key", "other.pub")[1]["signature"] == "fail"
    assert desk.check("unsigned", "--key", "key.pub")[0] == 1
    for name in ("signed", "unsigned"):
        code, says = desk.check(name)
        assert (code, says["signature"], says["verdict"]) == (7, "unknown", "pass")
        assert desk.check(name, "--integrity-only")[0] == 0
    assert "integrity only" in desk.call("verify", "--bundle", "unsigned").stdout


def test_what_was_changed_is_refused_with_its_line(desk: Desk) -> None:
    content = sample.made()
    at = content.rindex(b'"data":"') + 30
    (desk.folder / "changed").write_bytes(content[:at] + b"#" + content[at + 1 :])
    code, told = desk.check("changed", "--key", "key.pub")
    assert (code, told["error"]) == (1, "bundle-unsound") and "Line 5" in told["message"]


def test_it_is_signed_later_by_a_file_a_variable_or_a_command(desk: Desk) -> None:
    private = (desk.folder / "mine").read_text()
    command = f"{sys.executable} -c 'import sys; from tests.attestation.sample import KEY; "
    command += "sys.stdout.buffer.write(KEY.sign(sys.stdin.buffer.read()))'"
    elsewhere = {"PYTHONPATH": str(Path(__file__).parents[2])}
    ways: tuple[tuple[tuple[str, ...], dict[str, str], str], ...] = (
        (("--key", "mine"), {}, "mine.pub"),
        ((), {signing.KEY: private}, "mine.pub"),
        ((), {signing.KEY: str(desk.folder / "mine")}, "mine.pub"),
        (("--key", "key.pub", "--signer", command), elsewhere, "key.pub"),
    )
    for words, env, public in ways:
        told = desk.ok("verify", "--bundle", "unsigned", "--bundle-out", "new", "--proof", "new.html", *words, **env)
        assert "written" in told and "anybody could" not in told.splitlines()[-1]
        assert desk.check("new", "--key", public)[0] == 0
    assert (desk.folder / "new.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("command", "error"),
    [("false", "signer-failed"), ("/nowhere", "signer-failed"), ("echo hello", "signer-failed"),
     ("head -c 64 /dev/zero", "bad-signature")],
)  # fmt: skip
def test_a_command_that_does_not_sign_leaves_no_bundle(desk: Desk, command: str, error: str) -> None:
    words = ("--key", "key.pub", "--signer", command, "--bundle-out", "never")
    assert desk.check("unsigned", *words)[1]["error"] == error
    assert not (desk.folder / "never").exists()


def test_below_an_agent_nothing_is_signed_and_no_key_is_made(desk: Desk) -> None:
    for words in (
        ("verify", "--bundle", "unsigned", "--bundle-out", "never", "--key", "mine"),
        ("log", "key", "new", "x"),
    ):
        done = desk.call(*words, CLAUDECODE="1")
        assert done.returncode == 2 and "for-people" in done.stderr


def test_a_key_is_for_its_owner_alone_and_is_never_overwritten(desk: Desk) -> None:
    mode = (desk.folder / "mine").stat().st_mode
    assert not mode & (stat.S_IRWXG | stat.S_IRWXO)
    done = desk.call("log", "key", "new", "mine")
    assert done.returncode == 2 and "key-exists" in done.stderr
    assert desk.ok("log", "key", "show", "mine").split()[0] == desk.ok("log", "key", "show", "mine.pub").split()[0]
    assert "PRIVATE" not in desk.ok("log", "key", "show", "mine")
    (desk.folder / "open").write_bytes((desk.folder / "mine").read_bytes())
    (desk.folder / "open").chmod(0o644)
    told = desk.ok("verify", "--bundle", "unsigned", "--bundle-out", "new", "--key", "open")
    assert "other users can read" in told


def test_what_the_environment_names_is_taken_out_of_it_before_anything_is_run() -> None:
    env = {signing.KEY: "k", signing.COMMAND: "c", "PATH": "/bin"}
    assert signing.take_variables(env) == ("k", "c") and env == {"PATH": "/bin"}


def test_a_key_that_an_agent_at_work_can_read_is_said_to_be_no_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "only_people", lambda what: None)
    path = tmp_path / "key"
    from cryptography.hazmat.primitives import serialization as s

    path.write_bytes(sample.KEY.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
    path.chmod(0o600)
    signer = signing.signer(str(path), "", ("", ""), driven=True)
    assert signer is not None and "could sign as well" in signer.warnings[0]
    quiet = signing.signer(str(path), "", ("", ""), driven=False)
    assert quiet is not None and quiet.warnings == ()


def test_it_is_held_against_the_commit_asked_for_and_the_repository_here(desk: Desk, tmp_path: Path) -> None:
    key = ("--key", str(desk.folder / "key.pub"))
    assert desk.check("signed", *key, "--commit", "a" * 40)[0] == 0
    assert desk.check("signed", *key, "--commit", "HEAD")[1]["commit"] == "fail"

    def git(*words: str) -> str:
        run = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()

    def says(told: str, **changed: str) -> None:
        (tmp_path / "bundle").write_bytes(sample.made(head=git("rev-parse", "HEAD"), **changed))
        done = as_person(["phasegate", "verify", "--bundle", "bundle", *key, "--commit", "HEAD"], tmp_path, desk.env)
        assert told in done.stdout, done.stdout + done.stderr
        assert (done.returncode == 0) == (told == "which is checked out here")

    git("init", "-q")
    (tmp_path / "phasegate.toml").write_text("")
    git("add", "-A")
    git("commit", "-q", "-m", "x")
    tree = git("rev-parse", "HEAD^{tree}")
    says("which is checked out here", tree=tree)
    says("does not of", tree="d" * 40)
    (tmp_path / "phasegate.toml").write_text("render = 'off'\n")
    base = git("rev-parse", "HEAD")
    git("commit", "-q", "-a", "-m", "y")
    tree = git("rev-parse", "HEAD^{tree}")
    says("which is checked out here", tree=tree, base=base)
    says("does not of", tree=tree, base=git("rev-parse", "HEAD"))
    git("commit", "-q", "--allow-empty", "-m", "z")
    done = as_person(["phasegate", "verify", "--bundle", "bundle", *key, "--commit", "HEAD"], tmp_path, desk.env)
    assert done.returncode == 1 and "not about HEAD" in done.stdout


def test_what_is_no_file_or_far_too_large_is_refused_at_once(desk: Desk) -> None:
    os.mkfifo(desk.folder / "fifo")
    with open(desk.folder / "sparse", "wb") as file:
        file.truncate(1 << 40)
    (desk.folder / "lines").write_bytes(b"\n" * 1_000_000)
    for name in ("fifo", "sparse", "lines", ".", "nowhere"):
        code, told = desk.check(name, "--integrity-only")
        assert code in (1, 2, 6, 7) and told["error"], name
