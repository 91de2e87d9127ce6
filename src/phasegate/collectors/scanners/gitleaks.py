"""gitleaks over a copy of the tree, with its own rules and nothing that the repository says of what not to see."""

from __future__ import annotations

import os

from msgspec import Struct

from phasegate.collectors.scanners import program, secret_tools
from phasegate.collectors.scanners.interface import Asked, Looked, ToolSaysNothing
from phasegate.collectors.scanners.secret_tools import Told
from phasegate.foreign import NotReadable, from_json
from phasegate.plain import line

REMEDY = "Install it (https://github.com/gitleaks/gitleaks), or take it out of `[secrets] tools`."
SETTINGS = "[extend]\nuseDefault = true\n"


class Leak(Struct):
    """One entry of the report."""

    RuleID: str
    StartLine: int
    File: str
    Secret: str


def scan(asked: Asked) -> Looked:
    """What gitleaks says, also where a `gitleaks:allow` comment asks for silence."""
    gitleaks = program.found("gitleaks", asked.origin or asked.root, remedy=REMEDY)
    settings = os.path.join(asked.scratch, "gitleaks.toml")
    with open(settings, "w") as file:
        file.write(SETTINGS)
    command = (
        gitleaks, "dir", ".", "--no-banner", "--log-level", "error", "--exit-code", "0", "--config", settings,
        "--gitleaks-ignore-path", settings, "--ignore-gitleaks-allow", "--max-decode-depth", "1",
        "--report-format", "json", "--report-path", "-",
    )  # fmt: skip
    ran = program.run(command, cwd=asked.root, scratch=asked.scratch, seconds=asked.seconds)
    if ran.complaint:
        raise ToolSaysNothing(f"gitleaks complained: {line(ran.complaint, 400)}", hint="")
    told = read(ran.output)
    version = program.version(gitleaks, asked.scratch)
    return Looked(secret_tools.findings("gitleaks", asked.root, told), tools=(version,))


def read(report: bytes) -> tuple[Told, ...]:
    """The secrets of a report. Raises ToolSaysNothing for anything that is no whole report."""
    try:
        leaks = from_json(report, tuple[Leak, ...])
    except NotReadable as problem:
        raise ToolSaysNothing(f"gitleaks' report cannot be read: {line(str(problem), 200)}.", hint="") from problem
    return tuple(Told(leak.RuleID, leak.File, leak.StartLine, leak.Secret) for leak in leaks)
