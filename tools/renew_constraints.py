"""Pin the newest version of everything that is installed, in `pyproject.toml`: `just renew-constraints`.

`uv.lock` is not committed, because it records which registry each machine used. The constraints say the same without
that: which version of each package is installed, on every supported Python and system.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import tomlkit
from tomlkit.items import Array, Table

ROOT = Path(__file__).parents[1]
REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)(?:\s*;\s*(.+?))?\s*$")
PLAIN = ("--quiet", "--no-annotate", "--no-header")
EXPORT = ("uv", "export", *PLAIN, "--all-groups", "--no-hashes", "--no-emit-project")
COMPILE = ("uv", "pip", "compile", *PLAIN, "--universal", "--python-version", "3.11", "-")


def renewed(text: str) -> str:
    """The `pyproject.toml` in `text` with both lists of constraints replaced by what resolves today."""
    document = tomlkit.parse(text)
    uv = document["tool"]["uv"]
    assert isinstance(uv, Table)
    for name in ("constraint-dependencies", "build-constraint-dependencies"):
        uv.pop(name, None)
    free = tomlkit.dumps(document)
    uv["constraint-dependencies"] = listed(pins(resolved(free)))
    uv["build-constraint-dependencies"] = listed(pins(compiled(document["build-system"]["requires"])))
    return tomlkit.dumps(document)


def resolved(pyproject: str) -> str:
    """What the project and all its groups come to, as requirements that hold on every supported Python and system."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pyproject.toml").write_text(pyproject)
        return subprocess.run(EXPORT, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def compiled(requirements: list[str]) -> str:
    """What `requirements` of the build come to."""
    command = (
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--python-version",
        "3.11",
        "--no-annotate",
        "--no-header",
        "-",
    )
    given = "\n".join(requirements)
    return subprocess.run(command, cwd=ROOT, check=True, input=given, stdout=subprocess.PIPE, text=True).stdout


def pins(requirements: str) -> list[str]:
    """One pin a package; a marker stays only where it tells two versions of a package apart."""
    found = [match.groups() for match in map(REQUIREMENT.match, requirements.splitlines()) if match]
    names = [name for name, _, _ in found]
    lines = {
        f"{name}=={version}" + (f" ; {marker}" if marker and names.count(name) > 1 else "")
        for name, version, marker in found
    }
    return sorted(lines, key=str.lower)


def listed(items: list[str]) -> Array:
    """`items` as an array with a line for each."""
    array = tomlkit.array()
    array.extend(items)
    return array.multiline(True)


if __name__ == "__main__":
    target = ROOT / "pyproject.toml"
    target.write_text(renewed(target.read_text()))
