"""Comments by which code asks coverage tools to look away, put where they were not."""

from __future__ import annotations

import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator

from phasegate.ratchets.grammar import comments, parsed, text
from phasegate.ratchets.languages import is_collected
from phasegate.ratchets.suites import Unreadable
from phasegate.ratchets.weakening import Change, Weakening

PYTHON = re.compile(r"#\s*pragma:\s*no\s?(?:cover|branch)", re.IGNORECASE)
SCRIPT = re.compile(r"\b(?:istanbul|c8|v8)\s+ignore\b|\bnode:coverage\s+(?:disable|ignore)\b")
SCRIPTS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
USUAL = re.compile(
    r"\s*(?:if (?:typing\.)?TYPE_CHECKING\b|if __name__ ==|@(?:typing\.)?overload\b|except ImportError"
    r"|import |from \S+ import )"
)
"""What is commonly left out, for no test could run it."""
LARGEST = 1 << 20


def concerns(path: str) -> bool:
    """Whether a file may hold such comments; in tests they hide nothing."""
    return path.endswith((".py", *SCRIPTS)) and not is_collected(path)


def omissions(changes: Iterable[Change]) -> Iterator[Weakening]:
    """Such comments that came to code that was there. New code is judged by its coverage: it counts as not run."""
    changes = [change for change in changes if concerns(change.path)]
    known = Counter(words for change in changes for words, _ in _asked(change.path, change.before))
    for change in changes:
        if change.before is None:
            continue
        was = {_code(row) for row in _rows(change.before)}
        for words, line in _asked(change.path, change.after):
            if known[words]:
                known[words] -= 1
            elif not USUAL.match(words) and (_code(words) in was or words.rstrip().endswith(":") or not _code(words)):
                yield Weakening("coverage-omitted", change.path, line, "", "", words.strip()[:200])


def _rows(content: bytes) -> list[str]:
    return content[:LARGEST].decode("utf-8", "replace").splitlines()


def _code(row: str) -> str:
    """A line without the comment at its end."""
    return re.sub(r"\s*(?:#|//|/\*).*", "", row).strip()


def _asked(path: str, content: bytes | None) -> Iterator[tuple[str, int]]:
    """The lines with such comments."""
    pattern = PYTHON if path.endswith(".py") else SCRIPT
    if content is None or not pattern.search(content[:LARGEST].decode("utf-8", "replace")):
        return
    rows = _rows(content)
    for number in sorted(_lines(path, content, rows, pattern)):
        if 0 < number <= len(rows):
            yield rows[number - 1], number


def _lines(path: str, content: bytes, rows: list[str], pattern: re.Pattern[str]) -> set[int]:
    try:
        if path.endswith(".py"):
            tokens = tokenize.generate_tokens(iter([*(f"{row}\n" for row in rows), ""]).__next__)
            return {t.start[0] for t in tokens if t.type == tokenize.COMMENT and pattern.search(t.string)}
        root = parsed("tsx", content)
        return {int(node.start_point[0]) + 1 for node in comments(root) if pattern.search(text(node))}
    except (tokenize.TokenError, SyntaxError, ValueError, Unreadable, StopIteration):
        return {number for number, row in enumerate(rows, 1) if pattern.search(row)}
