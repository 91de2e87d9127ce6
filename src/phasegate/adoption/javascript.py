"""Finds a JavaScript or TypeScript suite by what package.json depends on and what its test script runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from phasegate.adoption.finding import Found, Unread
from phasegate.adoption.look import Look
from phasegate.foreign import NotReadable, from_json
from phasegate.settings import Runner, Tests

RUNNERS: tuple[Runner, ...] = ("vitest", "jest", "mocha")
"""In the order of which is meant where several are installed and the script names none."""

WITHOUT_A_RUNNER = (
    "ava",
    "tap",
    "tape",
    "jasmine",
    "karma",
    "qunit",
    "uvu",
    "playwright",
    "cypress",
    "bun",
    "deno",
    "lab",
)
LOCKS: Mapping[str, str] = {
    "package-lock.json": "npm ci", "npm-shrinkwrap.json": "npm ci", "pnpm-lock.yaml": "pnpm install --frozen-lockfile",
    "yarn.lock": "yarn install --frozen-lockfile", "bun.lockb": "bun install", "bun.lock": "bun install",
}  # fmt: skip
_TEST_FILE = re.compile(r"(?:^|/)(?:__tests__|tests?|spec)/.*\.[cm]?[jt]sx?$|\.(?:test|spec)\.[cm]?[jt]sx?$")
_UNSET = "no test specified"
_CALLS = re.compile(r"\b(?:npm|pnpm|yarn|bun)\s+(?:(?:-s|--silent|run|run-script)\s+)*([\w:.-]+)")
_DEPTH = 4
_SCRIPT = 20_000
"""Characters of a script that are looked at."""


class _Package(Struct, frozen=True):
    scripts: dict[str, object] = {}
    dependencies: dict[str, object] = {}
    devDependencies: dict[str, object] = {}

    def script(self, name: str, otherwise: str = "") -> str:
        """A script by its name; what is no text is none."""
        text = self.scripts.get(name, otherwise)
        return text if isinstance(text, str) else ""


def find(look: Look) -> tuple[Found | Unread, ...]:
    """The suites of the package in a place: one for each tool that its test script runs."""
    try:
        package = from_json(look.text("package.json"), _Package)
    except NotReadable:
        return (Unread("", "package.json", "it cannot be read as JSON", "Mend it."),)
    script = package.script("test")
    script = "" if _UNSET in script else script
    runners = tuple(_run_by(_expanded(package, script))) or tuple(_likely(package, look))
    if runners:
        return tuple(Found(Tests(runner), _language(look), why, _needs(look, runner)) for runner, why in runners)
    unread = _unread(package, script, look)
    return (unread,) if unread else ()


def _unread(package: _Package, script: str, look: Look) -> Unread | None:
    """Why tests that are seen cannot be run."""
    if not script and not any(_TEST_FILE.search(path) for path in look.paths):
        return None
    words = _expanded(package, script)
    other = next((name for name in WITHOUT_A_RUNNER if re.search(rf"(?<![\w-]){name}(?![\w-])", words)), "")
    what = f"the test script `{script[:80]}`" if script else "files that look like tests"
    return Unread(
        "", what, f"phasegate has no runner for {other}" if other else "it names no runner that phasegate knows",
        'Let it write JUnit XML, and set `runner = "junit"`, `command` and `reports` under [tests] in phasegate.toml.',
    )  # fmt: skip


def _expanded(package: _Package, script: str) -> str:
    """A script with those it calls by `npm run NAME` in their places, one within another to a small depth."""

    def called(match: re.Match[str]) -> str:
        return package.script(match[1], match[0])

    for _ in range(_DEPTH):
        script = _CALLS.sub(called, script)[:_SCRIPT]
    return script


def _run_by(script: str) -> Iterator[tuple[Runner, str]]:
    """Every tool that a script runs."""
    for name in RUNNERS:
        if re.search(rf"(?<![\w@/.-]){name}(?![\w.-])", script):
            yield name, f"package.json's test script runs {name}"
    if "react-scripts test" in script:
        yield "jest", "package.json's test script runs react-scripts"
    if re.search(r"\bnode\b[^;&|]*--test\b", script):
        yield "node", "package.json's test script runs node --test"


def _likely(package: _Package, look: Look) -> Iterator[tuple[Runner, str]]:
    """What seems to be meant where the test script itself says nothing: at most one."""
    scripts = " ; ".join(package.script(name) for name in package.scripts if name.startswith("test"))
    installed = package.dependencies.keys() | package.devDependencies.keys()
    named = [*_run_by(scripts), *((name, f"package.json depends on {name}") for name in RUNNERS if name in installed)]
    for path in () if named else look.paths:
        if _TEST_FILE.search(path) and re.search(r"""['"]node:test['"]""", look.text(path)):
            named.append(("node", f"{path} imports node:test"))
            break
    yield from named[:1]


def _language(look: Look) -> str:
    return "TypeScript" if look.has("tsconfig.json") else "JavaScript"


def _needs(look: Look, runner: Runner) -> str:
    """The line that installs what the tests need."""
    return next((line for lock, line in LOCKS.items() if look.has(lock)), "" if runner == "node" else "npm install")
