"""What `phasegate verify` does with bundles: put one somewhere, check one, sign one that was written without a key."""

from __future__ import annotations

import contextlib
import os
import tempfile

import msgspec

from phasegate.attestation import bundle, checking
from phasegate.attestation.keys import LARGEST_KEY, public_key
from phasegate.entrypoints import proving, signing
from phasegate.entrypoints.cli import machines, output
from phasegate.entrypoints.cli.check import tell_verdicts
from phasegate.entrypoints.cli.session import actor
from phasegate.entrypoints.proof import page
from phasegate.entrypoints.signing import Signer
from phasegate.errors import Failure
from phasegate.gates.interface import Verdict
from phasegate.ledger.event import digest
from phasegate.plain import line
from phasegate.wiring import RealDesk, open_project
from phasegate.workspace import git
from phasegate.workspace.branches import Repository

BUNDLE = "phasegate.bundle"
"""What a bundle is called in a folder."""


class Asked(msgspec.Struct, frozen=True):
    """The options of `verify --bundle`."""

    path: str
    key: str
    signer: str
    commit: str
    integrity_only: bool
    out: str | None
    proof: str | None


def put(out: str | None, proof: str | None, content: bytes, signer: Signer | None) -> dict[str, str]:
    """Write a bundle and its page where they are asked for, and say aloud who signed it."""
    key = signer.public if signer is not None else None
    path = proving.place_for(out, BUNDLE) if out else ""
    if path:
        machines.put(path, content)
    if proof:
        machines.put(proof, page(content, key))
    by = f"signed by the key {key.id[:16]}" if key is not None else proving.INTEGRITY_ONLY
    output.progress(f"phasegate: {' and '.join(filter(None, (path, proof)))} written ({digest(content)[:16]}); {by}")
    for warning in signer.warnings if signer is not None else ():
        output.progress(f"phasegate: warning: {warning}")
    return {"bundle": path, "sha256": digest(content), "signed_by": key.id if key is not None else ""}


def check(asked: Asked, variables: tuple[str, str], as_json: bool) -> int:
    """Check a bundle; with `out`, sign it when it is sound; with `proof`, make its page."""
    content = signing.read_named(asked.path, bundle.LARGEST)
    found = bundle.read(content)
    key = None if asked.out or not asked.key else public_key(signing.read_named(asked.key, LARGEST_KEY))
    verdicts = (
        *checking.check(found, key, integrity_only=asked.integrity_only or bool(asked.out)),
        *about(found, asked.commit),
    )
    told = {"commit": _commit(found), "sha256": found.digest}
    if not as_json:
        output.say(f"A bundle about commit {_commit(found)[:12]}, of {line(found.statement.predicate.time_verified)}:")
    sound = not any(verdict.says == "fail" for verdict in verdicts if verdict.gate != "verdict")
    if asked.out and sound:
        told |= _sign(asked, found, variables)
    elif asked.proof and sound:
        machines.put(asked.proof, page(content, key))
    return tell_verdicts(verdicts, told if as_json else None)


def _sign(asked: Asked, found: bundle.Bundle, variables: tuple[str, str]) -> dict[str, str]:
    signer = signing.signer(asked.key, asked.signer, variables, driven=False)
    warnings = [each for each in found.statement.predicate.warnings if each != proving.INTEGRITY_ONLY]
    warnings += [proving.SIGNED_LATER, *(signer.warnings if signer is not None else (proving.INTEGRITY_ONLY,))]
    predicate = msgspec.structs.replace(found.statement.predicate, warnings=tuple(dict.fromkeys(warnings)))
    statement = msgspec.structs.replace(found.statement, predicate=predicate)
    return put(asked.out, asked.proof, proving.signed(statement, found.files, signer), signer)


def _commit(found: bundle.Bundle) -> str:
    return next((each.digest["gitCommit"] for each in found.statement.subject if "gitCommit" in each.digest), "")


def about(found: bundle.Bundle, wanted: str) -> tuple[Verdict, ...]:
    """What the repository here says of the bundle; nothing where it knows nothing, unless a commit is asked about."""
    stated = _commit(found)
    try:
        where = git.locate(os.getcwd())
    except Failure:
        return (_about(stated, wanted),) if wanted else ()
    with tempfile.TemporaryDirectory(prefix="phasegate-") as scratch:
        repository = Repository(where.root, scratch)
        asked = _resolved(repository, f"{wanted or stated}^{{commit}}") or wanted
        if asked != stated:
            return (_about(stated, wanted),) if wanted else ()
        wrong = [each for each in _named(found) if not _is_so(repository, *each)]
        if wrong:
            why = f"it says what the repository here does not of {wrong[0][0][:60]}"
            return (Verdict("commit", "fail", (why,), "It was made up, or this is another repository."),)
        here = "which is checked out here" if asked == _resolved(repository, "HEAD") else "which is not HEAD here"
    return (Verdict("commit", "pass", (f"it is about {stated[:12]}, {here}",)),)


def _named(found: bundle.Bundle) -> tuple[tuple[str, str, str], ...]:
    """What a bundle says of a repository: the trees of its commits, and the settings of its base."""
    base, policy = found.statement.predicate.base.digest, found.statement.predicate.policy
    tree = next((each.digest["gitTree"] for each in found.statement.subject if "gitTree" in each.digest), "")
    settings = f"{base.get('gitCommit', '')}:{policy.uri.rpartition(':')[2]}"
    return (
        (_commit(found), "^{tree}", tree),
        (base.get("gitCommit", ""), "^{tree}", base.get("gitTree", "")),
        (settings, "", policy.digest.get("sha256", "")),
    )


def _is_so(repository: Repository, name: str, of: str, due: str) -> bool:
    """Whether a tree, or the content of a file, is what it is said to be; what is not here says nothing against it."""
    if of:
        return not due or _resolved(repository, name + of) in ("", due)
    shown = repository.run("cat-file", "blob", name, accept=(0, 128))
    return shown.status != 0 or digest(shown.output) == due


def _about(stated: str, wanted: str) -> Verdict:
    """Whether the commit of a bundle is the one that was asked about, by its name alone."""
    if stated == wanted.lower():
        return Verdict("commit", "pass", (f"it is about {stated[:12]}",))
    return _other(stated, wanted)


def _other(stated: str, wanted: str) -> Verdict:
    return Verdict(
        "commit", "fail", (f"it is about {stated[:12] or 'no commit'}, not about {line(wanted, 60)}",),
        "Get the bundle of that commit.",
    )  # fmt: skip


def _resolved(repository: Repository, name: str) -> str:
    ran = repository.run("rev-parse", "--verify", "--quiet", "--end-of-options", name, accept=(0, 1, 128))
    return ran.output.decode().strip().splitlines()[-1] if ran.status == 0 else ""


def driven(where: git.Place) -> bool:
    """Whether an agent is at work in this checkout: what it can read it could use."""
    with contextlib.suppress(Failure):
        project = open_project(where.root, os.environ)
        try:
            return RealDesk(project, actor()).state().run_in(where.root) is not None
        finally:
            project.close()
    return False
