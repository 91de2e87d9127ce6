"""Makes a bundle of what `verify` saw: the statement, what signs it, and every file that shows it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping

import msgspec

from phasegate.attestation import bundle, export
from phasegate.attestation import statement as s
from phasegate.attestation.envelope import PAYLOAD_TYPE, sealed
from phasegate.engine.advance import observe
from phasegate.entrypoints.signing import Signer
from phasegate.entrypoints.verifying import Judged
from phasegate.evidence import manifest
from phasegate.evidence.items import Evidence
from phasegate.ledger.event import digest
from phasegate.plain import line
from phasegate.wiring import VERSION, RealDesk
from phasegate.workspace import git, place
from phasegate.workspace.branches import Repository

RUN = "verification.ledger"
EVIDENCE = "evidence.json"
MOST_REASON = 2000
LARGEST_EXHIBITS = 24 << 20
"""Bytes of artifacts that go into a bundle; what is beyond is named by its digest in the evidence alone."""
INTEGRITY_ONLY = "integrity only: no key signed this, so anybody could have written it"
SIGNED_LATER = "signed after it was written: the key vouches for the file as it came, not for how it was made"

Files = Mapping[str, bytes]


def exhibits(desk: RealDesk) -> dict[str, bytes]:
    """What the runs left: the evidence about the checkout, its artifacts, and the ledger of the verification itself."""
    state, seen = observe(desk, desk.state())
    about = [_reproduced(each) for each in state.evidence.values() if each.speaks_for(seen.subject)]
    log = desk.project.log
    found = {
        EVIDENCE: msgspec.json.format(msgspec.json.encode(about, order="deterministic"), indent=1),
        RUN: export.write(log.ledger, desk.settings.project, log.read(), {}),
    }
    for evidence in about:
        for artifact in evidence.artifacts:
            if sum(map(len, found.values())) + artifact.size <= LARGEST_EXHIBITS:
                found[f"artifacts/{artifact.sha256[:16]}-{manifest.safe(artifact.name)}"] = desk.kept(artifact)
    return found


def _reproduced(evidence: Evidence) -> Evidence:
    return msgspec.structs.replace(evidence, assurance="reproduced")


def proven(judged: Judged, where: git.Place, found: Files, signer: Signer | None) -> bytes:
    """The bundle about what was judged, signed where somebody signs."""
    with tempfile.TemporaryDirectory(prefix="phasegate-") as scratch:
        repository = Repository(where.root, scratch, where.prefix)
        policy = _policy(repository, judged.base, where.prefix)
        where_from = f"git:{judged.base}:{where.prefix}{place.SETTINGS}"
        files = {**found, **judged.seen.files, **({place.SETTINGS: policy} if policy else {})}
        predicate = _predicate(judged, repository, files, s.Resource(where_from, {"sha256": digest(policy)}), signer)
        subject = (_commit("commit", judged.head), _tree("tree", repository, judged.head))
    return signed(s.statement(subject, predicate), files, signer)


def signed(statement: s.Statement, files: Files, signer: Signer | None) -> bytes:
    """The bundle of a statement and its files."""
    body = s.encoded(statement)
    signatures = (signer.signature(PAYLOAD_TYPE, body),) if signer is not None else ()
    return bundle.write(sealed(body, signatures), files)


def _predicate(
    judged: Judged, repository: Repository, files: Files, policy: s.Resource, signer: Signer | None
) -> s.Verification:
    return s.Verification(
        verifier=s.Verifier(s.VERIFIER, {"phasegate": VERSION}),
        time_verified=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        resource_uri=f"urn:uuid:{judged.project}",
        policy=policy,
        input_attestations=tuple(
            s.Resource(f"refs/phasegate/ledgers/{seen.id}", {"sha256": seen.head}) for seen in judged.seen.ledgers
        ),
        verification_result=s.result(judged.verdicts),
        verified_levels=(s.REPRODUCED,) if s.result(judged.verdicts) == "PASSED" else (),
        base=s.Named("base", {"gitCommit": judged.base, **_tree("base", repository, judged.base).digest}),
        verdicts=tuple(
            s.Gate(v.gate, v.says, tuple(line(why, MOST_REASON) for why in v.reasons), line(v.remedy, MOST_REASON))
            for v in judged.verdicts
        ),
        ledgers=judged.seen.ledgers,
        approvals=judged.seen.approvals,
        files=tuple(s.File(name, {"sha256": digest(data)}, len(data)) for name, data in files.items()),
        warnings=signer.warnings if signer is not None else (INTEGRITY_ONLY,),
    )


def _policy(repository: Repository, commit: str, prefix: str) -> bytes:
    """The settings of the base, by which was judged; nothing where it has none."""
    shown = repository.run("cat-file", "blob", f"{commit}:{prefix}{place.SETTINGS}", accept=(0, 128))
    return shown.output if shown.status == 0 else b""


def _commit(name: str, commit: str) -> s.Named:
    return s.Named(name, {"gitCommit": commit})


def _tree(name: str, repository: Repository, commit: str) -> s.Named:
    return s.Named(name, {"gitTree": repository.said("rev-parse", f"{commit}^{{tree}}")})


def place_for(path: str, name: str) -> str:
    """The file that `path` means: itself, or `name` in it when it is a folder."""
    return os.path.join(path, name) if os.path.isdir(path) or path.endswith("/") else path
