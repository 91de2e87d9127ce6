"""Verifies a person's SSH signature against the signers that are committed, never those in the work tree."""

from __future__ import annotations

import os
import tempfile

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.workspace import git

NAMESPACE = "phasegate"
LARGEST_SIGNATURE = 64 * 1024
SECONDS = 20.0
MOST_IDENTITIES = 20
DEFAULT_BRANCHES = ("refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master",
                    "refs/heads/main", "refs/heads/master")  # fmt: skip


class SignatureRefused(Failure):
    """The signature does not show that an allowed signer approved exactly this text."""

    code = "signature-refused"
    exit_code = Exit.USAGE


class NoSigners(Failure):
    """No allowed signers are committed where they count."""

    code = "no-allowed-signers"
    exit_code = Exit.USAGE


class KeygenMissing(Failure):
    """There is no ssh-keygen that can verify signatures."""

    code = "ssh-keygen-missing"
    exit_code = Exit.CANNOT_TELL


class Signers(msgspec.Struct, frozen=True):
    """An allowed-signers file as committed: its content, and the commit it was read from."""

    content: bytes
    commit: str


class Signer(msgspec.Struct, frozen=True):
    """Who signed, as the allowed signers name them, and what ssh-keygen said (it names the key)."""

    identity: str
    said: str


def allowed_signers(root: str, path: str, scratch: str) -> Signers:
    """The allowed signers at the merge base of HEAD with the default branch, else at HEAD."""
    commit = trusted_commit(root, scratch)
    if commit:
        shown = _git(root, scratch, "show", f"{commit}:{path}", accept=(0, 128))
        if shown.status == 0:
            return Signers(shown.output, commit)
    where = f"in commit {commit[:12]}" if commit else "for nothing is committed yet"
    raise NoSigners(
        f"There are no allowed signers: {path} is not there, {where}.",
        hint=f"Commit {path} to the default branch; each line: `person@example.org ssh-ed25519 AAAA...`.",
    )


def trusted_commit(root: str, scratch: str) -> str:
    """The merge base of HEAD with the first default branch there is, else HEAD; "" before the first commit."""
    for branch in DEFAULT_BRANCHES:
        found = _git(root, scratch, "merge-base", "HEAD", branch, accept=(0, 1, 128))
        if found.status == 0:
            return found.output.decode().strip()
    head = _git(root, scratch, "rev-parse", "--verify", "-q", "HEAD^{commit}", accept=(0, 1, 128))
    return head.output.decode().strip() if head.status == 0 else ""


def verify(text: bytes, signature: bytes, signers: Signers) -> Signer:
    """Who of `signers` signed exactly `text` for phasegate; SignatureRefused when nobody did."""
    if len(signature) > LARGEST_SIGNATURE:
        raise SignatureRefused("This is no SSH signature: it is too large.", hint="Sign with `ssh-keygen -Y sign`.")
    with tempfile.TemporaryDirectory(prefix="phasegate-") as folder:
        allowed, signed = os.path.join(folder, "allowed_signers"), os.path.join(folder, "signature")
        for path, content in ((allowed, signers.content), (signed, signature)):
            with open(path, "wb") as file:
                file.write(content)
        said = ""
        for identity in _identities(allowed, signed):
            status, said = _keygen("verify", "-f", allowed, "-I", identity, "-n", NAMESPACE, "-s", signed, given=text)
            if status == 0:
                return Signer(identity, said)
    raise SignatureRefused(
        f"The signature is by no allowed signer, or of another text. {said}".strip(),
        hint="Sign what `phasegate answer text` prints, byte for byte, with `ssh-keygen -Y sign -n phasegate`.",
    )


def _identities(allowed: str, signature: str) -> list[str]:
    """Under which names the allowed signers know the signature's key."""
    status, said = _keygen("find-principals", "-f", allowed, "-s", signature)
    return [name for name in said.splitlines() if name][:MOST_IDENTITIES] if status == 0 else []


def _keygen(action: str, *arguments: str, given: bytes = b"") -> tuple[int, str]:
    """The exit code and the words of `ssh-keygen -Y ACTION`, run without agent, prompts or configuration."""
    import subprocess

    env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    try:
        ran = subprocess.run(
            ["ssh-keygen", "-Y", action, *arguments], input=given, env=env, capture_output=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise KeygenMissing(f"ssh-keygen cannot be used: {problem}.", hint="Install OpenSSH 8.9 or newer.") from problem
    said = ran.stdout if ran.returncode == 0 else ran.stderr
    return ran.returncode, said.decode("utf-8", "replace").strip()[:500]


def _git(root: str, scratch: str, *arguments: str, accept: tuple[int, ...]) -> git.Ran:
    return git.run(["-C", root, *arguments], environment=git.clean_environment(), scratch=scratch, accept=accept)
