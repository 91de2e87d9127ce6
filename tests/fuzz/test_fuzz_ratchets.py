# ruff: noqa: E501
"""Whatever two versions of a file hold, comparing them ends, and what cannot be read is said to be unread."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.ratchets.look import look
from phasegate.ratchets.weakening import Change
from tests.ratchets.test_weakened_tests import FILES

EXAMPLES = 20_000 if os.environ.get("PHASEGATE_TIER") == "release" else 250
PATHS = st.sampled_from(
    "tests/test_a.py src/a.test.ts a.test.jsx a.test.tsx a_test.go tests/conftest.py pyproject.toml setup.cfg tox.ini package.json "
    "jest.config.js vitest.config.ts .nycrc .mocharc.cjs .coveragerc pytest.ini src/a.py src/a.js a/__snapshots__/a.snap".split()
)
WORDS = st.sampled_from(
    "def test_a(): it('a', () => { expect(x).toBe( func TestA(t *testing.T) { if x != 1 t.Error() } ) ] [ { assert x == 1 \n "
    "@pytest.mark.parametrize( try: except: with suppress( .each` ${ ` // # pragma: no cover /* istanbul ignore */ ‮ \x00 "
    '[pytest] addopts = -k fail_under = 1 {"jest": module.exports = => lambda : yield await class T: \\ \' " f\'{ 1e999'.split(
        " "
    )
)
TEXT = st.text(max_size=60) | st.lists(WORDS, max_size=40).map(" ".join) | st.lists(WORDS, max_size=30).map("\n".join)
BYTES = TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=60)
CONTENT = st.none() | BYTES


@settings(max_examples=EXAMPLES, deadline=None)
@given(PATHS, CONTENT, CONTENT)
def test_any_two_versions_are_compared_or_said_to_be_unread(
    path: str, before: bytes | None, after: bytes | None
) -> None:
    looked = look([Change(path, before, after)])
    assert all(len(each.fingerprint) == 16 and each.path == path for each in looked.found)
    assert {each.path for each in looked.unread} <= {path} and looked.files <= 1
    assert look([Change(path, before, before)]).found == ()


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(sorted(FILES)), BYTES, st.integers(0, 900))
def test_a_test_file_that_no_longer_parses_is_never_a_pass(path: str, piece: bytes, at: int) -> None:
    whole = FILES[path].encode()
    looked = look([Change(path, whole, whole[:at] + b"(((( " + piece)])
    assert looked.unread or looked.found, "cut off, its tests are gone or it is unread"


def test_deep_and_wide_files_come_to_an_end() -> None:
    for path in ("tests/test_a.py", "a.test.ts", "a_test.go", "jest.config.js", "package.json"):
        for word in ("(", "[", "{", "if x:\n ", "x => ", '"', "-", "a.b(", "[[", "f(x)(", "not ", "`${"):
            assert look([Change(path, b"", (word * (5_000 // len(word))).encode())]).files <= 1
    chain = "def test_a():\n    x0 = f()\n" + "".join(f"    x{n} = x{n - 1} + x{n - 1}\n" for n in range(1, 200))
    assert look([Change("tests/test_a.py", chain.encode(), (chain + "    assert x199 == 1\n").encode())]).found == ()
