"""What settings demand: which way each of them is stricter, and where the new ones demand less."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator

from phasegate.ratchets.settings_files import Values, is_settings, settings_in
from phasegate.ratchets.suites import Unreadable
from phasegate.ratchets.weakening import Change, Kind, Looked, Unread, Weakening


def _names(words: str) -> re.Pattern[str]:
    """A pattern of settings whose last part is one of `words`."""
    return re.compile(r".*\.(?:" + "|".join(words.split()) + ")")


MINIMUM = re.compile(
    r".*\.(?:fail_under|coverageThreshold\..+|(?:coverage\.)?thresholds\..+)|(?:nyc|c8)\.(?:lines|branches|functions|statements)"
)
"""Numbers that may not fall."""
MAXIMUM = _names("retry retries maxfail")
"""Numbers that may not rise: tries until a test is green."""
STRICT = _names(
    "xfail_strict strict strict_markers strict_config branch check-coverage checkCoverage forbidOnly forbid-only "
    "perFile per-file enabled collectCoverage all errorOnDeprecated strict_xfail strict_parametrization_ids"
)
"""Switches that may not be turned off."""
LAX = _names(
    "passWithNoTests allowOnly dangerouslyIgnoreUnhandledErrors allowUncaught pass-with-no-tests skipFull bail"
)
"""Switches that may not be turned on."""
EXCLUDING = re.compile(
    r"coverage\..*\.?(?:omit|exclude_lines|exclude_also|partial_branches|partial_also)|(?:nyc|c8)\.(?:exclude|exclude-.*)"
    r"|.*\.(?:coveragePathIgnorePatterns|coverage\.exclude|coverage\.ignore.*)"
)
"""What is left out of measuring, which may not grow."""
IGNORING = re.compile(
    r".*\.(?:norecursedirs|collect_ignore(?:_glob)?|testPathIgnorePatterns|modulePathIgnorePatterns|test\.exclude)|mocha\.(?:ignore|exclude)"
)
"""What is left out of running, which may not grow."""
INCLUDING = re.compile(
    r"pytest\.(?:testpaths|python_files|python_classes|python_functions)|coverage\.run\.(?:source|source_pkgs|include)"
    r"|.*\.(?:testMatch|testRegex|roots|projects|collectCoverageFrom|test\.include|coverage\.include|spec)|(?:nyc|c8)\.include"
)
"""What is run or measured, which may not shrink."""
CHOOSING = _names("testNamePattern grep fgrep invert onlyChanged onlyFailures shard markexpr")
"""What chooses among tests, which may not come."""
ARGUMENTS = re.compile(r"pytest\.addopts|scripts\..*")

NARROWING = re.compile(
    r"-k|-m|-x|--exitfirst|--maxfail(?:=.*)?|--ignore(?:-glob)?(?:=.*)?|--deselect(?:=.*)?|-p|-p ?no:.*|--no-cov"
    r"|--lf|--ff|--sw|--last-failed|--stepwise|-t|--testNamePattern(?:=.*)?|--testPathIgnorePatterns(?:=.*)?|--passWithNoTests|--exclude(?:=.*)?"
    r"|--grep(?:=.*)?|-g|-f|--fgrep|--invert|-i|--onlyChanged|-o|--bail(?:=.*)?|--retry(?:=.*)?|--retries|--reruns(?:=.*)?|\|\||true"
    r"|--updateSnapshot|-u|--update|--snapshot-update|--run|-short|-skip|--skip-tests|--test-(?:name-pattern|skip-pattern|only)(?:=.*)?|--co|--collect-only"
)
"""Arguments that run less, or let pass more."""
STRENGTHENING = re.compile(
    r"--strict(?:-markers|-config)?|--cov(?:=.*)?|--cov-branch|--cov-fail-under(?:=.*)?|--doctest-modules|--coverage|--forbid-only"
    r"|--check-coverage|--ci|-race|-W ?error.*|--run-?slow|--error-for-skips|--enforce.*"
)
"""Arguments that run more, or let pass less."""
RUNNERS = re.compile(
    r"\b(?:jest|vitest|mocha|pytest|nyc|c8|ava|tap|playwright|cypress|node\s+--test|go\s+test|tox|nox)\b"
)
FAIL_UNDER = re.compile(r"--cov-fail-under[= ](\d+(?:\.\d+)?)")


def compare_settings(changes: Iterable[Change]) -> Looked:
    """What the changed settings demand less than before; what moved from one file to another beside it is the same."""
    before: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = defaultdict(dict)
    after: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = defaultdict(dict)
    unread: list[Unread] = []
    files = 0
    for change in changes:
        if not is_settings(change.path):
            continue
        files += 1
        folder = change.path.rpartition("/")[0]
        try:
            old, new = _read(change.path, change.before), _read(change.path, change.after)
        except Unreadable as why:
            unread.append(Unread(change.path, str(why)))
            continue
        for side, values in ((before, old), (after, new)):
            side[folder].update((name, (change.path, value)) for name, value in values.items())
    found = [each for folder in before for each in _weaker(before[folder], after[folder])]
    return Looked(files - len(unread), tuple(found), tuple(unread))


def _read(path: str, content: bytes | None) -> Values:
    return settings_in(path, content) if content is not None else {}


def _weaker(
    old: dict[str, tuple[str, tuple[str, ...]]], new: dict[str, tuple[str, tuple[str, ...]]]
) -> Iterator[Weakening]:
    for name in sorted({*old, *new}):
        path, was = old.get(name, ("", ()))
        path, now = new.get(name, (path, ()))
        if was == now:
            continue
        for kind, before, after in _judged(name, was, now):
            yield Weakening(kind, path, 0, name, before, after)


def _judged(name: str, was: tuple[str, ...], now: tuple[str, ...]) -> Iterator[tuple[Kind, str, str]]:
    said, says = " ".join(was), " ".join(now) or "nothing"
    if ARGUMENTS.fullmatch(name):
        yield from _arguments(name, said, " ".join(now))
    elif MINIMUM.fullmatch(name):
        if was and (_number(now) is None or (_number(was) or 0) > (_number(now) or 0)):
            yield "threshold-lowered", said, says
    elif MAXIMUM.fullmatch(name):
        if (_number(now) or 0) > (_number(was) or 0):
            yield "run-narrowed", said or "nothing", says
    elif STRICT.fullmatch(name):
        if _is_on(was) and not _is_on(now):
            yield "threshold-lowered", said, says
    elif LAX.fullmatch(name):
        if _is_on(now) and not _is_on(was):
            yield "run-narrowed", said or "nothing", says
    elif name == "pytest.filterwarnings":
        yield from _filters(was, now)
    else:
        yield from _lists(name, was, now)


def _lists(name: str, was: tuple[str, ...], now: tuple[str, ...]) -> Iterator[tuple[Kind, str, str]]:
    between = r"[\s,]+" if name.startswith("pytest.") else r"[,\n]"
    came, gone = _parts(now, between) - _parts(was, between), _parts(was, between) - _parts(now, between)
    if (EXCLUDING.fullmatch(name) or IGNORING.fullmatch(name)) and came:
        yield "coverage-omitted" if EXCLUDING.fullmatch(name) else "run-narrowed", "", f"leaves out {_some(came)}"
    elif INCLUDING.fullmatch(name):
        out = {each for each in came if each.startswith("!")}
        if (gone and now) or out:
            kind: Kind = "coverage-omitted" if "overage" in name else "run-narrowed"
            yield kind, _some(gone) or "nothing", _some(came) or "no longer among them"
        elif came and not was:
            yield "condition-changed", "nothing", _some(came)
    elif CHOOSING.fullmatch(name) and now and now != was:
        yield "run-narrowed", " ".join(was) or "nothing", " ".join(now)


def _filters(was: tuple[str, ...], now: tuple[str, ...]) -> Iterator[tuple[Kind, str, str]]:
    gone = {each for each in was if each.startswith("error") and each not in now}
    came = {each for each in now if each.startswith(("ignore", "default", "once")) and each not in was}
    if gone or came:
        yield "threshold-lowered", _some(gone) or "nothing", _some(came) or "no longer an error"


def _arguments(name: str, was: str, now: str) -> Iterator[tuple[Kind, str, str]]:
    """Arguments of a runner: those that run less have come, or those that run more have gone."""
    if name.startswith("scripts.") and not RUNNERS.search(f"{was} {now}"):
        return
    if RUNNERS.search(was) and not RUNNERS.search(now) and name.startswith("scripts."):
        if "test" in name or not now:
            yield "run-narrowed", was, now or "nothing"
        return
    before, after = _split(was), _split(now)
    narrowing = [word for at, word in enumerate(after) if NARROWING.fullmatch(word) and not _is_beside(after, at)]
    came = [word for word in narrowing if word not in before] if was or "addopts" in name else []
    gone = [word for word in before if STRENGTHENING.fullmatch(word) and word not in after]
    low, high = FAIL_UNDER.search(now), FAIL_UNDER.search(was)
    if high and low and float(low[1]) >= float(high[1]):
        gone = [word for word in gone if not word.startswith("--cov-fail-under")]
    if came or gone:
        yield "threshold-lowered" if gone and not came else "run-narrowed", was or "nothing", now or "nothing"


def _is_beside(arguments: list[str], at: int) -> bool:
    """Whether what is ignored cannot hold a test by its name: `--ignore docs`."""
    name, _, value = arguments[at].partition("=")
    value = value or next(iter(arguments[at + 1 : at + 2]), "")
    return (
        name == "--ignore" and re.fullmatch(r"(?:docs?|build|dist|examples?|vendor|node_modules)/?", value) is not None
    )


def _split(arguments: str) -> list[str]:
    try:
        return shlex.split(arguments)
    except ValueError:
        return arguments.split()


def _parts(values: tuple[str, ...], between: str) -> set[str]:
    return {part.strip() for value in values for part in re.split(between, value) if part.strip()}


def _number(values: tuple[str, ...]) -> float | None:
    try:
        return float(values[0]) if len(values) == 1 else None
    except ValueError:
        return None


def _is_on(values: tuple[str, ...]) -> bool:
    return bool(values) and values[0].strip().lower() not in ("false", "0", "no", "off", "null", "none", "")


def _some(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)[:5])
