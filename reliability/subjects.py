"""The public packages that `adoption.py` tries phasegate on, and how each registry's own client brings their source."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

Registry = Literal["PyPI", "npm", "Debian", "all three"]

BIN: Final = Path(sys.executable).parent
IGNORED: Final = ".venv/\nnode_modules/\n__pycache__/\n*.egg-info/\n.tox/\n.nox/\nbuild/\n.pytest_cache/\ncoverage/\n"
"""What a repository of any of these kinds has git ignore; packages come without that file."""

STEP_SECONDS: Final = 900.0


class NotBrought(Exception):
    """A registry or an installer did not do what was asked; the message is the end of what it said."""


class Subject(msgspec.Struct, frozen=True):
    """One package; `installs` is what its tests need beside it; `tool` makes the environment."""

    name: str
    version: str
    registry: Registry
    kind: str
    installs: tuple[str, ...] = ()
    tool: str = ""
    parts: tuple[tuple[str, Subject], ...] = ()

    @property
    def slug(self) -> str:
        """Its name as a folder."""
        return self.name.replace("/", "-").replace("@", "")


DANGER: Final = Subject("itsdangerous", "2.2.0", "PyPI", "Python: pytest, src layout", ("freezegun",))
WARNING: Final = Subject("process-warning", "5.0.0", "npm", "JavaScript: node:test beside jest")
UUID: Final = Subject("golang-github-google-uuid-dev", "1.3.0-1", "Debian", "Go: one package")

SUBJECTS: Final = (
    Subject("iniconfig", "2.0.0", "PyPI", "Python: src layout, an sdist without tests"),
    DANGER,
    Subject("pluggy", "1.5.0", "PyPI", "Python: pytest, version from git tags"),
    Subject("toolz", "0.12.1", "PyPI", "Python: pytest, flat layout, tests inside the package"),
    Subject("sqlparse", "0.5.1", "PyPI", "Python: pytest, flat layout"),
    Subject("six", "1.17.0", "PyPI", "Python: a single module, pytest"),
    Subject("tabulate", "0.9.0", "PyPI", "Python: a single module, pytest", ("wcwidth",)),
    Subject("toolz", "0.10.0", "PyPI", "Python: of 2019, on a newer Python: old red tests"),
    Subject("bottle", "0.13.2", "PyPI", "Python: a single module, unittest in test/"),
    Subject("more-itertools", "10.5.0", "PyPI", "Python: unittest, flat layout"),
    Subject("wcwidth", "0.2.13", "PyPI", "Python: tox makes the environment", tool="tox"),
    Subject("pyproject-hooks", "1.2.0", "PyPI", "Python: nox makes the environment", tool="nox"),
    Subject("installer", "0.7.0", "PyPI", "Python: a nox session that installs by flit", tool="nox"),
    Subject("nox", "2024.4.15", "PyPI", "Python: a nox session with parameters", tool="nox"),
    Subject("packaging", "24.2", "PyPI", "Python: no environment", tool="nox"),
    Subject("docopt", "0.6.2", "PyPI", "Python: no tests"),
    WARNING,
    Subject("secure-json-parse", "4.0.0", "npm", "JavaScript: tape behind other scripts"),
    Subject("light-my-request", "6.3.0", "npm", "JavaScript: tap"),
    Subject("@fastify/error", "4.1.0", "npm", "JavaScript: node:test under c8"),
    Subject("object-path", "0.11.8", "npm", "JavaScript: mocha"),
    Subject("fastest-levenshtein", "1.0.12", "npm", "JavaScript: jest"),
    Subject("zod", "4.1.0", "npm", "TypeScript: vitest", ("vitest@3.2.4", "@vitest/coverage-v8@3.2.4")),
    Subject("fastq", "1.17.1", "npm", "JavaScript: tape"),
    UUID,
    Subject("golang-github-pkg-errors-dev", "0.9.1-2", "Debian", "Go: from before modules"),
    Subject("golang-github-spf13-pflag-dev", "1.0.6~git20210604-d5e0c0615ace-1", "Debian", "Go: many tests"),
    Subject("librust-itoa-dev", "1.0.1-2", "Debian", "Rust: cargo's own runner"),
    Subject(
        "itsdangerous + process-warning + uuid", "as above", "all three", "three languages in one repository",
        parts=(("py", DANGER), ("js", WARNING), ("go", UUID)),
    ),
)  # fmt: skip


def bring(subject: Subject, root: Path, scratch: Path) -> None:
    """Lay the source of `subject` into `root` and prepare its environment. Raises NotBrought."""
    for directory, part in subject.parts or (("", subject),):
        place = root / directory
        place.mkdir(parents=True, exist_ok=True)
        source = _CLIENTS[part.registry](part, _fresh(scratch / f"{part.slug}-got"))
        shutil.copytree(source, place, dirs_exist_ok=True)
        subprocess.run(("chmod", "-R", "u+w", str(place)), check=True)
        if part.tool:
            _tool(part.tool, scratch)
        else:
            _PREPARING.get(part.registry, _nothing)(part, place)
    ignore = root / ".gitignore"
    ignore.write_text((ignore.read_text() + "\n" if ignore.exists() else "") + IGNORED)


def call(words: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a tool prints. Raises NotBrought when it fails or takes too long."""
    try:
        ended = subprocess.run(
            words, cwd=cwd, env={**os.environ, **(env or {})}, text=True, capture_output=True, check=False,
            stdin=subprocess.DEVNULL, timeout=STEP_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NotBrought(f"`{' '.join(words)}`: {problem}") from problem
    if ended.returncode:
        raise NotBrought(f"`{' '.join(words)}`: {(ended.stderr or ended.stdout).strip()[-600:]}")
    return ended.stdout


def _pypi(subject: Subject, scratch: Path) -> Path:
    wanted = f"{subject.name}=={subject.version}"
    call((str(_pip()), "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", wanted), scratch)
    return _unpacked(scratch)


def _pip() -> Path:
    """A Python that has pip: environments of uv have none."""
    return Path(shutil.which("python3", path=f"{sys.base_prefix}/bin") or sys.executable)


def _npm(subject: Subject, scratch: Path) -> Path:
    call(("npm", "pack", "-s", f"{subject.name}@{subject.version}"), scratch)
    return _unpacked(scratch)


def _debian(subject: Subject, scratch: Path) -> Path:
    """Development packages of Go and Rust are the source as it was released."""
    call(("apt-get", "download", f"{subject.name}={subject.version}"), scratch)
    [package] = scratch.glob("*.deb")
    call(("dpkg", "-x", package.name, "source"), scratch)
    found = (
        path for name in ("go.mod", "Cargo.toml", "*_test.go") for path in sorted((scratch / "source").rglob(name))
    )
    return next(found).parent


def _unpacked(scratch: Path) -> Path:
    [archive] = [path for path in scratch.iterdir() if path.suffix in (".gz", ".tgz", ".zip")]
    shutil.unpack_archive(archive, scratch / "source", **({} if archive.suffix == ".zip" else {"filter": "data"}))
    [top] = (scratch / "source").iterdir()
    return top


def _python(subject: Subject, place: Path) -> None:
    # A version that is read from git's tags is not in the repository that the harness makes of the sdist.
    version = {"SETUPTOOLS_SCM_PRETEND_VERSION": subject.version}
    # Not from the place itself: a `.python-version` there could bend what `uv` is.
    own, away = str(place / ".venv"), Path(os.sep)
    call(("uv", "venv", "-q", "--python", sys.executable, own), away, version)
    words = ("uv", "pip", "install", "-q", "--python", own, "pytest", "coverage", *subject.installs, "-e", str(place))
    call(words, away, version)


def _tool(name: str, scratch: Path) -> None:
    """Install a tool as a person has it: on the PATH, in an environment of its own."""
    call(("uv", "venv", "-q", "--python", sys.executable, "tool"), scratch)
    call(("uv", "pip", "install", "-q", "--python", "tool", name), scratch)
    (scratch / "bin").mkdir(exist_ok=True)
    (scratch / "bin" / name).symlink_to(scratch / "tool/bin" / name)


def _node(subject: Subject, place: Path) -> None:
    call(("npm", "install", "-s", "--no-audit", "--no-fund", *subject.installs), place)


def _nothing(subject: Subject, place: Path) -> None:
    """The source is all there is."""


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


_CLIENTS: Final[Mapping[Registry, Callable[[Subject, Path], Path]]] = {
    "PyPI": _pypi, "npm": _npm, "Debian": _debian,
}  # fmt: skip
_PREPARING: Final[Mapping[Registry, Callable[[Subject, Path], None]]] = {"PyPI": _python, "npm": _node}
