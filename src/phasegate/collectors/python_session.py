"""One run of a user's Python with a reporter of ours inside: which interpreter, which environment, what it measured."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from phasegate.collectors import coverage_py, environment, one_run, process
from phasegate.collectors.channel import Channel
from phasegate.collectors.interface import Ask
from phasegate.collectors.private.environment_of_python import hidden_suite, inventory
from phasegate.evidence.tests import TestRun

_REPORTER_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pytest_reporter")
_PROBE_SECONDS = 60.0
_INSTALLED = (
    "import importlib.util, sys; found = importlib.util.find_spec(sys.argv[1]); sys.exit(not (found and found.origin))"
)
_MOST_NAMES = 50
_WHERE = """
import os, sys
from importlib.machinery import PathFinder
for spec in filter(None, map(PathFinder.find_spec, sys.argv[1:])):
    place = os.path.dirname(spec.origin or "")
    if "site-packages" in place or "dist-packages" in place:
        print(place)
        break
"""
"""Finds the first of some packages that is installed as a copy; nothing of it is imported."""


class Session:
    """One run: where its report goes, what it is started with, what came out."""

    def __init__(self, ask: Ask, channel: Channel, module: str) -> None:
        """`module` is what the command runs: `PYTHON -m MODULE`."""
        self.module = module
        self.top, self.root, self.source_roots = ask.root, ask.place, tuple(ask.source_roots)
        self.command = one_run.placed(ask.root, ask.command)
        self.inside = ask.inside
        self.clean = (
            environment.clean(ask.env) if ask.inside is None else environment.private(ask.env, ask.inherit, ask.inside)
        )
        self.channel, self.scratch = channel, channel.scratch
        os.mkdir(channel.below("coverage"))

    def _own_sources(self) -> tuple[str, ...]:
        """The source roots of a linked work tree, before all else on the path.

        Such a tree shares the environment of another one, in which the project itself may be installed as editable:
        without this, the tests would import that tree's code and show nothing about this one's.
        """
        linked = os.path.isfile(os.path.join(self.top, ".git"))
        if not linked and (self.inside is None or self.inside.mounted):
            return ()
        return tuple(os.path.normpath(os.path.join(self.root, source)) for source in self.source_roots)

    @property
    def python(self) -> tuple[str, ...] | None:
        """What comes before `-m MODULE`, if the command is of that form."""
        form = ("-m", self.module)
        places = [at for at in range(len(self.command) - 1) if self.command[at : at + 2] == form]
        return self.command[: places[0]] if places and places[0] > 0 else None

    def why_not_measured(self) -> str:
        if self.python is None:
            form = f"PYTHON -m {self.module}"
            return f"`{shlex.join(self.command)}` is not of the form `{form}`: write it so in phasegate.toml"
        if not imports(*self.python, "coverage", cwd=self.root if len(self.python) > 1 else os.sep):
            return (
                f"coverage.py is not installed for `{shlex.join(self.python)}`: install it in that environment, "
                "for example by `uv pip install coverage` or `pip install coverage`"
            )
        return ""

    def command_line(self, *, measured: bool) -> tuple[str, ...]:
        """The command, under coverage.py where it is measured."""
        if not measured or self.python is None:
            return self.command
        start = coverage_py.measuring(self.python, scratch=self.scratch, source_roots=self.source_roots)
        return start + self.command[len(self.python) :]

    def environment(self, *, measured: bool) -> dict[str, str]:
        """The user's and the settings', and writing nothing here."""
        env = dict(self.clean.variables)
        path = os.pathsep.join(filter(None, (*self._own_sources(), env.get("PYTHONPATH", ""))))
        env.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(self.scratch, "hypothesis"))
        ours = {
            **self._bytecode(),
            "PYTHONPATH": _REPORTER_FOLDER + (os.pathsep + path if path else ""),
            "PHASEGATE_REPORT_COVERAGE": "1" if measured else "",
        }
        return env | self.channel.variables | self._watched() | ours

    def beside(self, env: Mapping[str, str]) -> dict[str, str]:
        """What has a say in every test beside the tree; nobody asks outside a private run."""
        if self.inside is None:
            return {}
        within = os.path.relpath(self.root, self.inside.seen(self.inside.top))
        return inventory(self.command[0], env) | (hidden_suite(self.root) if within.startswith(os.pardir) else {})

    def _watched(self) -> dict[str, str]:
        """Tells our witness which files to watch."""
        if self.inside is None:
            return {}
        seen = [os.path.join(self.inside.seen(self.inside.top), path) for path in self.inside.tests]
        path = self.channel.below("watch.json")
        with open(path, "wb") as file:
            file.write(msgspec.json.encode({"files": seen}))
        return {"PHASEGATE_REPORT_WATCH": path}

    def _bytecode(self) -> dict[str, str]:
        """Compiled Python is neither read from the user's directories nor written to them in a private run."""
        kept = {"PYTHONPYCACHEPREFIX": self.inside.bytecode} if self.inside is not None else {}
        return {"PYTHONDONTWRITEBYTECODE": "1", **kept}

    @property
    def entering(self) -> tuple[str, ...]:
        """What comes before `-m MODULE` and before that, where the suite's own paths are to hold."""
        assert self.python is not None
        return (*(self.inside.start if self.inside is not None else ()), *self.python)

    def measured(self, env: dict[str, str], tests: TestRun, why_not: str) -> coverage_py.Measured:
        if why_not or self.python is None:
            return coverage_py.Measured(None, why_not)
        if not tests.complete:
            return coverage_py.Measured(None, f"the run is incomplete: {tests.why_incomplete}")
        found = coverage_py.read(self.entering, root=self.root, scratch=self.scratch, env=env)
        if found.coverage is None or not tests.green or found.coverage.statements[0]:
            return found
        copy = self._installed_copy((file.path for file in found.coverage.files), env)
        why_not = f"no line of the project ran, since its tests import the copy in {copy}: install it as editable there"
        return coverage_py.Measured(None, f"{why_not} (`pip install -e .`)") if copy else found

    def reached(self, env: dict[str, str], paths: Sequence[str]) -> dict[str, dict[int, list[str]]]:
        """The tests that ran each line of some files, once all is measured; nothing where that was not recorded."""
        if self.python is None:
            return {}
        return coverage_py.contexts(self.entering, root=self.root, scratch=self.scratch, env=env, paths=paths)

    def _installed_copy(self, paths: Iterable[str], env: dict[str, str]) -> str:
        """Where a package that has files at `paths` is installed as a copy; empty when none is."""
        names = dict.fromkeys(name for path in paths if (name := _top_level(path, self.source_roots)))
        ended = _quick((*self.entering, "-c", _WHERE, *[*names][:_MOST_NAMES]), cwd=os.sep, env=env)
        return ended.last_line if ended is not None and ended.exit_code == 0 else ""


def _top_level(path: str, source_roots: Sequence[str]) -> str:
    """What a file of a package is imported by: `shop` for `src/shop/till.py` and for `src/shop.py`."""
    inner = next((path[len(root) + 1 :] for root in source_roots if path.startswith(f"{root}/")), path)
    name = inner.partition("/")[0].removesuffix(".py")
    return name if name.isidentifier() else ""


def interpreters(root: str) -> Iterator[str]:
    """Candidates, the project's own first; only those that exist."""
    places = [os.path.join(root, ".venv"), os.path.join(root, "venv")]
    places += [os.environ.get(name, "") for name in ("UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV", "CONDA_PREFIX")]
    for place in places:
        python = os.path.join(root, place, "bin", "python")
        if place and os.access(python, os.X_OK):
            yield python
    if os.path.exists(os.path.join(root, "poetry.lock")) and shutil.which("poetry"):
        yield from _poetry_interpreter(root)
    yield from filter(None, (shutil.which("python3"), shutil.which("python")))


def _poetry_interpreter(root: str) -> Iterator[str]:
    ended = _quick(("poetry", "env", "info", "--executable"), cwd=root)
    if ended is not None and os.access(ended.last_line, os.X_OK):
        yield ended.last_line


def has(python: str, module: str) -> bool:
    """Whether a module is installed for a Python; it is not imported, which would take ten times as long."""
    return _succeeds((python, "-c", _INSTALLED, module), cwd=os.sep)


def imports(*python_and_module: str, cwd: str = os.sep) -> bool:
    # Not from the project's directory: `import coverage` would run a coverage.py that lies there.
    *python, module = python_and_module
    return _succeeds((*python, "-c", f"import {module}"), cwd=cwd)


def _succeeds(command: Sequence[str], *, cwd: str) -> bool:
    ended = _quick(command, cwd=cwd)
    return ended is not None and ended.exit_code == 0


def _quick(command: Sequence[str], *, cwd: str, env: dict[str, str] | None = None) -> process.Ended | None:
    plain = {**environment.clean().variables, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return process.run(command, cwd=cwd, env=env or plain, timeout_seconds=_PROBE_SECONDS)
    except OSError:
        return None
