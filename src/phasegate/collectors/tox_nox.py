"""Reads which environment tox or nox provides for a project's tests, and proposes a suite that runs in it.

The environment stays theirs: `prepare` builds it, and what runs in it is `PYTHON -m pytest` (or unittest) under our
reporter. Their own files are read and never run, so only commands written out in them can be taken over.
"""

from __future__ import annotations

import ast
import configparser
import os
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from phasegate.settings import Tests

_FILE_BYTES = 1 << 20
_MOST_WORDS = 200
_LIKELY = ("py", "tests", "test", "unit", "pytest")
_SUBSTITUTION = re.compile(r"\{[^{}]*\}")
_POSARGS = re.compile(r"\{posargs(?::((?:[^{}]|\{[^{}]*\})*))?\}|\[\]")
_OURS_TO_ASK = ("--cov", "--no-cov", "--junitxml", "--junit-xml", "--basetemp")
_WITH_A_VALUE = frozenset(
    {"--cov-report", "--cov-config", "--cov-fail-under", "--junitxml", "--junit-xml", "--basetemp"}
)
"""What measures and reports phasegate asks for itself; a value may follow as a word of its own."""


class Proposed(Struct, frozen=True):
    """A suite that runs in the environment `env` of `tool`; `unread` says what was not taken over."""

    tool: str
    env: str
    tests: Tests
    unread: tuple[str, ...] = ()


class Unread(Struct, frozen=True):
    """There is a tox or nox file, and no suite can be made of it: why."""

    tool: str
    why: str


Reading = Proposed | Unread


class _Env(Struct, frozen=True):
    """One environment as its file has it: commands as lists of words, variables, and where commands are run."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    variables: Mapping[str, str]
    directory: str = ""
    unread: tuple[str, ...] = ()


def read(root: str, *, files: Mapping[str, str] | None = None) -> tuple[Reading, ...]:
    """What the project's tox and nox files come to, tox first; empty when it has neither."""
    texts = files if files is not None else _texts(root)
    found = (_of_tox(texts), _of_nox(texts.get("noxfile.py")))
    return tuple(each for each in found if each is not None)


# -- tox ---------------------------------------------------------------------------------------------------------------


def _of_tox(texts: Mapping[str, str]) -> Reading | None:
    try:
        env = _tox_env(texts)
    except (configparser.Error, tomllib.TOMLDecodeError, RecursionError, ValueError, TypeError, AttributeError) as bad:
        return Unread("tox", f"its settings cannot be read: {str(bad).splitlines()[0][:200]}")
    if env is None:
        return None
    python = os.path.join(".tox", env.name, "bin", "python")
    return _suite("tox", env, ("tox", "run", "-e", env.name, "--notest"), python)


def _tox_env(texts: Mapping[str, str]) -> _Env | None:
    """From `tox.ini`, `[tool.tox]` (`legacy_tox_ini` too), `tox.toml` or `setup.cfg`, in tox's own order."""
    if "tox.ini" in texts:
        return _from_ini(texts["tox.ini"])
    cfg = texts.get("setup.cfg", "")
    if "[tox:tox]" in cfg:
        return _from_ini(cfg.replace("[tox:tox]", "[tox]"))
    tool = tomllib.loads(texts.get("pyproject.toml", "")).get("tool", {}).get("tox")
    if isinstance(tool, dict) and isinstance(tool.get("legacy_tox_ini"), str):
        return _from_ini(tool["legacy_tox_ini"])
    if isinstance(tool, dict):
        return _from_toml(tool)
    return _from_toml(tomllib.loads(texts["tox.toml"])) if "tox.toml" in texts else None


def _from_ini(text: str) -> _Env:
    ini = configparser.RawConfigParser(
        strict=False, allow_no_value=True, delimiters=("=",), comment_prefixes=("#", ";")
    )
    ini.optionxform = str  # type: ignore[assignment, method-assign]
    ini.read_string(text)
    own = [section.removeprefix("testenv:") for section in ini.sections() if section.startswith("testenv:")]
    name = next((each for each in _LIKELY if each in own), "py")
    section = f"testenv:{name}" if name in own else "testenv"

    def value(key: str) -> str:
        for place in (section, "testenv"):
            if ini.has_option(place, key):
                return ini.get(place, key) or ""
        return ""

    unread: list[str] = []
    commands = [tuple(words) for line in _lines(value("commands")) if (words := _words(_conditional(line, unread)))]
    variables = dict(_assignments(_lines(value("setenv") or value("set_env")), unread))
    return _Env(name, tuple(commands), variables, value("changedir") or value("change_dir"), tuple(unread))


def _from_toml(table: Mapping[str, object]) -> _Env:
    envs = table.get("env")
    own = dict(envs) if isinstance(envs, dict) else {}
    base = table.get("env_run_base")
    name = next((each for each in _LIKELY if each in own), "py")
    merged = {**(base if isinstance(base, dict) else {}), **(own.get(name) or {})}
    unread: list[str] = []
    commands = [tuple(_toml_words(each, unread)) for each in merged.get("commands", ())]
    given = merged.get("set_env", {})
    variables = (
        {key: value for key, value in given.items() if isinstance(value, str)} if isinstance(given, dict) else {}
    )
    unread += [f"the variable {key}" for key in given if key not in variables] if isinstance(given, dict) else []
    return _Env(name, tuple(commands), variables, str(merged.get("change_dir", "")), tuple(unread))


def _toml_words(command: object, unread: list[str]) -> Iterator[str]:
    for word in command if isinstance(command, list) else ():
        if isinstance(word, str):
            yield word
        elif isinstance(word, dict) and word.get("replace") == "posargs":
            yield from (each for each in word.get("default", ()) if isinstance(each, str))
        else:
            unread.append(f"a part of a command: {str(word)[:80]}")


def _lines(text: str) -> list[str]:
    """The lines of a value, those that end with a backslash joined, comments left out."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.strip().startswith("#")]


def _conditional(line: str, unread: list[str]) -> str:
    """A line for some factors only (`py311: pytest`) is not taken over."""
    found = re.match(r"^[a-z0-9_.,!{}-]+: +(.*)$", line)
    if found:
        unread.append(f"the line `{line[:80]}`, which is for some environments only")
        return ""
    return line


def _words(line: str) -> list[str]:
    try:
        return [_filled(word) for word in shlex.split(_POSARGS.sub(lambda found: found[1] or "", line))[:_MOST_WORDS]]
    except ValueError:
        return []


def _assignments(lines: Sequence[str], unread: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, equals, value = line.partition("=")
        if equals and re.fullmatch(r"\w+", name.strip()):
            yield name.strip(), value.strip()
        else:
            unread.append(f"the line `{line[:80]}` of its variables")


# -- nox ---------------------------------------------------------------------------------------------------------------


def _of_nox(text: str | None) -> Reading | None:
    if text is None:
        return None
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as bad:
        return Unread("nox", f"noxfile.py cannot be read: {str(bad)[:200]}")
    sessions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and _is_session(node)]
    named = {_session_name(node): node for node in sessions}
    testing = [name for name in named if _runs_tests(named[name])]
    name = next((each for each in _LIKELY if each in testing), testing[0] if testing else "")
    if not name:
        said = ", ".join(named) or "none"
        return Unread(
            "nox", f"no session of noxfile.py runs pytest or unittest in words written out (sessions: {said})"
        )
    session = named[name]
    if why_not := _cannot_be_named(session):
        return Unread("nox", f"the session {name} {why_not}, so phasegate cannot name its environment")
    pythons = _pythons(session)
    choice = f"{name}-{_at_hand(pythons)}" if pythons else name
    helpers = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef) and node not in sessions}
    unread = [
        f"the command `{words}`, which nox skips when it only installs" for words in _of_helpers(session, helpers)
    ]
    env = _Env(name, tuple(_runs(session, unread)), dict(_session_variables(session)), "", tuple(unread))
    python = os.path.join(".nox", choice.replace(".", "-"), "bin", "python")
    return _suite("nox", env, ("nox", "-s", choice, "--install-only"), python)


def _cannot_be_named(session: ast.FunctionDef) -> str:
    """Why it is not known which environment is its own; empty when it is."""
    if _decorated_with(session, "parametrize"):
        return "is parametrised"
    said = _keywords(session).get("python", _keywords(session).get("py"))
    value = _literal(said)
    if said is not None and value is None and not isinstance(said, ast.Constant):
        return f"computes its Pythons (`{ast.unparse(said)[:80]}`)"
    return "has no environment (`python=False`)" if value is False else ""


def _of_helpers(session: ast.FunctionDef, helpers: Mapping[str, ast.FunctionDef]) -> Iterator[str]:
    """What the functions that a session calls by name run in it."""
    called = [
        each.func.id for each in ast.walk(session) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)
    ]
    for name in dict.fromkeys(called):
        for words in _runs(helpers[name], []) if name in helpers else ():
            yield shlex.join(words)[:100]


def _at_hand(pythons: Sequence[str]) -> str:
    """Of the versions that a session is run for, the last that is on the PATH; else the last CPython."""
    cpython = [each for each in pythons if re.fullmatch(r"3(?:\.\d+)?", each)] or list(pythons)
    return next((each for each in reversed(cpython) if shutil.which(f"python{each}")), cpython[-1])


def _is_session(node: ast.FunctionDef) -> bool:
    return _decorated_with(node, "session")


def _decorated_with(node: ast.FunctionDef, name: str) -> bool:
    said = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    return any((each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "")) == name for each in said)


def _keywords(node: ast.FunctionDef) -> dict[str, ast.expr]:
    calls = [each for each in node.decorator_list if isinstance(each, ast.Call)]
    return {keyword.arg: keyword.value for call in calls for keyword in call.keywords if keyword.arg}


def _session_name(node: ast.FunctionDef) -> str:
    given = _literal(_keywords(node).get("name"))
    return given if isinstance(given, str) else node.name


def _pythons(node: ast.FunctionDef) -> list[str]:
    given = _literal(_keywords(node).get("python") or _keywords(node).get("py"))
    if isinstance(given, list | tuple):
        return [each for each in given if isinstance(each, str)]
    return [given] if isinstance(given, str) and given else []


def _calls(node: ast.FunctionDef) -> Iterator[ast.Call]:
    """Each `session.run(...)` and `session.run_install(...)` in it."""
    for each in ast.walk(node):
        if (
            isinstance(each, ast.Call)
            and isinstance(each.func, ast.Attribute)
            and each.func.attr in ("run", "run_always")
        ):
            yield each


def _runs(node: ast.FunctionDef, unread: list[str]) -> Iterator[tuple[str, ...]]:
    for call in _calls(node):
        words: list[str] = []
        for word in call.args:
            value = _literal(word)
            if isinstance(value, str):
                words.append(value)
            elif not _is_ours_to_ask(word) and not (isinstance(word, ast.Starred) and "posargs" in ast.dump(word)):
                unread.append(f"a part of a command: `{ast.unparse(word)[:80]}`")
        yield tuple(words)


def _is_ours_to_ask(word: ast.expr) -> bool:
    """Whether `f"--cov-report=html:{place}"` or its like stands there."""
    first = word.values[0] if isinstance(word, ast.JoinedStr) and word.values else None
    return isinstance(first, ast.Constant) and str(first.value).startswith(_OURS_TO_ASK)


def _runs_tests(node: ast.FunctionDef) -> bool:
    return any(_tests_of(words) for words in _runs(node, []))


def _session_variables(node: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    for call in _calls(node):
        for keyword in call.keywords:
            value = _literal(keyword.value) if keyword.arg == "env" else None
            if isinstance(value, dict):
                yield from ((k, v) for k, v in value.items() if isinstance(k, str) and isinstance(v, str))


def _literal(node: ast.expr | None) -> object:
    try:
        return ast.literal_eval(node) if node is not None else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


# -- a suite of either -------------------------------------------------------------------------------------------------


def _suite(tool: str, env: _Env, prepare: tuple[str, ...], python: str) -> Reading:
    found = [(words, tests) for words in env.commands if (tests := _tests_of(words))]
    if not found:
        said = "; ".join(f"`{shlex.join(words)[:100]}`" for words in env.commands) or "none"
        return Unread(
            tool, f"no command of the environment {env.name} runs pytest or unittest by itself; it has {said}"
        )
    if len(found) > 1:
        both = " and ".join(f"`{shlex.join(words)[:100]}`" for words, _ in found[:2])
        return Unread(tool, f"the environment {env.name} runs tests more than once: {both}")
    words, (runner, given) = found[0]
    unread = list(env.unread)
    wanted = [word for at, word in enumerate(given) if at == 0 or given[at - 1] not in _WITH_A_VALUE]
    args = [word for word in map(_filled, wanted) if _is_plain(word, unread)]
    filled = {name: _filled(value) for name, value in env.variables.items()}
    variables = {name: value for name, value in filled.items() if _is_plain(f"{name}={value}", unread)}
    others = [shlex.join(other) for other in env.commands if other != words]
    unread += [f"the command `{other[:100]}`" for other in others if not _reports_only(other)]
    if _inside(env.directory) != "":
        unread.append(f"that its commands run in {env.directory}: set `directory` where paths are not found")
    suite = Tests(
        runner="unittest" if runner == "unittest" else "pytest", prepare=prepare, command=(python, "-m", runner),
        args=tuple(args), env=variables,
    )  # fmt: skip
    return Proposed(tool, env.name, suite, tuple(unread))


def _tests_of(words: Sequence[str]) -> tuple[str, list[str]] | None:
    """Which of pytest and unittest these words run, directly, by `python -m` or under coverage.py; and with what."""
    rest = list(words)
    if rest[:1] == ["-"]:
        rest = rest[1:]
    if rest[:1] and os.path.basename(rest[0]).startswith(("python", "{envpython}", "{env_python}")):
        rest = _after_options(rest[1:])
    elif rest[:1] in (["pytest"], ["py.test"]):
        return "pytest", rest[1:]
    if rest[:2] == ["-m", "coverage"] or rest[:1] == ["coverage"]:
        rest = rest[2:] if rest[0] == "-m" else rest[1:]
        if rest[:1] != ["run"]:
            return None
        at = next((at for at, word in enumerate(rest) if word == "-m"), None)
        rest = rest[at:] if at is not None else []
    if rest[:1] == ["-m"] and len(rest) > 1 and rest[1] in ("pytest", "py.test", "unittest"):
        return ("unittest" if rest[1] == "unittest" else "pytest"), rest[2:]
    return None


def _after_options(words: list[str]) -> list[str]:
    """What follows the interpreter's own options."""
    while words and words[0].startswith("-") and words[0] != "-m":
        words = words[2:] if words[0] in ("-W", "-X") else words[1:]
    return words


def _filled(word: str) -> str:
    """With what tox itself would put in where that is known: the root, and what stands for an unset variable."""
    word = re.sub(r"\{env:\w+:([^{}]*)\}", r"\1", word)
    word = re.sub(r"\{(?:toxinidir|tox_root)\}/", "", word)
    return "." if word in ("{toxinidir}", "{tox_root}") else word


def _is_plain(word: str, unread: list[str]) -> bool:
    """Whether a word can be taken over; what measures or reports is phasegate's own to ask for."""
    if word.startswith(_OURS_TO_ASK):
        return False
    if _SUBSTITUTION.search(word):
        unread.append(f"`{word[:100]}`, which only tox can fill in")
        return False
    return True


def _reports_only(command: str) -> bool:
    return bool(
        re.match(
            r"^(?:-\s+)?(?:\S*python\S*\s+-m\s+)?coverage\s+(?:report|xml|html|json|combine|erase|lcov)\b", command
        )
    )


def _inside(directory: str) -> str | None:
    """A directory below the root; "" for the root itself, None for what cannot be known."""
    plain = re.sub(r"^\{(?:toxinidir|tox_root)\}/?", "", directory).strip("/")
    if _SUBSTITUTION.search(plain) or plain.startswith("..") or os.path.isabs(directory):
        return None
    return "" if plain in ("", ".") else plain


def _texts(root: str) -> dict[str, str]:
    found = {}
    for name in ("tox.ini", "setup.cfg", "pyproject.toml", "tox.toml", "noxfile.py"):
        try:
            with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
                found[name] = file.read(_FILE_BYTES)
        except OSError:
            continue
    return found
