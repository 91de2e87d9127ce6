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
phasegate, or only those who work on it. `claude-agent-sdk` also carries the Claude Code program, which has terms of its
own.

| package | licence | comes with |
|---|---|---|
"""
NAME = re.compile(r"[A-Za-z0-9._-]+")
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
    field = [line.strip() for text in stated(package, "License") for line in text.strip().splitlines()]
    told = [mark for mark in marks if mark not in VAGUE] or field[:1] or ["not stated"]
    return " AND ".join(SPELLINGS.get(each, each) for each in told)


def stated(package: Distribution, field: str) -> list[str]:
    """Everything the package's metadata says under `field`."""
    return package.metadata.get_all(field) or []


def reached(from_: Iterable[str], packages: dict[str, Distribution]) -> set[str]:
    """The installed packages that `from_` need, directly or not."""
    reach: set[str] = set()
    waiting = [normal(name) for name in from_]
    while waiting:
        name = waiting.pop()
        if name in packages and name not in reach:
            reach.add(name)
            waiting += [needed(line) for line in packages[name].requires or () if "extra ==" not in line]
    return reach


def needed(requirement: str) -> str:
    """The package that a requirement names."""
    match = NAME.match(requirement)
    assert match, requirement
    return normal(match[0])


def rows() -> dict[str, str]:
    """A line of the table for every installed package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = installed()
    everybody = reached(map(needed, project["project"]["dependencies"]), packages)
    ours = reached(map(needed, project["dependency-groups"]["dev"]), packages)

    def whom(name: str) -> str:
        return "phasegate" if name in everybody else "development" if name in ours else "the real client"

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
