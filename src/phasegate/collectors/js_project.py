"""What a JavaScript project says of its test tool: where it is installed, and with which words the scripts call it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from phasegate.collectors.interface import NoTestCommand
from phasegate.foreign import NotReadable, from_json

_PACKAGE_BYTES = 4 << 20
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_BEFORE_A_TOOL = frozenset("npx pnpx pnpm yarn bunx exec dlx run c8 nyc cross-env env dotenv -- node".split())
_RUNS_A_SCRIPT = re.compile(
    r"\s*(?:npm|pnpm|yarn|bun)\s+(?:-s\s+|--silent\s+)?(?:run\s+|run-script\s+)?(?:-s\s+)?([\w:.-]+)"
)
_INSTALL: Mapping[str, str] = {
    "pnpm-lock.yaml": "pnpm install --frozen-lockfile", "yarn.lock": "yarn install --frozen-lockfile",
    "package-lock.json": "npm ci", "npm-shrinkwrap.json": "npm ci", "bun.lock": "bun install",
    "bun.lockb": "bun install",
}  # fmt: skip
_ADD: Mapping[str, str] = {"pnpm": "pnpm add -D", "yarn": "yarn add -D", "bun": "bun add -d"}


class Package(Struct, frozen=True):
    """The part of package.json that is asked for; what is no text in it is passed over."""

    name: object = ""
    version: object = ""
    scripts: dict[str, object] = {}
    dependencies: dict[str, object] = {}
    devDependencies: dict[str, object] = {}
    peerDependencies: dict[str, object] = {}
    bin: object = None

    def depends_on(self, name: str) -> bool:
        return any(name in each for each in (self.devDependencies, self.dependencies, self.peerDependencies))

    def program(self, name: str) -> str:
        """The file of its program `name`, relative to the package."""
        file = self.bin.get(name, "") if isinstance(self.bin, dict) else self.bin
        return file if isinstance(file, str) and "\0" not in file else ""


class Call(Struct, frozen=True):
    """How a script calls a tool: with which words, variables and flags of node."""

    words: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    node_flags: tuple[str, ...] = ()


def package_in(folder: str) -> Package | None:
    """What package.json in a folder says; None when there is none, or none that can be read."""
    try:
        with open(os.path.join(folder, "package.json"), "rb") as file:
            return from_json(file.read(_PACKAGE_BYTES), Package)
    except (OSError, NotReadable):
        return None


def installed(root: str, name: str) -> str:
    """The folder of an installed package, as node would find it from `root`; "" when it is not installed."""
    folder = os.path.abspath(root)
    while True:
        place = os.path.join(folder, "node_modules", *name.split("/"))
        if os.path.isfile(os.path.join(place, "package.json")):
            return place
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above


def version_of(root: str, name: str) -> str:
    """The version of an installed package, "" when it is not installed."""
    package = package_in(installed(root, name) or os.devnull)
    return package.version if package and isinstance(package.version, str) else ""


def major(version: str) -> int:
    """The first number of a version, 0 when there is none."""
    found = re.match(r"v?(\d{1,6})", version)
    return int(found[1]) if found else 0


def program(root: str, name: str, program: str = "") -> str:
    """The file that node runs for a tool, relative to `root`; "" when it is not installed."""
    place = installed(root, name)
    package = package_in(place) if place else None
    file = package.program(program or name) if package else ""
    return os.path.relpath(os.path.normpath(os.path.join(place, file)), os.path.abspath(root)) if file else ""


def node(root: str) -> str:
    """The node to run with: the one on the PATH, else the project's own. Raises NoTestCommand."""
    if shutil.which("node"):
        return "node"
    own = os.path.join(root, "node_modules", ".bin", "node")
    if os.access(own, os.X_OK):
        return own
    raise NoTestCommand(
        "No `node` was found on the PATH, and none in node_modules/.bin.",
        hint="Install Node.js, or name the command in phasegate.toml.",
    )


def command(root: str, tool: str, *, program_name: str = "", settings: str = "") -> tuple[str, ...]:
    """The command that runs the project's `tool`, with the words of the script that calls it. Raises NoTestCommand."""
    package = package_in(settings or root)
    if package is None:
        raise NoTestCommand(
            f"There is no package.json in {root} that could be read.",
            hint="Name the directory of the suite, or mend it.",
        )
    call = call_of(package, tool)
    file = program(root, tool, program_name)
    if file:
        variables = ("env", *call.variables) if call.variables else ()
        return (*variables, node(root), *call.node_flags, file, *call.words)
    if _has_plug_and_play(root) and shutil.which("yarn"):
        return ("yarn", "run", tool, *call.words)
    line = install_line(root) if package.depends_on(tool) else add_line(root, tool)
    raise NoTestCommand(f"{tool} is not installed in this project.", hint=f"Run `{line}`.")


def install_line(root: str) -> str:
    """The line that installs what the project depends on, by its lock file."""
    return next((line for lock, line in _INSTALL.items() if _upward(root, lock)), "npm install")


def add_line(root: str, *packages: str) -> str:
    """The line that adds development dependencies, by the project's package manager."""
    manager = install_line(root).split()[0]
    return f"{_ADD.get(manager, 'npm install --save-dev')} {' '.join(packages)}"


def call_of(package: Package, tool: str) -> Call:
    """How the scripts call `tool`: `test` and what it runs first, then those named after it, then the others."""
    scripts = {name: text for name, text in package.scripts.items() if isinstance(text, str)}
    order = sorted(scripts, key=lambda name: (name != "test", not name.startswith("test")))
    calls = (call for name in order for call in _calls(scripts, name, tool, ()))
    return next(calls, Call())


def _calls(scripts: Mapping[str, str], name: str, tool: str, above: tuple[str, ...]) -> Iterator[Call]:
    """The calls of `tool` by the script `name`, and by the scripts it runs."""
    for part in re.split(r"&&|\|\||;", scripts[name]):
        call = _call(part, tool)
        if call is not None:
            yield call
        run = _RUNS_A_SCRIPT.match(part)
        if run and run[1] in scripts and run[1] not in (name, *above):
            yield from _calls(scripts, run[1], tool, (name, *above))


def _call(part: str, tool: str) -> Call | None:
    try:
        words = shlex.split(part)
    except ValueError:
        return None
    at = next((at for at, word in enumerate(words) if _is_program(word, tool)), None) if "\0" not in part else None
    before = words[:at]
    if at is None or not all(_may_precede(word) for word in before) or {"|", ">", "<"} & {*words}:
        return None
    assigned = [word for word in before if _ASSIGNMENT.match(word)]
    options = [word.partition("=")[2] for word in assigned if word.startswith("NODE_OPTIONS=")]
    flags = [word for word in before if word.startswith("-") and word != "--" and "node" in before]
    return Call(
        tuple(words[at + 1 :]),
        tuple(word for word in assigned if not word.startswith("NODE_OPTIONS=")),
        (*(flag for option in options for flag in option.split()), *flags),
    )


def _is_program(word: str, tool: str) -> bool:
    return word == tool or (f"{tool}/" in word and word.startswith(("node_modules/", "./node_modules/", "../")))


def _may_precede(word: str) -> bool:
    return word in _BEFORE_A_TOOL or word.startswith("-") or _ASSIGNMENT.match(word) is not None


def without(words: Sequence[str], *, flags: Sequence[str] = (), valued: Sequence[str] = ()) -> tuple[str, ...]:
    """`words` less those flags, and less those options with their values (`--a b`, `--a=b`)."""
    return tuple(_kept(words, frozenset(flags), frozenset(valued)))


def _kept(words: Sequence[str], flags: frozenset[str], valued: frozenset[str]) -> Iterator[str]:
    skip = False
    for word in words:
        name, equals, _ = word.partition("=")
        if skip:
            skip = False
        elif name in valued:
            skip = not equals
        elif name not in flags:
            yield word


def _has_plug_and_play(root: str) -> bool:
    return _upward(root, ".pnp.cjs") or _upward(root, ".pnp.loader.mjs")


def _upward(root: str, name: str) -> bool:
    """Whether a file lies in `root` or above it, within the repository."""
    folder = os.path.abspath(root)
    while True:
        if os.path.exists(os.path.join(folder, name)):
            return True
        above = os.path.dirname(folder)
        if above == folder or os.path.exists(os.path.join(folder, ".git")):
            return False
        folder = above
