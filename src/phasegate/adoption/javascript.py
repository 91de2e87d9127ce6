"""Finds a JavaScript or TypeScript suite by what package.json depends on and what its test script runs."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from phasegate.adoption.finding import Found, Unread
from phasegate.adoption.look import Look
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


class _Package(Struct, frozen=True):
    scripts: dict[str, object] = {}
    dependencies: dict[str, object] = {}
    devDependencies: dict[str, object] = {}


def find(look: Look) -> Found | Unread | None:
    """The suite of the package in a place."""
    try:
        package = msgspec.json.decode(look.text("package.json"), type=_Package)
    except msgspec.MsgspecError:
        return Unread("", "package.json", "it cannot be read as JSON", "Mend it.")
    script = str(package.scripts.get("test", ""))
    script = "" if _UNSET in script else script
    scripts = " ; ".join([script, *(str(v) for name, v in package.scripts.items() if name.startswith("test"))])
    runner, why = _runner(package, scripts, look)
    if runner:
        return Found(Tests(runner), _language(look), why, _needs(look, runner))
    if not script and not any(_TEST_FILE.search(path) for path in look.paths):
        return None
    other = next((name for name in WITHOUT_A_RUNNER if re.search(rf"(?<![\w-]){name}(?![\w-])", script)), "")
    what = f"the test script `{script[:80]}`" if script else "files that look like tests"
    return Unread(
        "", what, f"phasegate has no runner for {other}" if other else "it names no runner that phasegate knows",
        'Let it write JUnit XML, and set `runner = "junit"`, `command` and `reports` under [tests] in phasegate.toml.',
    )  # fmt: skip


def _runner(package: _Package, scripts: str, look: Look) -> tuple[Runner | None, str]:
    for name in RUNNERS:
        if re.search(rf"(?<![\w@/-]){name}(?![\w-])", scripts):
            return name, f"package.json's test script runs {name}"
    if "react-scripts test" in scripts:
        return "jest", "package.json's test script runs react-scripts"
    if re.search(r"\bnode\b[^;&|]*--test\b", scripts):
        return "node", "package.json's test script runs node --test"
    installed = package.dependencies.keys() | package.devDependencies.keys()
    for name in RUNNERS:
        if name in installed:
            return name, f"package.json depends on {name}"
    for path in look.paths:
        if _TEST_FILE.search(path) and re.search(r"""['"]node:test['"]""", look.text(path)):
            return "node", f"{path} imports node:test"
    return None, ""


def _language(look: Look) -> str:
    return "TypeScript" if look.has("tsconfig.json") else "JavaScript"


def _needs(look: Look, runner: Runner) -> str:
    """The line that installs what the tests need."""
    return next((line for lock, line in LOCKS.items() if look.has(lock)), "" if runner == "node" else "npm install")
