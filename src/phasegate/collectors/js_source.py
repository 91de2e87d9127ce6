"""What the text of a JavaScript or TypeScript test file tells: its imports, and in which call a line lies.

Read by patterns, not by a parser: whatever they do not recognise is unknown, and unknown is never a right reason.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from msgspec import Struct

_BYTES = 1 << 20
_CLAUSE = 1000
"""Characters of one import's names at most, so that no text takes long to read."""
_HOOKS = frozenset({"before", "after", "beforeEach", "afterEach", "beforeAll", "afterAll", "setup", "teardown"})
_CALL = re.compile(
    r"^(?P<indent>[ \t]*)(?:await\s+)?(?:\w+\.)?"
    r"(?P<name>beforeEach|afterEach|beforeAll|afterAll|before|after|setup|teardown|it|test|describe|suite|context|specify)"
    r"(?:\.\w+)*\s*[(`<]"
)
_FOCUS = re.compile(r"\b(?:it|test|describe|context|suite|specify)(?:\.\w+)*\.only\b|\bf(?:it|describe)\s*\(")
_FROM = re.compile(r"""[\s}]from\s*(?P<quote>['"])(?P<from>[^'"\n]{1,500})(?P=quote)""")
_REQUIRE = re.compile(
    r"""\b(?:const|let|var)\s+(?P<clause>[\w$]+|\{[^{}]{0,1000}\})\s*(?::[^=\n]{1,200})?=\s*(?:await\s+)?"""
    r"""(?:require|import)\s*\(\s*(?P<quote>['"])(?P<from>[^'"\n]{1,500})(?P=quote)\s*\)"""
)
_WHOLE = "*"


class Imported(Struct, frozen=True):
    """A name that a file imports: what it is called there, what it is called at home (`*`: the module), and whence."""

    local: str
    name: str
    specifier: str


class Source(Struct, frozen=True):
    """The text of one test file."""

    text: str

    @classmethod
    def of(cls, path: str) -> Source:
        """The text of the file; none when it cannot be read, or is too long to be written by hand."""
        try:
            with open(path, "rb") as file:
                content = file.read(_BYTES + 1)
        except (OSError, ValueError):
            content = b""
        return cls(content.decode(errors="replace") if len(content) <= _BYTES else "")

    @property
    def focuses(self) -> bool:
        """Whether it chooses some of its tests (`it.only`)."""
        return _focuses(self.text)

    @property
    def imports(self) -> tuple[Imported, ...]:
        """Every name it imports or requires."""
        return _imports(self.text)

    def made_by(self, name: str) -> tuple[str, ...]:
        """The classes that `name` is made an instance of, where it is never anything else."""
        assigned = re.findall(rf"(?<![\w$.]){re.escape(name)}\s*(?::[^=\n]{{1,200}})?=(?!=|>)\s*(.*)", self.text)
        made = [re.match(r"(?:await\s+)?new\s+([\w$.]+)\s*[(<;]", value) for value in assigned]
        return tuple(match[1] for match in made if match) if all(made) else ()

    def in_hook(self, line: int) -> bool:
        """Whether the line (from 1) lies in a hook, by what is called above it with less indentation."""
        lines = self.text.split("\n")[:line]
        if not lines or len(lines) < line:
            return False
        width = _width(lines[-1])
        for at, text in enumerate(reversed(lines)):
            called = _CALL.match(text)
            if called and (at == 0 or _width(text) < width):
                return called["name"] in _HOOKS
        return False


@functools.lru_cache(maxsize=16)
def _focuses(text: str) -> bool:
    return _FOCUS.search(text) is not None


@functools.lru_cache(maxsize=16)
def _imports(text: str) -> tuple[Imported, ...]:
    found = [(_clause_before(text, match.start() + 1), match["from"], False) for match in _FROM.finditer(text)]
    found += [(match["clause"], match["from"], True) for match in _REQUIRE.finditer(text)]
    return tuple(each for clause, specifier, required in found for each in _names(clause, specifier, required))


def _clause_before(text: str, end: int) -> str:
    """What stands between `import` and the `from` at `end`; "" when that is no import."""
    before = text[max(0, end - _CLAUSE) : end]
    _, word, clause = before.rpartition("import")
    return clause.strip().removeprefix("type ") if word and re.fullmatch(r"[\w$\s{},*]*", clause) else ""


def _width(line: str) -> int:
    return len(line) - len(line.lstrip())


def _names(clause: str, specifier: str, required: bool) -> Iterator[Imported]:
    braces = re.search(r"\{([^{}]*)\}", clause)
    for part in braces[1].split(",") if braces else ():
        words = [
            word for word in re.split(r"\s*:\s*|\s+as\s+|\s+", part.split("=")[0].strip()) if word and word != "type"
        ]
        if words:
            yield Imported(words[-1], words[0], specifier)
    rest = re.sub(r"\{[^{}]*\}", "", clause)
    for part in rest.split(","):
        words = part.split()
        if len(words) == 3 and words[:2] == ["*", "as"]:
            yield Imported(words[2], _WHOLE, specifier)
        elif len(words) == 1:
            yield Imported(words[0], _WHOLE if required else "default", specifier)
