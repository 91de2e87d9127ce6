"""What runs around the tests of a JavaScript project: what its tools read by themselves, and what that names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from phasegate import syntax
from phasegate.foreign import NotReadable, from_json
from phasegate.infrastructure.files import Files, folder_of, joined

PACKAGE_KEYS = frozenset({
    "jest", "vitest", "mocha", "nyc", "c8", "babel", "browserslist", "scripts", "swc", "ts-jest", "workspaces",
})  # fmt: skip
"""What of a package.json bends a run; the rest is the project's own."""

BY_NAME: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"(?:^|/)(?:{pattern})$"), why)
    for pattern, why in {
        r"jest[\w.-]*\.config\.(?:[cm]?[jt]s|json)|jest\.preset\.[cm]?js": "jest is set up by it",
        r"(?:vitest|vite)[\w.-]*\.config\.[cm]?[jt]s|vitest\.(?:workspace|projects)\.(?:[cm]?[jt]s|json)":
            "vitest is set up by it",
        r"\.mocharc(?:\.[\w-]+)?\.(?:[cm]?js|jsonc?|ya?ml)|\.mocharc|mocha\.opts": "mocha is set up by it",
        r"node\.config\.json": "node is set up by it",
        r"\.?babel(?:rc|\.config)(?:\.[cm]?[jt]s|\.json)?|\.swcrc(?:\.json)?": "the tests are compiled by it",
        r"tsconfig[\w.-]*\.json|jsconfig\.json": "it says where imports lead",
        r"\.(?:nyc|c8)rc(?:\.(?:json|ya?ml|[cm]?js))?|nyc\.config\.[cm]?js": "what ran is measured by it",
        r"\.npmrc|\.yarnrc(?:\.yml)?|\.pnp\.[cm]?js|\.pnp\.loader\.mjs|pnpm-workspace\.yaml|\.pnpmfile\.[cm]?js":
            "programs are started by it",
        r"\.env(?:\.[\w.-]+)?": "variables are read from it",
        r"(?:[^/]+/)*__mocks__/.+": "it stands in for another module",
        r"(?:[^/]+/)*__snapshots__/.+|[^/]+\.snap": "what tests expect is kept in it",
        r"(?:[^/]+/)*node_modules/.+": "it lies where installed packages do",
        r"(?:[^/]+/)*\.yarn/.+": "programs are started by it",
    }.items()
)  # fmt: skip

_NAMES_OTHERS = re.compile(
    r"(?:^|/)(?:jest|vitest|vite|\.mocharc|mocha\.opts|node\.config|\.?babel|\.swcrc|tsconfig|jsconfig|nyc|\.nyc)"
    r"[^/]*$|(?:^|/)package\.json$"
)
_KEYS = frozenset({
    "setupFiles", "setupFilesAfterEnv", "globalSetup", "globalTeardown", "testEnvironment", "environment", "reporters",
    "reporter", "transform", "moduleNameMapper", "snapshotSerializers", "snapshotEnvironment", "resolver", "runner",
    "testRunner", "testSequencer", "sequencer", "preset", "projects", "watchPlugins", "require", "import", "file",
    "extends", "alias", "paths", "loader", "experimental-loader", "node-option", "plugins", "presets", "diff",
    "customProviderModule", "testResultsProcessor", "prettierPath", "moduleLoader", "environmentMatchGlobs", "ui",
    "dependencyExtractor", "filter", "snapshotResolver", "snapshotFormat", "configFile", "spec",
})  # fmt: skip
"""Where settings name a file that is loaded around the tests, even one among the sources."""

_IMPORT = re.compile(
    r"""(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*|\brequire\.resolve\s*\(\s*)(['"])(\.{1,2}/[^'"\n]{0,500}|\.{1,2})\1"""
)
_QUOTED = re.compile(r"""['"`]((?:[^'"`\\\n]|\\.){1,500})['"`]""")
_WORDS = re.compile(r"[^\s'\",\[\]]{2,500}")
_ENDINGS = ("", *syntax.JAVASCRIPT, ".json", ".node")
_TEST_LIKE = re.compile(r"(?:^|/)(?:__tests__|__mocks__|tests?|specs?|testing|test[-_]utils?|fixtures|support)/")
_MOST = 2000
"""Files looked into at most; a project whose setup is larger has all its own files near tests taken for it."""


def around_javascript(files: Files) -> dict[str, str]:
    """Every file that runs around the tests, with the reason: what the tools read, what it names, what that imports.

    package.json is not among them: of that only `PACKAGE_KEYS` count.
    """
    found = {path: why for path in files.paths for pattern, why in BY_NAME if pattern.search(path)}
    starts = [path for path in files.paths if _NAMES_OTHERS.search(path) and "node_modules/" not in path]
    for path in starts:
        for named in _named(path, files):
            found.setdefault(named, f"{path} names it")
    return found | _imported([path for path in found if path.endswith(syntax.JAVASCRIPT)], files, found)


def module_of(path: str) -> str:
    """What an import calls a file, less the endings that it may leave out: two files of one module hide each other."""
    ending = next((each for each in syntax.JAVASCRIPT if path.endswith(each)), "")
    return path.removesuffix(ending).removesuffix("/index") if ending else path


def _named(path: str, files: Files) -> Iterator[str]:
    """The files that settings name: any outside of the sources, and one among them under a key that loads."""
    text = files.read(path)
    for word, loads in _words(path, text):
        folder = folder_of(path)
        inner = re.sub(r"^<rootDir>/?|^\$\{configDir\}/?", "./", word)
        for there in _files_at(joined(folder, inner), files):
            if loads or not files.is_source(there) or _TEST_LIKE.search(there):
                yield there


def _words(path: str, text: bytes) -> Iterator[tuple[str, bool]]:
    """Each text in settings, and whether it stands under a key that loads."""
    try:
        if path.endswith("package.json"):
            settings = from_json(text, dict[str, object])
            for key in PACKAGE_KEYS & settings.keys():
                yield from _in_json(settings[key], key == "scripts")
            return
        if path.endswith((".yml", ".yaml", ".opts", "rc")) and not text.lstrip().startswith(b"{"):
            yield from (
                (word.lstrip("-"), True) for word in _WORDS.findall(text[: syntax.LARGEST].decode("utf-8", "replace"))
            )
            return
        yield from _in_program(path, text)
    except (NotReadable, syntax.CannotBeRead):
        # What cannot be read names whatever it quotes.
        yield from ((word, True) for word in _QUOTED.findall(text[: syntax.LARGEST].decode("utf-8", "replace")))


def _in_json(value: object, loads: bool) -> Iterator[tuple[str, bool]]:
    waiting = [(value, loads)]
    while waiting:
        one, under = waiting.pop()
        if isinstance(one, str):
            yield from ((word.rpartition("=")[2], under) for word in (one, *one.split()))
        elif isinstance(one, dict):
            waiting += [(each, under or key in _KEYS) for key, each in one.items()]
        elif isinstance(one, list):
            waiting += [(each, under) for each in one]


def _in_program(path: str, text: bytes) -> Iterator[tuple[str, bool]]:
    """The strings of a program, or of JSON with comments, which is one expression."""
    data = path.endswith((".json", ".jsonc", "rc"))
    name, whole = ("settings.js", b"(" + text.strip().removeprefix(b"\xef\xbb\xbf") + b")") if data else (path, text)
    root = syntax.tree(name, whole)
    for node in syntax.of_kinds(name, root, ("string", "template_string")).values():
        for one in node:
            keys = {
                syntax.written(up.child_by_field_name("key")).strip("'\"")
                for up in syntax.above(one)
                if up.type == "pair"
            }
            yield syntax.written(one)[1:-1], bool(keys & _KEYS)


def _files_at(place: str, files: Files) -> Iterator[str]:
    """The file that is meant by a place, with the endings a tool tries; of a pattern those in its folder."""
    if not place:
        return
    fixed = re.split(r"[*$(\[{?\\]", place)[0]
    if fixed != place:
        folder = folder_of(fixed)
        yield from (path for path in files.below(folder) if folder and _TEST_LIKE.search(f"{folder}/"))
        return
    for ending in _ENDINGS:
        if place + ending in files.paths:
            yield place + ending
            return
    for ending in _ENDINGS[1:]:
        if f"{place}/index{ending}" in files.paths:
            yield f"{place}/index{ending}"
            return


def _imported(starts: list[str], files: Files, found: dict[str, str]) -> dict[str, str]:
    """`found` with what those files import of the project, as long as it is not under test itself."""
    more = dict(found)
    waiting = list(starts)
    for _ in range(_MOST):
        if not waiting:
            break
        path = waiting.pop()
        text = files.read(path)[: syntax.LARGEST].decode(errors="replace")
        for match in _IMPORT.finditer(text):
            for there in _files_at(joined(folder_of(path), match[2]), files):
                if there not in more and (not files.is_source(there) or _TEST_LIKE.search(there)):
                    more[there] = f"{path} imports it"
                    waiting.append(there)
    return more
