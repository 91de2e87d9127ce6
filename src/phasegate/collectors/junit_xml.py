"""Reads JUnit's XML as many tools write it: each test case, and whether the report agrees with itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from phasegate.collectors.coverage_formats.reading import UnreadableReport
from phasegate.collectors.coverage_formats.xml import Begin, End, stream

MOST_CASES = 200_000
Word = Literal["passed", "failed", "error", "skipped"]
_MESSAGE = 4000
_SAYS_NOTHING = frozenset(
    """
    properties property system-out system-err rerunFailure rerunError flakyFailure flakyError stackTrace attachments
    attachment
    """.split()
)
_RAN = frozenset({"", "run", "passed", "pass", "success", "successful", "succeeded", "ok", "completed", "executed"})
_DID_NOT_RUN = frozenset(
    "notrun disabled skipped skip ignored suppressed pending untested inconclusive todo xfail".split()
)
_WENT_WRONG = frozenset("failed failure fail error errored broken undefined timeout timedout xpass".split())
_RED: Mapping[str, Word] = {"failure": "failed", "error": "error"}


class Case(Struct, frozen=True):
    """One test case. `suites` are the names of those it lies in, outermost first; `again` that it was tried again."""

    name: str
    classname: str
    suites: tuple[str, ...]
    file: str
    line: int
    seconds: float
    word: Word
    type: str = ""
    message: str = ""
    again: bool = False


class Report(Struct, frozen=True):
    """The cases of one report, and what in it is wrong."""

    cases: tuple[Case, ...]
    problem: str = ""


class _Suite:
    """A suite while it is read: what it says of its cases, and what they come to."""

    def __init__(self, name: str, attributes: Mapping[str, str]) -> None:
        self.name = attributes.get("name", "") if name == "testsuite" else ""
        self.file, self.says = attributes.get("file", ""), attributes
        self.all: list[Case] = []
        self.elements = self.own = self.own_red = self.suites = self.red_suites = 0

    def take(self, case: Case, elements: int) -> None:
        """A case that lies in it; `elements` is how often it says that it failed."""
        self.all.append(case)
        self.elements += elements
        self.own += 1
        self.own_red += _is_red(case)

    def take_suite(self, inner: _Suite) -> None:
        self.all += inner.all
        self.elements += inner.elements
        self.suites += 1
        self.red_suites += any(map(_is_red, inner.all))

    def problem(self) -> str:
        """The first count that its cases do not come to, in any way that tools count: own or all, elements, suites."""
        tests, red = _count(self.says, "tests"), [_count(self.says, "failures"), _count(self.says, "errors")]
        name = self.name[:100] or "without a name"
        if tests is not None and tests not in {
            self.own, len(self.all), len({_key(case) for case in self.all}), self.own + self.suites,
        }:  # fmt: skip
            return f"the suite {name} says it has {tests} tests, and {len(self.all)} are in the report"
        said, have = sum(each or 0 for each in red), sum(map(_is_red, self.all))
        if red != [None, None] and said not in {have, self.elements, self.own_red, self.own_red + self.red_suites}:
            return f"the suite {name} says that {said} tests failed, and {have} are in the report"
        return ""


def _is_red(case: Case) -> bool:
    return case.word in ("failed", "error")


class _Reader:
    def __init__(self) -> None:
        self.suites: list[_Suite] = []
        self.cases: list[Case] = []
        self.case: Begin | None = None
        self.said: list[tuple[Begin, str]] = []
        self.inside: list[Begin] = []

    def begin(self, event: Begin) -> None:
        match event.name:
            case _ if self.case is not None:
                if self.inside and _tells_red(event) and self.inside[-1].name not in _RED:
                    raise UnreadableReport(f"a test case says <{event.name[:40]}> in its <{self.inside[-1].name[:40]}>")
                self.inside.append(event)
            case "testsuites" | "testsuite":
                self.suites.append(_Suite(event.name, event.attributes))
            case "testcase":
                if not self.suites:
                    raise UnreadableReport("a test case lies outside of any suite")
                self.case, self.said = event, []
            case _ if not self.suites:
                raise UnreadableReport(f"the report is no JUnit report: it begins with <{event.name[:40]}>")
            case _ if _tells_red(event):
                raise UnreadableReport(f"a suite says <{event.name[:40]}> itself, of no test case")

    def end(self, event: End) -> None:
        if self.inside:
            begun = self.inside.pop()
            if not self.inside:
                self.said.append((begun, event.text))
        elif self.case is not None and event.name == "testcase":
            self._take(self.case)
            self.case = None
        elif event.name in ("testsuites", "testsuite"):
            suite = self.suites.pop()
            problem = suite.problem()
            if problem:
                raise UnreadableReport(problem)
            if self.suites:
                self.suites[-1].take_suite(suite)

    def _take(self, begun: Begin) -> None:
        if len(self.cases) >= MOST_CASES:
            raise UnreadableReport(f"the report has more than {MOST_CASES} test cases")
        strange = next((child.name for child, _ in self.said if not _is_known(child.name)), "")
        if strange:
            raise UnreadableReport(f"a test case says <{strange[:40]}>, and what that means is not known")
        word = next(
            (word for word in _own_words(begun.attributes) if word not in _RAN | _DID_NOT_RUN | _WENT_WRONG), ""
        )
        if word:
            raise UnreadableReport(f"a test case says that it came to {word[:40]!r}, and what that means is not known")
        case = _case(begun.attributes, self.suites, self.said)
        self.cases.append(case)
        self.suites[-1].take(case, sum(child.name in _RED for child, _ in self.said))


def read_junit(content: bytes) -> Report:
    """Its cases up to the first thing that is wrong."""
    reader = _Reader()
    try:
        for event in stream(content):
            if isinstance(event, Begin):
                reader.begin(event)
            else:
                reader.end(event)
    except UnreadableReport as failure:
        return Report(tuple(reader.cases), failure.message)
    return Report(tuple(reader.cases))


def _case(own: Mapping[str, str], suites: Sequence[_Suite], said: Sequence[tuple[Begin, str]]) -> Case:
    word, type, message = _verdict(own, said)
    file = own.get("file", "") or next((suite.file for suite in reversed(suites) if suite.file), "")
    return Case(
        own.get("name", ""), own.get("classname", "") or own.get("class", ""),
        tuple(suite.name for suite in suites if suite.name), file, _whole(own.get("line", "")),
        _seconds(own.get("time", "")), word, type, message,
        again=any(child.name.startswith(("rerun", "flaky")) for child, _ in said),
    )  # fmt: skip


def _verdict(own: Mapping[str, str], said: Sequence[tuple[Begin, str]]) -> tuple[Word, str, str]:
    """An error speaks before a failure, a failure before a skip."""
    for name in ("error", "failure"):
        found = next(((child, text) for child, text in said if child.name == name), None)
        if found:
            return _RED[name], *_words(*found)
    if not _WENT_WRONG.isdisjoint(_own_words(own)):
        return "failed", "", ""
    skipped = next(((child, text) for child, text in said if child.name == "skipped"), None)
    if skipped:
        return "skipped", *_words(*skipped)
    if not _DID_NOT_RUN.isdisjoint(_own_words(own)):
        return "skipped", "", own.get("status", "")
    return "passed", "", ""


def _own_words(own: Mapping[str, str]) -> tuple[str, str]:
    """What a case says of itself beside its elements; some tools write both."""
    return own.get("status", "").strip().lower(), own.get("result", "").strip().lower()


def _tells_red(element: Begin) -> bool:
    return element.name.rpartition(":")[2].lower() in _RED


def _words(child: Begin, text: str) -> tuple[str, str]:
    message = child.attributes.get("message", "").strip()
    rest = text.strip()
    whole = rest if rest.startswith(message) else f"{message}\n{rest}".strip()
    return child.attributes.get("type", "")[:200], whole[:_MESSAGE]


def _is_known(child: str) -> bool:
    return child in _SAYS_NOTHING or child in _RED or child == "skipped"


def _key(case: Case) -> tuple[str, str, str, tuple[str, ...]]:
    return case.name, case.classname, case.file, case.suites


def _count(attributes: Mapping[str, str], name: str) -> int | None:
    text = attributes.get(name, "").strip()
    if not text:
        return None
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise UnreadableReport(f"a suite says {name}={text[:40]!r}, which is no number")
    return int(text)


def _whole(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else 0


def _seconds(text: str) -> float:
    """Some write `1,234.5`; a time decides nothing."""
    plain = text.replace(",", "")
    return float(plain) if re.fullmatch(r"\d{1,9}(?:\.\d{1,12})?", plain, re.ASCII) else 0.0


def names(case: Case) -> Iterator[str]:
    """The parts of its name between file and test: the class, or the suites where that says nothing."""
    if case.classname and case.classname not in ("test", case.file):
        yield case.classname
    else:
        yield from case.suites
