"""What programs that look for secrets have in common: a copy of the tree to look at, and findings without secrets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator

from msgspec import Struct

from phasegate.collectors.scanners.interface import Asked
from phasegate.errors import Failure
from phasegate.evidence.findings import Finding
from phasegate.plain import line
from phasegate.policy.scan import text_of
from phasegate.policy.secrets import SecretFound, find_secrets, fingerprint, shown
from phasegate.workspace import files

LARGEST = 20 << 20
COPY = "tree"
LEFT_OUT = (".gitleaksignore", ".gitleaks.toml", ".trufflehogignore")
"""Files by which a tree could tell a program what not to see."""

SILENCER = b"trufflehog:ignore"
ANY = "secret"
"""Under this name every program's secrets have the same fingerprint, where our own rules do not know them."""


class Told(Struct, frozen=True):
    """A secret as a program reports it: its own rule, the path in the copy, the line (from 1; 0: unknown)."""

    rule: str
    path: str
    line: int
    secret: str


def copied(asked: Asked) -> tuple[str, tuple[str, ...]]:
    """A folder with the files asked about, and those that could not be copied; nothing in it silences a program."""
    folder = os.path.join(asked.scratch, COPY)
    shutil.rmtree(folder, ignore_errors=True)
    unread = []
    for path in asked.paths:
        if os.path.basename(path) in LEFT_OUT:
            continue
        try:
            content = files.read_capped(asked.root, path, LARGEST)
        except files.TooLarge:
            continue
        except Failure:
            unread.append(path)
            continue
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content.replace(SILENCER, b"-" * len(SILENCER)))
    os.makedirs(folder, exist_ok=True)
    return folder, tuple(unread)


def findings(tool: str, folder: str, told: Iterable[Told]) -> tuple[Finding, ...]:
    """A finding for each; where our own rules find the same secret on that line, under our name and fingerprint."""
    known: dict[str, tuple[SecretFound, ...]] = {}
    made = []
    for each in told:
        path = os.path.relpath(os.path.join(folder, each.path), folder)
        if path not in known:
            known[path] = find_secrets(text_of(files.read_capped(folder, path, LARGEST)))
        made.append(_finding(tool, path, each, known[path]))
    return tuple(made)


def _finding(tool: str, path: str, told: Told, known: Iterable[SecretFound]) -> Finding:
    ours = next(_same(told, known), None)
    if ours is not None:
        return Finding(ours.rule, path, ours.line, told.rule, ours.fingerprint, tool, column=ours.column)
    mark = fingerprint(ANY, told.secret)
    said = f"looks like {line(told.rule, 100)} ({line(shown(told.secret), 10)}, fingerprint {mark})"
    return Finding(line(told.rule, 100), path, told.line, said, mark, tool)


def _same(told: Told, known: Iterable[SecretFound]) -> Iterator[SecretFound]:
    for each in known:
        if told.line in (0, each.line) and each.fingerprint == fingerprint(each.rule, told.secret):
            yield each
