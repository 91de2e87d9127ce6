"""The tests of JavaScript, TypeScript and Go files, found by tokens: enough to compare two versions of one file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from phasegate.report.lookback.suites import Check, Op, Suite, Test

_SKIPPED = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|`(?:\\.|[^`\\])*`", re.DOTALL
)
_JS_TEST = re.compile(
    r"(?<![\w.$])(?P<call>(?:x|f)?(?:it|test|describe|context|suite))(?P<how>(?:\.(?!each\b|extend\b)\w+)*)\s*\(\s*(?=[\"'`])"
)
_JS_EACH = re.compile(r"(?<![\w.$])(?:it|test|describe)(?:\.\w+)*\.(?:each|for)\s*[(`]")
_JS_NAME = re.compile(r"(\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)")
_JS_OPS: dict[str, Op] = {
    "toBe": "==", "toEqual": "==", "toStrictEqual": "==", "toHaveLength": "==", "toHaveBeenCalledTimes": "==",
    "toBeGreaterThanOrEqual": ">=", "toBeGreaterThan": ">", "toBeLessThanOrEqual": "<=", "toBeLessThan": "<",
    "toContain": "has", "toBeTruthy": "true", "toHaveBeenCalled": "true", "toBeDefined": "something",
    "toBeInstanceOf": "something",
}  # fmt: skip
_JS_SUBJECTS = {"toHaveLength": "length of ", "toHaveBeenCalledTimes": "calls of ", "toHaveBeenCalled": "calls of "}
_GO_OPS: dict[str, Op] = {
    "Equal": "==", "EqualValues": "==", "Exactly": "==", "Len": "==", "GreaterOrEqual": ">=", "Greater": ">",
    "LessOrEqual": "<=", "Less": "<", "Contains": "has", "NotNil": "something", "NotEmpty": "true", "NotZero": "true",
}  # fmt: skip
_GO_TEST = re.compile(r"^func (Test[A-Z_0-9]\w*)\(\s*(\w+)\s+\*testing\.T\s*\)\s*\{", re.MULTILINE)
_GO_CHECK = re.compile(
    r"(?<!\w)(?:[tT]\.(?:Errorf?|Fatalf?|Fail|FailNow)|(?:assert|require|is|qt|be)\.(?P<how>[A-Z]\w*))\("
)


def masked(text: str) -> str:
    """`text` with comments and the inside of strings blanked, every character at its place."""
    return _SKIPPED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def javascript_suite(text: str) -> Suite:
    """The tests of a jest, vitest, mocha or Playwright file, each named with the blocks around it."""
    bare = masked(text)
    blocks = [block for found in _JS_TEST.finditer(text) if (block := _block(text, bare, found)) is not None]
    tests: dict[str, Test] = {}
    for start, end, call, how, title in blocks:
        around = [block for block in blocks if block[0] < start and end <= block[1]]
        name = " > ".join([*(block[4] for block in around), title])
        alone = call + how if ".only" in how or call.startswith("f") else ""
        off = call + how if re.search(r"\.(?:skip|todo|fixme)\b", how) or call.startswith("x") else ""
        if not alone and call.lstrip("xf") not in ("it", "test"):
            continue
        inherited = next((block[2] + block[3] for block in around if ".skip" in block[3] or block[2][0] == "x"), "")
        line = text.count("\n", 0, start) + 1
        tests[name] = Test(name, line, _lines(text[start:end]), tuple(_js_checks(text, bare, start, end)),
                           off or inherited, alone, line)  # fmt: skip
    if _JS_EACH.search(bare):
        tests = {name: _as_table(test) for name, test in tests.items()}
    return Suite(tests)


def go_suite(text: str) -> Suite:
    """The tests of a Go file."""
    bare = masked(text)
    tests: dict[str, Test] = {}
    for found in _GO_TEST.finditer(bare):
        end = _closing(bare, found.end() - 1, "{", "}")
        body, first = text[found.end() : end], text.count("\n", 0, found.start()) + 1
        off, line = _go_off(bare, found.end(), end, found[2])
        tests[found[1]] = Test(found[1], first, _lines(body), tuple(_go_checks(text, bare, found.end(), end)),
                               off, "", line, "t.Run(" in body or "range " in body)  # fmt: skip
    return Suite(tests)


def _block(text: str, bare: str, found: re.Match[str]) -> tuple[int, int, str, str, str] | None:
    """A call that opens a test or a group: where it is, its words and its title; None inside a string or comment."""
    if bare[found.start()] == " ":
        return None
    named = _JS_NAME.match(text, found.end())
    if named is None:
        return None
    end = _closing(bare, bare.index("(", found.start()), "(", ")")
    return found.start(), end, found["call"], found["how"], named[0][1:-1][:200]


def _closing(bare: str, start: int, opens: str, closes: str) -> int:
    """Where the bracket at `start` is closed; the end of the text when it never is."""
    depth = 0
    for found in re.compile(f"[{re.escape(opens + closes)}]").finditer(bare, start):
        depth += 1 if found[0] == opens else -1
        if depth == 0:
            return found.end()
    return len(bare)


def _lines(text: str) -> tuple[str, ...]:
    stripped = (line.strip() for line in text.splitlines())
    return tuple(line for line in stripped if line and not line.startswith(("//", "/*", "*")))


def _js_checks(text: str, bare: str, start: int, end: int) -> Iterator[Check]:
    first = text.count("\n", 0, start) + 1
    for found in re.compile(r"(?<![\w.$])expect(?:\.soft)?\(").finditer(bare, start, end):
        closed = _closing(bare, found.end() - 1, "(", ")")
        chain = re.compile(r"\s*((?:\s*\.\s*(?:not|resolves|rejects))*)\s*\.\s*(\w+)\s*\(").match(bare, closed)
        if chain is None:
            continue
        finish = _closing(bare, chain.end() - 1, "(", ")")
        words = " ".join(text[found.start() : finish].split())[:160]
        inner, value = "".join(text[found.end() : closed - 1].split()), text[chain.end() : finish - 1].strip()
        op = _js_op(inner, "not" in chain[1], chain[2], value)
        subject = _JS_SUBJECTS.get(chain[2], "") + inner
        yield Check(subject, op, value, words, first + text.count("\n", start, found.start()))


def _js_op(inner: str, negated: bool, matcher: str, value: str) -> Op:
    if negated:
        return "something" if matcher in ("toBeNull", "toBeUndefined") else "other"
    if inner in ("true", "1") and (matcher in ("toBeTruthy", "toBeDefined") or value == inner):
        return "empty"
    if value.startswith("expect.any"):
        return "something"
    return _JS_OPS.get(matcher, "other")


def _go_checks(text: str, bare: str, start: int, end: int) -> Iterator[Check]:
    for found in _GO_CHECK.finditer(bare, start, end):
        finish = _closing(bare, found.end() - 1, "(", ")")
        words = " ".join(text[found.start() : finish].split())[:160]
        subject, value = _go_about(text[found.end() : finish - 1], found["how"] or "")
        op = _GO_OPS.get(found["how"] or "", "other")
        yield Check(subject, op, value, words, text.count("\n", 0, found.start()) + 1)


def _go_about(arguments: str, how: str) -> tuple[str, str]:
    """The value that testify's call is about and what it is held against; `Equal` has them the other way round."""
    parts = [part.strip() for part in re.split(r",(?![^(\[{]*[)\]}])", arguments) if part.strip()]
    parts = parts[1:] if parts and parts[0] in ("t", "T", "tt") else parts
    first, second = [*parts, "", ""][:2]
    if how in ("Equal", "EqualValues", "Exactly"):
        return second, first
    return ("length of " if how == "Len" else "") + first, second


def _go_off(bare: str, start: int, end: int, receiver: str) -> tuple[str, int]:
    """An unconditional `t.Skip`: one that stands in the test itself, not in a block of it."""
    for found in re.compile(rf"(?<!\w){re.escape(receiver)}\.Skip(?:Now|f)?\(").finditer(bare, start, end):
        before = bare[start : found.start()]
        if before.count("{") == before.count("}"):
            return f"{found[0]}…)", bare.count("\n", 0, found.start()) + 1
    return "", 0


def _as_table(test: Test) -> Test:
    return Test(test.name, test.line, test.lines, test.checks, test.off, test.alone, test.off_line, True)
