"""Which commands run tests, which might, and how a run ended; which files a test run can say something about."""

from __future__ import annotations

import re

CODE = frozenset(
    "py pyi pyx js jsx mjs cjs ts tsx mts cts go rs java kt kts scala swift c cc cpp cxx h hpp cs fs rb php pl lua "
    "dart ex exs erl clj cljs hs ml zig nim vue svelte sh bash sql m mm r jl groovy".split()
)
"""Endings of files that a test run can say something about."""

_TOOLS = (
    "pytest|py.test|tox|nox|unittest|trial|nose2|behave|jest|vitest|mocha|ava|jasmine|karma|cypress|rspec|phpunit|pest|"
    "ctest|gotestsum|nextest|cucumber|bats|busted|shunit2|lein-test|check-jsonschema|phasegate check"
)
_RUNNERS = (
    "npm|pnpm|yarn|bun|deno|go|cargo|mvn|mvnw|gradle|gradlew|dotnet|make|just|task|rake|mix|swift|sbt|zig|bazel|"
    "flutter|dart|composer|lein|stack|cabal|mage|invoke|inv|rails|php artisan|node|ruby|turbo|nx|hatch|xcodebuild|"
    "playwright|pre-commit|meson|ninja|python[0-9.]*|uv|poetry|pdm|pipenv|rye|pixi|docker|docker-compose|podman|act"
)
TESTS = re.compile(
    rf"(?<![\w/-])(?:\S*/)?(?:{_TOOLS})(?![\w-])"
    rf"|(?<![\w-])(?:\S*/)?(?:{_RUNNERS})(?![\w.])[^;&|\n]*?[\s:=](?:-{{1,2}})?(?:tests?|t|check|verify|spec|ci|e2e)(?![\w./])"
    rf"|(?<![\w-])(?:npm|pnpm|yarn|bun)(?: run)?[^;&|\n]*?[ :-](?:test|tests|spec)(?::\S+)?(?![\w./])"
)
"""The table: a test tool by name, or a runner with a task that is called test, check, verify, spec or ci."""

_READS = frozenset(
    "cat ls grep rg egrep fgrep find head tail sed awk git wc cp mv rm mkdir touch echo printf cd pwd chmod diff tree "
    "less more code vim nano open stat du file which type export set source sleep true test [ sort uniq cut tr jq tee "
    "xargs gh".split()
)
"""Programs that run no tests whatever their arguments are called."""

_MIGHT = re.compile(r"test|spec|check|verif|valid|\bci\b|smoke|e2e|qa|coverage|pre-commit", re.IGNORECASE)
_LINTS = re.compile(
    r"(?<![\w-])(?:ruff|black|isort|flake8|mypy|pyright|basedpyright|pylint|eslint|prettier|biome|tsc|vue-tsc|svelte-check|"
    r"oxlint|clippy|cargo (?:check|fmt|clippy)|go vet|gofmt|shellcheck|py_compile|compileall|node (?:--check|-c)|"
    r"bash -n|(?:npm|pnpm|yarn|bun)(?: run)? (?:type-?check|lint\S*|check:types|check-types)|pip check)(?![\w-])"
)
"""What looks at code without running it: no test, though some of it is called check."""

_SEPARATOR = re.compile(r"\|\||&&|[;&|\n]")
_PREFIX = re.compile(
    r"^\s*(?:(?:cd\s+(?:\"[^\"]*\"|'[^']*'|[^\s;&|]+)\s*&&\s*)|(?:[A-Za-z_]\w*=(?:\"[^\"]*\"|'[^']*'|[^\s\"';&|]*)\s+)"
    r"|(?:timeout\s+(?:-\S+\s+)*[0-9.]+[smh]?\s+)|(?:time\s+)|(?:env\s+))*"
)
_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?[^\n]*\n.*?(?:\n\s*\1\b|\Z)", re.DOTALL)

_RED = re.compile(
    r"^=+ (?:.*, )?[1-9]\d* (?:failed|errors?)\b.* in [\d.]+s|^[1-9]\d* failed(?:, | in )"
    r"|^Tests:\s+(?:.*, )?[1-9]\d* failed"
    r"|^\s*Tests\s+[1-9]\d* failed|^test result: FAILED|^FAIL(?:\t|$)|^FAILED \((?:failures|errors)=|^--- FAIL:"
    r"|^[1-9]\d* failing$|, [1-9]\d* failures?(?:,|$)|^Failed!\s+-",
    re.MULTILINE,
)
_SUMMARY = re.compile(
    r"\b\d+ passed\b|\b\d+ passing\b|^test result: |^ok\s+\t?\S+\s+(?:[\d.]+s|\(cached\))|^Ran \d+ tests? in"
    r"|\b\d+ (?:examples?|tests?), \d+ (?:failures?|assertions)|^Tests:\s+\d|^# tests \d",
    re.MULTILINE,
)
_CODE = re.compile(r"^(?:Error: )?Exit code (\d+)")


def is_code(path: str) -> bool:
    return path.rpartition(".")[2].lower() in CODE and "." in path.rpartition("/")[2]


def is_test(command: str) -> bool:
    """Whether `command` runs tests: some part of it is in the table and is not a program that only reads."""
    return any(TESTS.search(part) for part in _working(command))


def might_test(command: str, output: str = "") -> bool:
    """Whether tests may have run: a name that sounds like it, or output that only a test run prints."""
    if _SUMMARY.search(output) or is_test(command):
        return True
    return any(_MIGHT.search(part) for part in _working(command))


def surely_failed(command: str, ended: str, output: str) -> bool:
    """Whether the tests of this command failed: its own summary says so, or it ran nothing else and did."""
    if ended == "":
        return False
    if _RED.search(output):
        return True
    return ended == "failed" and _CODE.match(output) is not None and _alone(command)


def bare(command: str) -> str:
    """`command` without what changes nothing about it: `cd x &&`, variables, a time limit, spaces."""
    return " ".join(_PREFIX.sub("", command, count=1).split())


def _working(command: str) -> list[str]:
    """The parts of a command line whose program may do something, without here-documents."""
    parts = _SEPARATOR.split(_HEREDOC.sub("", command[:20_000]))
    return [
        part for part in map(_unprefixed, parts) if part and _program(part) not in _READS and not _LINTS.search(part)
    ]


def _unprefixed(part: str) -> str:
    return _PREFIX.sub("", part, count=1).strip()


def _program(part: str) -> str:
    return part.split(maxsplit=1)[0].rpartition("/")[2].strip("\"'({")


def _alone(command: str) -> bool:
    return not re.search(r"[;&|\n`]|\$\(", re.sub(r"2>&1|&>\S*|>\s*\S+", "", bare(command)))
