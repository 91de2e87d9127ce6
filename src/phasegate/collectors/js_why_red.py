"""Why a red JavaScript or TypeScript test is red, in the words of `evidence.tests`. Doubt is never a right reason.

The first rule that fits decides:

* `timeout`: the tool says that a time limit was exceeded.
* `fixture`: a hook failed (`beforeEach`, `after`, ...), as the tool says or as the place in the test's file shows.
* `missing_name`: an import of a file of ours that is not there, or of a name that it does not export; a call of
  something that the test's file imports from a file of ours, or of a method of a class of ours, that *is not a
  function*; a `ReferenceError` thrown by our code. A relative import is ours when it leads below the source roots, an
  import by an alias no package can have (`@/x`, `~/x`, `#x`) or by the project's own name is ours too.
* `import_of_test`: any other module that cannot be found.
* `syntax_of_test`: a file that cannot be parsed or does not type-check, unless that file is ours (`collection`).
* `assertion`: an `AssertionError`, a failed matcher, too few `expect` calls; not a snapshot that was never written.
* `raised_by_code`: the error came from, or through, a file of ours.
* `other`, and for a file that cannot be loaded `collection`.

*Ours* is what lies below the source roots and is neither a test, nor below node_modules.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from msgspec import Struct

from phasegate.collectors.js_frames import Thrown
from phasegate.collectors.js_seen import real
from phasegate.collectors.js_source import Imported, Source
from phasegate.evidence.tests import Cause
from phasegate.foreign import NotReadable, from_json

_PACKAGE_BYTES = 1 << 20
_FOREIGN = frozenset({"node_modules", ".yarn", "bower_components"})
_TEST_FOLDERS = frozenset(
    "test tests __tests__ __test__ __mocks__ __fixtures__ spec specs e2e cypress fixtures testing".split()
)
_TEST_FILE = re.compile(
    r"[._-](?:test|tests|spec|specs|e2e|cy|stories|bench|config|setup|mock)(?:\.|$)|^(?:test|spec|setup)[._-]|^tests?\.",
    re.IGNORECASE,
)
_TIMEOUTS = re.compile(
    r"^(?:thrown: \"?)?Exceeded timeout of |^(?:Test|Hook) timed out in |^Timeout of \d+ms exceeded|"
    r"^test timed out after "
)
_NOT_FOUND = re.compile(
    r"(?:Cannot find (?:module|package)|Failed to resolve import|Failed to load url|Could not resolve)"
    r"\s+['\"](?P<what>[^'\"]+)['\"]"
    r"(?:.*?(?:imported from|from|\(resolved id:.*?\) in)\s+['\"]?(?P<by>[^'\"\s]+?)['\"]?(?=[\s.,?]|$))?"
)
_NO_EXPORT = re.compile(
    r"The requested module ['\"](?P<what>[^'\"]+)['\"] (?:does not provide an export named|is a CommonJS module)"
)
_NO_MEMBER = re.compile(r"TS2(?:305|614|724): .*?['\"]+(?P<what>[^'\"]+)['\"]+ has no exported member")
_NO_TYPES = re.compile(r"TS2307: Cannot find module ['\"](?P<what>[^'\"]+)['\"]")
_TYPE_ERROR = re.compile(r"\bTS\d{4}: ")
_NOT_CALLABLE = re.compile(
    r"^(?:\(0 ?, (?P<inner>[\w$.]+)\)|(?P<outer>[\w$.]+))(?:\(\.\.\.\))? is not a (?:function|constructor)"
)
_CLAIM = re.compile(r"^(?:expect(?:\.\w+)*\(|assert(?:\.\w+)*\(|expected (?:any )?number of assertions? )")
_UNWRITTEN = re.compile(r"New snapshot was not written|is not written|Snapshot .* mismatched")
_SYNTAX = re.compile(
    r"SyntaxError|Unexpected token|Transform failed|Parse failure|PARSE_ERROR|Failed to parse source|"
    r"Expected .* but found"
)


class Ours(Struct, frozen=True):
    """The code under test: real paths of the source roots, and the names by which the project imports itself."""

    root: str
    roots: tuple[str, ...]
    names: frozenset[str]

    def owns_file(self, path: str) -> bool:
        """Whether `path` is source below a root, and no test of it."""
        place = real(path)
        inside = [os.path.relpath(place, root) for root in self.roots if place and _below(place, root)]
        return any(_is_code(relative.split(os.sep)) for relative in inside)

    def owns_import(self, specifier: str, importer: str) -> bool:
        """Whether an import of `specifier` in the file `importer` means a file of ours, there or not."""
        wanted = specifier.split("?")[0].removeprefix("file://")
        if wanted.startswith(("./", "../")) or wanted in (".", ".."):
            return bool(importer) and self.owns_file(os.path.join(os.path.dirname(importer), wanted))
        if wanted.startswith("/"):
            return self.owns_file(wanted) or self.owns_file(os.path.join(self.root, wanted.lstrip("/")))
        if wanted.startswith(("@/", "~/", "#")):
            return _is_code(wanted.split("/"))
        named = any(wanted == name or wanted.startswith(name + "/") for name in self.names)
        return named and _is_code(wanted.split("/"))


class Red(Struct, frozen=True):
    """A red test, or with `loading` a file that could not be loaded: what was thrown first, where, around what."""

    error: Thrown
    file: str
    source: Callable[[str], Source]
    hook: bool = False
    timeout: bool = False
    loading: bool = False


def ours_in(root: str, source_roots: tuple[str, ...]) -> Ours:
    """What lies below `source_roots` (relative to `root`, or absolute), and the project's own name."""
    roots = tuple(real(os.path.join(root, source)) for source in source_roots)
    return Ours(real(root), roots, _own_name(root))


def cause_of(red: Red, ours: Ours) -> Cause:
    """Why it is red, by the rules above."""
    error = red.error
    if red.timeout or _TIMEOUTS.search(error.message) or error.code == "ERR_MOCHA_TIMEOUT":
        return "timeout"
    if red.hook or _in_hook(red, ours):
        return "fixture"
    importer = _importer(red, ours)
    if _lacks_a_name(red, importer, ours):
        return "missing_name"
    if _not_found(error):
        return "import_of_test"
    if red.loading:
        return _cause_in_loading(red, ours)
    if _UNWRITTEN.search(error.message):
        return "other"
    if error.asserted or error.name.startswith("AssertionError") or _CLAIM.match(error.message):
        return "assertion"
    return "raised_by_code" if any(ours.owns_file(file) for file, _ in error.frames) else "other"


def _cause_in_loading(red: Red, ours: Ours) -> Cause:
    error = red.error
    if (
        error.name == "SyntaxError"
        or _SYNTAX.search(f"{error.code} {error.message}")
        or _TYPE_ERROR.search(error.message)
    ):
        named = re.findall(r"(?:^|\s)(/[^\s:()]+|[\w./-]+\.[cm]?[jt]sx?)(?=[:\s(]|$)", error.message)
        places = [os.path.join(ours.root, path) for path in named] or [file for file, _ in error.frames[:1]]
        return "collection" if any(ours.owns_file(path) for path in places) else "syntax_of_test"
    return "collection"


def _in_hook(red: Red, ours: Ours) -> bool:
    """Whether the innermost place in the test's own file lies in a hook."""
    place = os.path.join(ours.root, red.file)
    lines = [line for file, line in red.error.frames if real(file) == real(place)]
    return bool(lines) and red.source(red.file).in_hook(lines[0])


def _importer(red: Red, ours: Ours) -> str:
    """The file that asked for what is not there: as the message says, else the innermost that is not the tool's."""
    found = _not_found(red.error)
    by = found["by"] if found is not None else None
    if by:
        return os.path.join(ours.root, by.removeprefix("file://"))
    places = [file for file, _ in red.error.frames if "node_modules" not in file.split(os.sep)]
    return places[0] if places else os.path.join(ours.root, red.file)


def _not_found(error: Thrown) -> re.Match[str] | None:
    return _NOT_FOUND.search(error.message)


def _lacks_a_name(red: Red, importer: str, ours: Ours) -> bool:
    """Whether the code under test lacks a file, an export or a function that was asked of it."""
    error = red.error
    for pattern in (_NOT_FOUND, _NO_EXPORT):
        found = pattern.search(error.message)
        if found:
            return ours.owns_import(found["what"], importer)
    if _TYPE_ERROR.search(error.message):
        return _lacks_by_type(error.message, os.path.join(ours.root, red.file), ours)
    innermost = error.frames[0][0] if error.frames else ""
    if error.name == "ReferenceError":
        return ours.owns_file(innermost)
    called = _NOT_CALLABLE.match(error.message)
    return called is not None and _is_asked_of_ours((called["inner"] or called["outer"]).split("."), red, ours)


def _lacks_by_type(message: str, importer: str, ours: Ours) -> bool:
    """Whether each thing the type checker complains of is a module or an export that ours lacks."""
    lacking = [*_NO_MEMBER.finditer(message), *_NO_TYPES.finditer(message)]
    owned = [found for found in lacking if ours.owns_import(found["what"].strip('"'), importer)]
    return bool(owned) and len(owned) == len(_TYPE_ERROR.findall(message))


def _is_asked_of_ours(names: list[str], red: Red, ours: Ours) -> bool:
    """Whether what is no function was imported from ours, or is a member of what was, or of an instance of it."""
    source, place = red.source(red.file), os.path.join(ours.root, red.file)
    innermost = red.error.frames[0][0] if red.error.frames else place
    if real(innermost) != real(place):
        return False
    mine = [each for each in source.imports if ours.owns_import(each.specifier, place)]
    others = [each for each in source.imports if each not in mine]
    holder, name = names[0], names[-1]
    if len(names) == 1 or holder.startswith(("_", "__vite")):  # a transpiler's name for the module
        return (_names_it(mine, name) and not _names_it(others, name)) or _calls_member(source, mine, name)
    if any(each.local == holder for each in mine):
        return True
    classes = source.made_by(holder)
    return bool(classes) and all(any(each.local == made.split(".")[0] for each in mine) for made in classes)


def _names_it(imports: list[Imported], name: str) -> bool:
    return any(name in (each.local, each.name) for each in imports)


def _calls_member(source: Source, mine: list[Imported], name: str) -> bool:
    holders = "|".join(re.escape(each.local) for each in mine)
    return bool(holders) and re.search(rf"\b(?:{holders})\.{re.escape(name)}\b", source.text) is not None


def _is_code(parts: list[str]) -> bool:
    return not any(part in _FOREIGN or part in _TEST_FOLDERS for part in parts) and not _TEST_FILE.search(parts[-1])


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


class _Package(Struct, frozen=True):
    name: str = ""


def _own_name(root: str) -> frozenset[str]:
    try:
        with open(os.path.join(root, "package.json"), "rb") as file:
            package = from_json(file.read(_PACKAGE_BYTES), _Package)
    except (OSError, NotReadable):
        return frozenset()
    return frozenset({package.name} - {""})
