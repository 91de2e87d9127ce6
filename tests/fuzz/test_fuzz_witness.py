"""Whatever stands in a test file, it is written anew as a program of as many lines, or told to be none."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.collectors.js_witness import NAME, witnessed
from phasegate.collectors.js_witnessed import compare, heard
from phasegate.evidence.tests import TestResult
from phasegate.infrastructure.catalog import around
from phasegate.infrastructure.files import Files
from phasegate.syntax import tree

EXAMPLES = 5_000 if os.environ.get("PHASEGATE_TIER") == "release" else 150

BODIES = st.sampled_from([
    "() => {}", "() => expect(f(1)).toBe(2)", "async () => await expect(p).resolves.toBe(1)", "function () { return }",
    "async ({ page }) => { if (page) return; return expect(page), 2 }", "(done) => { assert(x, 'y'); done() // so\n}",
    "() => ({ a: 1 })", "() => { const f = () => { return 3 }; throw f() }", "helper", "make(1)",
    "() => { t.test('in', () => { expect(1).toBe(1) }) }",
    "() => {return expect(`${a}`).toBe(1)}", "function* () { yield 1 }", "() => { try { expect(1) } catch { } }",
])  # fmt: skip
NAMES = st.sampled_from([
    "test", "it", "it.only", "test.skip", "test.each([1, 2])", "it.each`a\n${1}`", "t.test", "describe", "xit",
    "test.concurrent.failing", "specify",
])  # fmt: skip
CALL = st.builds("{}('a', {});".format, NAMES, BODIES) | st.builds(
    "{}('a', {{ timeout: 1 }}, {});".format, NAMES, BODIES
)
HEAD = st.sampled_from(["", "#!/usr/bin/env node\n", "'use strict';\n", "/* a */ // b\n", "import a from 'a';\n"])
PROGRAM = st.builds(
    lambda head, calls, around: head + around.format("\n".join(calls)),
    HEAD,
    st.lists(CALL, max_size=5),
    st.sampled_from(["{}", "describe('s', () => {{ {}\n }});", "if (x) {{ {}\n }}", "const test2 = test; {}"]),
)
PIECES = st.text(max_size=60) | st.lists(st.sampled_from("test ( ' ) => { } expect [ ` ; \n // /* a".split(" "))).map(
    " ".join
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(PROGRAM, st.sampled_from(["a.test.js", "a.test.ts", "a.test.tsx"]))
def test_a_program_stays_one_of_as_many_lines(text: str, path: str) -> None:
    found = witnessed({path: text.encode()})
    assert not found.unread
    anew = found.files.get(path, text.encode())
    tree(path, anew)
    assert anew.count(b"\n") == text.count("\n")
    assert all(f'"{placed.key}"'.encode() in anew for placed in found.placed)
    assert (NAME.encode() in anew) == (path in found.files)


@settings(max_examples=EXAMPLES, deadline=None)
@given(PIECES, st.binary(max_size=60))
def test_any_text_is_written_anew_or_told_of(text: str, more: bytes) -> None:
    content = text.encode(errors="replace") + more
    found = witnessed({"a.test.ts": content, "b.test.js": content})
    assert {*found.files, *found.unread} <= {"a.test.ts", "b.test.js"}


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=5).map(b"\n".join))
def test_what_is_not_ours_confirms_nothing(content: bytes) -> None:
    told = witnessed({"a.test.js": b"test('a', () => {});"})
    passed = TestResult("a.test.js::a", "passed", file="a.test.js")
    assert compare(told, heard(content, "nonce"), [passed], (), {}).doubts


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    PIECES,
    st.sampled_from(["jest.config.js", "tsconfig.json", ".mocharc.yml", "package.json", "a_test.go", ".mocharc"]),
)
def test_any_settings_come_to_an_end(text: str, path: str) -> None:
    files = Files({path: b"", "test/setup.js": b""}, lambda path: text.encode(errors="replace"))
    assert {*around("jest", files), *around("go", files)} <= {path, "test/setup.js"}
