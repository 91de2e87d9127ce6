"""Any other scanner: runs the command that settings name and reads the SARIF it writes, or reads a file as it lies."""

from __future__ import annotations

import os

from phasegate.collectors import sarif_report
from phasegate.collectors.scanners import program
from phasegate.collectors.scanners.interface import Asked, Looked, ToolSaysNothing
from phasegate.settings import SarifReport

REPORT = "{report}"
"""Stands in a command for the file that it is to write."""


def scan(asked: Asked, named: SarifReport) -> Looked:
    """What the scanner that `named` describes says of the tree."""
    if not named.command:
        return _as_it_lies(asked, named.file)
    file = os.path.join(asked.scratch, "report.sarif")
    command = tuple(part.replace(REPORT, file) for part in named.command)
    ran = program.run(
        command, cwd=asked.root, scratch=asked.scratch, seconds=named.timeout_seconds, fine=named.exit_codes
    )
    content = _read(file) if command != named.command else ran.output
    return sarif_report.read(content, root=asked.root, name=f"the report of {os.path.basename(command[0])}")


def _as_it_lies(asked: Asked, file: str) -> Looked:
    if not file:
        raise ToolSaysNothing("A report of settings names neither a command nor a file.", hint="See `[sast] reports`.")
    return sarif_report.read(_read(os.path.join(asked.root, file)), root=asked.root, name=file)


def _read(path: str) -> bytes:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return file.read(sarif_report.LARGEST + 1)
    except OSError as problem:
        name = os.path.basename(path)
        raise ToolSaysNothing(f"The report {name} cannot be read: {problem.strerror}.", hint="") from problem
