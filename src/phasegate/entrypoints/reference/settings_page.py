"""`settings.md`: every key of `phasegate.toml`, its default and what it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from phasegate.entrypoints.reference.markdown import code, doc, page, table
from phasegate.entrypoints.reference.shapes import default_of, type_words, value_words
from phasegate.settings import COMPILED, OWN, Settings

INTRODUCTION = """`phasegate.toml` lies at the root of the repository. It takes effect when a person trusts it:
`phasegate policy trust`. A key that is not listed here is refused. A key that is left out has its default."""

MEANINGS: Mapping[str, str] = {
    "project": "the project's id, written by `phasegate init`",
    "plan": "where the plan lies, relative to the root",
    "render": "where the block about the run is shown: CLAUDE.md, CLAUDE.local.md, or nowhere",
    "area": "the area of phases whose plan names none",
    "workflow": "a workflow definition in TOML, relative to the root; empty: the default workflow",
    "record_prompts": "how much of a prompt the ledger keeps; secrets are taken out of everything",
    "paths.tests": "which files are tests",
    "paths.docs": "which files are documents",
    "paths.config": "which files are configuration",
    "paths.protected": "files that no agent edits in any step",
    "scanners": "what `check`, `verify` and the baseline look for: secrets, references, ratchets, sast, deps, licences",
    "secrets.tools": "programs that look for secrets beside phasegate's own rules, at the whole tree",
    "secrets.reports": "other scanners of secrets, which write SARIF: `[[secrets.reports]]`, as in `sast.reports`",
    "secrets.timeout_seconds": "after how many seconds such a program is given up",
    "sast.tools": "the programs that look for weak code",
    "sast.reports": "other scanners, which write SARIF: `[[sast.reports]]` with command or file, languages, exit codes",
    "sast.fails_from": "the least severity that shuts the gate; what lies below is told",
    "sast.not_examined": "languages of which you accept that no scanner looks at them",
    "sast.timeout_seconds": "after how many seconds a scanner is given up",
    "deps.tools": "what looks for known holes: the fetched advisories, and programs of ecosystems",
    "deps.fails_from": "the least severity that shuts the gate; what lies below is told",
    "deps.oldest_days": "after how many days fetched advisories say nothing any more",
    "deps.source": "where `check deps --update` fetches advisories: a folder of `ECOSYSTEM/all.zip`",
    "deps.args": "more arguments for a program, by its name",
    "deps.left_out": "lock files and manifests of which you accept that nobody looks at them",
    "deps.timeout_seconds": "after how many seconds a program is given up",
    "licences.allow": "SPDX identifiers of licences that packages may have; empty: all that `deny` does not name",
    "licences.deny": "SPDX identifiers of licences that no package may have",
    "licences.unknown": "what becomes of a package whose licence nobody can tell",
    "licences.left_out": "packages, by their names, that the policy does not ask about",
    "suites": "several suites by name, each with the keys of [tests]: `[suites.web]`; then there is no [tests]",
    "tests.runner": "what runs the tests; `junit` is any command that writes JUnit XML",
    "tests.directory": "where the tests run, relative to the root",
    "tests.prepare": "a command that runs before and builds what the tests need",
    "tests.reports": "where the runner `junit` finds the JUnit files that the command writes",
    "tests.coverage_reports": "where it finds coverage: lcov, Cobertura, JaCoCo, istanbul, Go, coverage.py",
    "drive.provide": "ignored paths that a drive's work tree gets from yours by links",
    "drive.allow": "permission rules of the client beside those that phasegate needs",
    "drive.silent_minutes": "after how many minutes without a word a client is started again",
    "drive.longest_wait_minutes": "how long a wait without a known end may grow",
    "drive.cost_usd": "US dollars after which a drive ends; 0: no limit",
    "drive.tokens": "tokens after which a drive ends; 0: no limit",
    "drive.minutes": "minutes after which a drive ends; 0: no limit",
    "drive.iterations": "starts of the client that got somewhere, after which a drive ends; 0: no limit",
    "tests.command": "the command up to and with `pytest`; empty: found by itself",
    "tests.args": "more arguments for it",
    "tests.timeout_seconds": "after how many seconds a test run is given up",
    "tests.source_roots": "folders first-party code is imported from; empty: `src` where there is one, else the root",
    "tests.inherit": "variables of the caller that a private run takes over",
    "tests.hidden": "a folder outside the repository that holds the suite, unseen by whoever writes the code",
    "tests.env": "variables the tests get; those that could bend a run they get from here alone",
    "coverage.changed_lines": "per cent of the changed lines that tests must run",
    "lanes.trivial_lines": "changed lines of source and configuration up to which a change is trivial",
    "lanes.trivial_files": "files of source and configuration that a trivial change may touch",
    "lanes.standard": "files whose change is never trivial",
    "lanes.regulated": "files whose change needs a strong approval by a person before the phase closes",
    "limits.edit": "bytes of an edit, and of a file that an edit changes; also of a file that a command leaves behind",
    "limits.context": "bytes of a file that is shown to the agent",
    "limits.artifact": "bytes of an artifact that is kept beside the ledger",
    "limits.hashing": "bytes of a file that is read, hashed and copied; of a larger one size and times stand for it",
    "limits.generated": "files that tools write and no edit by hand changes, beside those that say so themselves",
    "limits.outside": "absolute paths outside the root that edits may write to",
    "coverage.new_project": "per cent of all statements, where nothing was measured before the phase",
    "coverage.paths": "another demand on changed lines, by pattern of path",
    "approvals.questions": "which approval answers a question: typed at a terminal, or signed",
    "approvals.people": "who is behind a handle or team of CODEOWNERS, by address or account",
    "evidence.challenge_seconds": "seconds in which some tests of pytest are made to fail at random; 0 for none",
    "evidence.mutation_seconds": "seconds in which small changes of changed lines are tried; 0 for none",
    "evidence.reruns": "how many more runs say which newly red tests are flaky; those that pass then are named",
    "evidence.closes_at": "how sure test results must be for a phase to close on them",
    "policy.file": "another file with rules, relative to the root",
    "policy.extends": "packs of rules by place, each pinned by the SHA-256 of its file; a later layer only tightens",
    "policy.modes": "built-in refusals that only observe or warn: step, too-large, binary, generated, outside",
    "approvals.allowed_signers": "the file of keys whose signatures are strong approvals",
}
"""What each key means, in words; a test sees that none is missing."""


def settings_page(settings: type[Settings] = Settings) -> str:
    """The page: the keys at the top, then a table for each section."""
    fields = [field for field in msgspec.structs.fields(settings) if field.encode_name not in COMPILED]
    top = [field for field in fields if not _section(field)]
    blocks = [INTRODUCTION, doc(settings), _table(top, "")]
    for field in fields:
        if _section(field):
            blocks += [
                f"## [{field.encode_name}]",
                doc(field.type),
                _table(msgspec.structs.fields(field.type), field.encode_name),
            ]
    blocks += ["## Files that nobody sets", f"Written by phasegate, or by git, alone: {code(*OWN)}."]
    return page("Settings", *blocks)


def keys(settings: type[Settings] = Settings) -> Iterator[str]:
    """Every key, with the section before its dot."""
    for field in msgspec.structs.fields(settings):
        if _section(field) and field.encode_name not in COMPILED:
            yield from (f"{field.encode_name}.{inner.encode_name}" for inner in msgspec.structs.fields(field.type))
        elif field.encode_name not in COMPILED:
            yield field.encode_name


def _section(field: msgspec.structs.FieldInfo) -> bool:
    return isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)


def _table(fields: list[msgspec.structs.FieldInfo] | tuple[msgspec.structs.FieldInfo, ...], section: str) -> str:
    rows = []
    for field in fields:
        name = f"{section}.{field.encode_name}" if section else field.encode_name
        rows.append((code(field.encode_name), type_words(field.type), code(value_words(default_of(field))),
                     MEANINGS.get(name, "")))  # fmt: skip
    return table(("key", "type", "default", "means"), rows)
