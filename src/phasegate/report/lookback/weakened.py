"""Tests that were deleted, switched off or made to check less; said only where nothing else explains it."""

from __future__ import annotations

import ast
import operator
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Literal

import msgspec

from phasegate.plain import line
from phasegate.ratchets import languages
from phasegate.ratchets.suites import Check, Suite, Test, Unreadable
from phasegate.report.lookback.commands import is_code
from phasegate.report.lookback.seen import Change, Commit

LARGEST = 400_000
"""Characters of a test file that are compared; a larger one is not."""

_PYTHON = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|tests?)\.py$|(?:^|/)tests?/(?:[^/]+/)*[^/]+\.py$")
_JAVASCRIPT = re.compile(r"\.(?:test|spec|cy|e2e)\.[cm]?[jt]sx?$|(?:^|/)__tests__/(?:[^/]+/)*[^/]+\.[cm]?[jt]sx?$")
_ELSEWHERE = re.compile(
    r"(?:^|/)(?:fixtures?|testdata|test_data|data|vendor|third_party|node_modules|examples?|templates?)/"
)
_TOLD = re.compile(
    r"\b(?:re)?mov(?:e|es|ed|ing)\b|\bremov\w*|\bdelet\w*|\bdrop\w*|\bdeprecat\w*|\brevert\w*|\bmigrat\w*|\breplac\w*|\brewr\w*"
    r"|\brefactor\w*|\bconsolidat\w*|\bsplit\w*|\bmerg\w*|\brenam\w*|\bclean\w*|\bprun\w*|\bstrip\w*|\bsimplif\w*"
    r"|\bdisabl\w*|\bskip\w*|\bxfail\w*|\bflak\w*|\bquarantin\w*|\bunused\b|\bobsolete\b|\bdead\b|\bdedup\w*|\bredundan\w*"
    r"|\brelocat\w*|\bretir\w*|\bextract\w*|\breorgani[sz]\w*|\brestructur\w*|\bport(?:ed|ing)?\b|\bsupersed\w*"
    r"|\bget rid\b|\brelax\w*|\bloosen\w*",
    re.IGNORECASE,
)
_SWITCHES = re.compile(r"skip|xfail|only|expectedFailure|todo|fixme|\b[fx](?:it|test|describe)\b", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
_ORDER = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}

Kind = Literal["deleted", "off", "alone", "fewer", "weaker"]


class Weakening(msgspec.Struct, frozen=True):
    """One test that checks less than it did. `line` is in the new file; in the old one when `kind` is deleted."""

    kind: Kind
    path: str
    test: str
    line: int
    words: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.path, self.test


def is_test_file(path: str) -> bool:
    return bool(
        path.endswith("_test.go") or _PYTHON.search(path) or _JAVASCRIPT.search(path)
    ) and not _ELSEWHERE.search(path)


def suite_of(path: str, text: str) -> Suite | None:
    """The tests of a file; None when it cannot be read, is too large, or is in another language."""
    if len(text) > LARGEST:
        return None
    try:
        return languages.suite_of(path, text)
    except Unreadable:
        return None


def weakenings(commit: Commit) -> tuple[Weakening, ...]:
    """What `commit` took from the tests and what it does not explain."""
    if not any(_could_weaken(change) for change in commit.changes):
        return ()
    pairs = [(change, *_suites(change)) for change in commit.changes if is_test_file(change.path)]
    around = _Around(commit, [(old, new) for _, old, new in pairs if old is not None and new is not None])
    found = [item for change, old, new in pairs if old and new for item in _compared(change, old, new, around)]
    return tuple(found)


def _could_weaken(change: Change) -> bool:
    """Whether a test file lost a line, or gained one that switches something off: the rest need not be read closely."""
    if change.before == change.after or not is_test_file(change.path):
        return False
    old, new = Counter((change.before or "").splitlines()), Counter((change.after or "").splitlines())
    return bool(old - new) or any(_SWITCHES.search(text) for text in new - old)


class _Around:
    """What else the commit did: tests it added anywhere, names it took out of the code, what its message says."""

    def __init__(self, commit: Commit, pairs: Iterable[tuple[Suite, Suite]]) -> None:
        pairs = tuple(pairs)
        self.whole = commit.complete
        self.told = bool(_TOLD.search(commit.message))
        self.added = {_last(n) for old, new in pairs for n in new.tests.keys() - old.tests.keys()}
        self.added_lines = Counter(text for old, new in pairs for text in (_every(new) - _every(old)))
        self._tests = [change for change in commit.changes if is_test_file(change.path)]
        self._sources = [change for change in commit.changes if not is_test_file(change.path)]
        self.source_deleted = any(change.kind == "deleted" for change in self._sources)
        self.changed = [
            Counter(test.lines)
            for old, new in pairs
            for name, test in new.tests.items()
            if name not in old.tests or old.tests[name].lines != test.lines
        ]

    @cached_property
    def shrunk(self) -> bool:
        """Whether the code became shorter: what the tests were for may be gone."""
        return sum(_longer(change) for change in self._sources if is_code(change.path)) < 0

    def named(self, test: Test) -> bool:
        """Whether the title of a JavaScript test still stands in a test file, outside of comments: called otherwise."""
        title = test.name.rpartition(" > ")[2]
        return bool(title) and any(title in text for text in self._texts)

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return tuple(_COMMENT.sub("", change.after) for change in self._tests if change.after)

    @cached_property
    def gone(self) -> frozenset[str]:
        """Words that the code lost; asked for only when something was taken from a test."""
        return frozenset(word for change in self._sources for word in _gone(change))

    @cached_property
    def less(self) -> frozenset[str]:
        """Words that the code has less often than before."""
        return frozenset(word for change in self._sources for word in _less(change))


def _suites(change: Change) -> tuple[Suite | None, Suite | None]:
    old = Suite({}) if change.before is None and change.kind == "added" else _read(change.before_path, change.before)
    new = Suite({}) if change.after is None and change.kind == "deleted" else _read(change.path, change.after)
    return old, new


def _read(path: str, text: str | None) -> Suite | None:
    return suite_of(path, text) if text is not None else None


def _compared(change: Change, old: Suite, new: Suite, around: _Around) -> Iterator[Weakening]:
    path = change.path
    if not around.told:
        yield from _deleted(change, old, new, around)
    if new.off and not old.off and not around.told and old.tests:
        yield Weakening("off", path, "every test of the file", new.off_line, new.off)
    for name, test in new.tests.items():
        before = old.tests.get(name)
        if test.alone and (before is None or not before.alone):
            yield Weakening("alone", path, name, test.line, f"{test.alone}: no other test of the file runs")
        if before is None or around.told:
            continue
        if test.off and not before.off and not old.off:
            yield Weakening("off", path, name, test.off_line or test.line, test.off)
        yield from _checks(change, before, test, around)


def _deleted(change: Change, old: Suite, new: Suite, around: _Around) -> Iterator[Weakening]:
    """Tests that are gone. Not sure, and so silent: when tests were added beside them, or what they tested is gone."""
    gone = [test for name, test in old.tests.items() if name not in new.tests and not test.off]
    grown = any(len(test.lines) > len(old.tests[name].lines) for name, test in new.tests.items() if name in old.tests)
    if not gone or around.added or grown or around.shrunk or not around.whole:
        return
    others = frozenset(word for test in new.tests.values() for word in test.words())
    if not change.path.endswith((".py", ".go")):
        gone = [test for test in gone if not around.named(test)]
    gone = [test for test in gone if test.checks and not _explained(test, others, around) and not _moved(test, around)]
    if change.kind == "deleted":
        if len(gone) == len(old.tests) and not around.source_deleted:
            yield Weakening("deleted", change.path, "", 0, f"the file with its {_tests(len(gone))}")
        return
    for test in gone:
        yield Weakening("deleted", change.path, test.name, test.line, _first_check(test))


def _explained(test: Test, others: frozenset[str], around: _Around) -> bool:
    """Whether the code lost a word of this test, or has less of one that only this test uses."""
    words = test.words()
    return bool(words & around.gone or (words - others) & around.less)


def _moved(test: Test, around: _Around) -> bool:
    """Whether most of this test stands in tests that were added or changed."""
    lines = Counter(test.lines)
    return any((lines & other).total() * 2 > lines.total() for other in (around.added_lines, *around.changed))


def _checks(change: Change, old: Test, new: Test, around: _Around) -> Iterator[Weakening]:
    kept = {check.words for check in new.checks}
    known = {check.words for check in old.checks}
    lost = [check for check in old.checks if check.words not in kept]
    fresh = [check for check in new.checks if check.words not in known]
    if not lost or len(new.checks) > len(old.checks):
        return
    for check in lost:
        weaker = next((other for other in fresh if _weaker(check, other)), None)
        if weaker is not None and not _still_pinned(check, new):
            yield Weakening("weaker", change.path, new.name, weaker.line, f"{check.words} → {weaker.words}")
            return
    pure = not Counter(new.lines) - Counter(old.lines)
    left = frozenset(re.findall(r"\w+", change.after or ""))
    lost = [check for check in lost if not around.added_lines[check.words] and not _mentions(check, around.gone)]
    lost = [check for check in lost if left.issuperset(re.findall(r"[A-Za-z_]\w{2,}", check.subject))]
    if pure and lost and not fresh and not around.added and around.whole:
        yield Weakening("fewer", change.path, new.name, new.line, f"without {lost[0].words}")


def _weaker(old: Check, new: Check) -> bool:
    """Whether whatever passes `old` passes `new`, which lets more pass. Not sure: no."""
    if new.op == "empty":
        return old.op != "empty"
    if old.op != "==" or new.about != old.about or old.value in ("None", "null", "nil", "undefined"):
        return False
    known, wanted = _literal(old.value), _literal(new.value)
    if isinstance(known, bool):
        return False
    if new.op in _ORDER:
        if isinstance(known, int | float) and isinstance(wanted, int | float):
            return bool(_ORDER[new.op](known, wanted))
        return new.op in (">=", "<=") and old.value == new.value
    if new.op == "has":
        return isinstance(known, str) and isinstance(wanted, str) and wanted in known
    if new.op == "in":
        return isinstance(wanted, tuple | list | set) and known is not None and known in wanted
    return new.op == "something" or (new.op == "true" and (known is None or bool(known)))


def _still_pinned(lost: Check, new: Test) -> bool:
    return any(check.op == "==" and lost.subject in check.subject for check in new.checks)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text[:1000])
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _mentions(check: Check, gone: frozenset[str]) -> bool:
    return bool(set(re.findall(r"\w+", check.words)) & gone)


def _gone(change: Change) -> set[str]:
    """Names that this change took out of the code: a test of one of them had to go."""
    before, after = (change.before or "")[:LARGEST], (change.after or "")[:LARGEST]
    left = set(re.findall(r"\w{3,}", after))
    return set(re.findall(r"\w{3,}", before)) - left


def _longer(change: Change) -> int:
    return (change.after or "").count("\n") - (change.before or "").count("\n")


def _less(change: Change) -> set[str]:
    """Words that the code has less often than before."""
    before, after = (change.before or "")[:LARGEST], (change.after or "")[:LARGEST]
    return set(Counter(re.findall(r"\w{5,}", before)) - Counter(re.findall(r"\w{5,}", after)))


def _every(suite: Suite) -> Counter[str]:
    lines = Counter(text for test in suite.tests.values() for text in test.lines)
    return lines + Counter(check.words for test in suite.tests.values() for check in test.checks)


def _first_check(test: Test) -> str:
    return f"it checked {line(test.checks[0].words, 100)}" if test.checks else ""


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _tests(count: int) -> str:
    return "1 test" if count == 1 else f"{count} tests"
