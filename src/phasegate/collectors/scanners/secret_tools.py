"""What programs that look for secrets have in common: their findings, under our names and without the secrets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from msgspec import Struct

from phasegate.collectors.scanners.interface import ToolSaysNothing
from phasegate.evidence.findings import Finding
from phasegate.plain import line
from phasegate.policy.scan import text_of
from phasegate.policy.secrets import SecretFound, find_secrets, fingerprint, shown

ANY = "secret"
"""Under this name every program's secrets have the same fingerprint, where our own rules do not know them."""


class Told(Struct, frozen=True):
    """A secret as a program reports it: its own rule, the path in the copy, the line (from 1; 0: unknown)."""

    rule: str
    path: str
    line: int
    secret: str


def findings(tool: str, folder: str, told: Iterable[Told]) -> tuple[Finding, ...]:
    """A finding for each, `folder` being what was looked at.

    Where our own rules find the same secret on that line, it has our name and fingerprint.
    """
    known: dict[str, tuple[SecretFound, ...]] = {}
    made = []
    for each in told:
        path = os.path.relpath(os.path.join(folder, each.path), folder)
        if path not in known:
            known[path] = find_secrets(text_of(_content(folder, path)))
        made.append(_finding(tool, path, each, known[path]))
    return tuple(made)


def _finding(tool: str, path: str, told: Told, known: Iterable[SecretFound]) -> Finding:
    ours = next(_same(told, known), None)
    if ours is not None:
        return Finding(ours.rule, path, ours.line, told.rule, ours.fingerprint, tool, column=ours.column)
    mark = fingerprint(ANY, told.secret)
    said = f"looks like {line(told.rule, 100)} ({line(shown(told.secret), 10)}, fingerprint {mark})"
    return Finding(line(told.rule, 100), path, told.line, said, mark, tool)


def _content(folder: str, path: str) -> bytes:
    try:
        with open(os.path.join(folder, path), "rb") as file:
            return file.read()
    except OSError as problem:
        raise ToolSaysNothing(f"A report names a file that is not there: {line(path, 200)}.", hint="") from problem


def _same(told: Told, known: Iterable[SecretFound]) -> Iterator[SecretFound]:
    for each in known:
        if told.line in (0, each.line) and each.fingerprint == fingerprint(each.rule, told.secret):
            yield each
