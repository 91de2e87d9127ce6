"""Which languages a repository is written in, by the names of its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from phasegate.adoption.look import Look

SUFFIXES: Mapping[str, str] = {
    ".py": "Python", ".pyi": "Python", ".pyw": "Python", ".js": "JavaScript", ".mjs": "JavaScript",
    ".cjs": "JavaScript", ".jsx": "JavaScript", ".ts": "TypeScript", ".mts": "TypeScript", ".cts": "TypeScript",
    ".tsx": "TypeScript",
    ".go": "Go", ".rs": "Rust", ".java": "Java", ".kt": "Kotlin", ".kts": "Kotlin", ".scala": "Scala", ".cs": "C#",
    ".fs": "F#", ".rb": "Ruby", ".php": "PHP", ".c": "C", ".h": "C", ".cc": "C++", ".cpp": "C++", ".hpp": "C++",
    ".swift": "Swift", ".ex": "Elixir", ".exs": "Elixir", ".erl": "Erlang", ".hs": "Haskell", ".lua": "Lua",
    ".sh": "Shell", ".pl": "Perl", ".r": "R", ".jl": "Julia", ".dart": "Dart", ".zig": "Zig",
}  # fmt: skip


class Language(Struct, frozen=True):
    """A language and how many files are written in it."""

    name: str
    files: int


def languages(look: Look) -> tuple[Language, ...]:
    """The most used first."""
    counted = Counter(name for path in look.paths if (name := of_file(path)))
    return tuple(Language(name, files) for name, files in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def of_file(path: str) -> str:
    """The language of a file by its name; "" when that tells none."""
    return SUFFIXES.get(_suffix(path), "")


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[name.rfind(".") :].lower() if "." in name else ""
