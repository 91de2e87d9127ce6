# ruff: noqa: E501
"""Settings that demand less are told, wherever a tool reads them; stricter ones, and those that only moved, are not."""

from __future__ import annotations

import pytest

from phasegate.ratchets.look import look
from phasegate.ratchets.weakening import Change

PYPROJECT = """[tool.pytest.ini_options]
addopts = ["-ra", "--strict-markers"]
testpaths = ["tests", "more"]
xfail_strict = true
filterwarnings = ["error"]
[tool.coverage.run]
branch = true
omit = ["docs/*"]
[tool.coverage.report]
fail_under = 90
exclude_also = ["raise NotImplementedError"]
"""
CFG = "[tool:pytest]\naddopts = -ra --strict-markers\npython_files = test_*.py check_*.py\n[coverage:report]\nfail_under = 90\n"
RC = "[run]\nbranch = True\n[report]\nfail_under = 90\nomit =\n    docs/*\n"
JEST = """const base = require('./base');
module.exports = {
  ...base,
  testMatch: ['**/*.test.js', '**/*.spec.js'],
  coverageThreshold: { global: { branches: 80, lines: 90 } },
  coveragePathIgnorePatterns: ['/node_modules/'],
};
"""
VITEST = """import { defineConfig } from 'vitest/config';
export default defineConfig({
  test: { include: ['src/**/*.test.ts'], coverage: { thresholds: { lines: 90 }, exclude: ['dist'] } },
});
"""
PACKAGE = '{"scripts": {"test": "jest --ci --coverage", "build": "tsc"}, "jest": {"coverageThreshold": {"global": {"lines": 90}}}}'
NYC = '{"check-coverage": true, "lines": 90, "exclude": ["docs"]}'
MOCHA = '{"forbid-only": true, "spec": ["test/**/*.js", "more/*.js"]}'

WEAKER = [
    ("pyproject.toml", PYPROJECT, "fail_under = 90", "fail_under = 10", "threshold-lowered"),
    ("pyproject.toml", PYPROJECT, "fail_under = 90\n", "", "threshold-lowered"),
    ("pyproject.toml", PYPROJECT, '["docs/*"]', '["docs/*", "src/*"]', "coverage-omitted"),
    ("pyproject.toml", PYPROJECT, '["raise NotImplementedError"]', '["raise NotImplementedError", "def "]', "coverage-omitted"),
    ("pyproject.toml", PYPROJECT, "branch = true", "branch = false", "threshold-lowered"),
    ("pyproject.toml", PYPROJECT, '"-ra",', '"-ra", "-k", "not slow",', "run-narrowed"),
    ("pyproject.toml", PYPROJECT, '"-ra",', '"-ra", "--deselect=tests/test_a.py::test_b",', "run-narrowed"),
    ("pyproject.toml", PYPROJECT, '"-ra",', '"--ignore=tests/test_a.py",', "run-narrowed"),
    ("pyproject.toml", PYPROJECT, '"-ra",', '"-p", "no:randomly",', "run-narrowed"),
    ("pyproject.toml", PYPROJECT, ', "--strict-markers"', "", "threshold-lowered"),
    ("pyproject.toml", PYPROJECT, '["tests", "more"]', '["tests"]', "run-narrowed"),
    ("pyproject.toml", PYPROJECT, "xfail_strict = true", "xfail_strict = false", "threshold-lowered"),
    ("pyproject.toml", PYPROJECT, '["error"]', '["ignore"]', "threshold-lowered"),
    ("setup.cfg", CFG, "fail_under = 90", "fail_under = 89", "threshold-lowered"),
    ("setup.cfg", CFG, "test_*.py check_*.py", "test_*.py", "run-narrowed"),
    ("setup.cfg", CFG, "-ra", "-ra -x", "run-narrowed"),
    ("tox.ini", CFG.replace("tool:pytest", "pytest"), "-ra", "-ra --maxfail=1", "run-narrowed"),
    ("pytest.ini", "[pytest]\naddopts = -ra\n", "-ra", "-ra -m 'not slow'", "run-narrowed"),
    (".coveragerc", RC, "docs/*", "docs/*\n    src/*", "coverage-omitted"),
    (".coveragerc", RC, "branch = True", "branch = False", "threshold-lowered"),
    ("jest.config.js", JEST, "lines: 90", "lines: 50", "threshold-lowered"),
    ("jest.config.js", JEST, ", lines: 90", "", "threshold-lowered"),
    ("jest.config.js", JEST, "lines: 90", "lines: LOW", "threshold-lowered"),
    ("jest.config.js", JEST, "['**/*.test.js', '**/*.spec.js']", "['**/*.test.js']", "run-narrowed"),
    ("jest.config.js", JEST, "['/node_modules/']", "['/node_modules/', '/src/']", "coverage-omitted"),
    ("jest.config.js", JEST, "...base,", "...base, passWithNoTests: true,", "run-narrowed"),
    ("vitest.config.ts", VITEST, "lines: 90", "lines: 9", "threshold-lowered"),
    ("vitest.config.ts", VITEST, "['dist']", "['dist', 'src/shop.ts']", "coverage-omitted"),
    ("vitest.config.ts", VITEST, "test: {", "test: { exclude: ['src/shop.test.ts'],", "run-narrowed"),
    ("vitest.config.ts", VITEST, "test: {", "test: { testNamePattern: 'fast',", "run-narrowed"),
    ("vitest.config.ts", VITEST, "test: {", "test: { retry: 5,", "run-narrowed"),
    ("package.json", PACKAGE, "jest --ci --coverage", "jest --ci --coverage --testPathIgnorePatterns=shop", "run-narrowed"),
    ("package.json", PACKAGE, "jest --ci --coverage", "jest --ci", "threshold-lowered"),
    ("package.json", PACKAGE, "jest --ci --coverage", "jest --ci --coverage || true", "run-narrowed"),
    ("package.json", PACKAGE, "jest --ci --coverage", "echo fine", "run-narrowed"),
    ("package.json", PACKAGE, '"lines": 90', '"lines": 1', "threshold-lowered"),
    (".nycrc", NYC, '"lines": 90', '"lines": 80', "threshold-lowered"),
    (".nycrc", NYC, "true", "false", "threshold-lowered"),
    (".nycrc", NYC, '["docs"]', '["docs", "src"]', "coverage-omitted"),
    (".mocharc.json", MOCHA, "true", "false", "threshold-lowered"),
    (".mocharc.json", MOCHA, ', "more/*.js"', "", "run-narrowed"),
    (".mocharc.json", MOCHA, "{", '{"grep": "fast", ', "run-narrowed"),
]  # fmt: skip


def shut(*changes: Change) -> list[str]:
    looked = look(changes)
    assert not looked.unread
    return [each.kind for each in looked.found if not each.told]


def changed(path: str, before: str, after: str) -> Change:
    return Change(path, before.encode(), after.encode())


@pytest.mark.parametrize(("path", "text", "old", "new", "kind"), WEAKER)
def test_a_setting_that_demands_less_is_told(path: str, text: str, old: str, new: str, kind: str) -> None:
    assert old in text
    assert shut(changed(path, text, text.replace(old, new, 1))) == [kind]


@pytest.mark.parametrize(("path", "text", "old", "new", "kind"), [row for row in WEAKER if "retry" not in row[3]])
def test_its_way_back_is_not(path: str, text: str, old: str, new: str, kind: str) -> None:
    assert shut(changed(path, text.replace(old, new, 1), text)) == []


def test_settings_that_move_to_another_file_are_the_same() -> None:
    cfg = "[tool:pytest]\nxfail_strict = true\n[coverage:report]\nfail_under = 90\n"
    moved = "[tool.pytest.ini_options]\nxfail_strict = true\n[tool.coverage.report]\nfail_under = 90\n"
    gone = Change("setup.cfg", cfg.encode(), None)
    assert shut(gone, Change("pyproject.toml", b"", moved.encode())) == []
    assert shut(gone) == ["threshold-lowered", "threshold-lowered"]


@pytest.mark.parametrize("path", ["pyproject.toml", "setup.cfg", "package.json", "jest.config.js", ".nycrc"])
def test_settings_that_cannot_be_read_are_never_a_pass(path: str) -> None:
    looked = look([Change(path, b"", b"{[((\xff\xff")])
    assert [each.path for each in looked.unread] == [path]


SOURCE = "def price(amount):\n    if amount < 0:\n        raise ValueError\n    return amount * 2\n"
SCRIPT = "export function price(amount) {\n  if (amount < 0) { throw new RangeError(); }\n  return amount * 2;\n}\n"


@pytest.mark.parametrize(
    ("path", "before", "old", "new"),
    [
        ("src/shop.py", SOURCE, "if amount < 0:", "if amount < 0:  # pragma: no cover"),
        ("src/shop.py", SOURCE, "def price(amount):", "def price(amount):  # pragma: no cover"),
        ("src/shop.js", SCRIPT, "  if", "  /* istanbul ignore next */\n  if"),
        ("src/shop.ts", SCRIPT, "  if", "  /* v8 ignore next 3 */\n  if"),
        ("src/shop.mjs", SCRIPT, "  if", "  /* c8 ignore start */\n  if"),
    ],
)
def test_code_taken_out_of_coverage_by_a_comment_is_told(path: str, before: str, old: str, new: str) -> None:
    assert shut(changed(path, before, before.replace(old, new, 1))) == ["coverage-omitted"]
    assert shut(changed(path, before.replace(old, new, 1), before)) == []


def test_the_words_in_a_text_are_no_comment() -> None:
    assert shut(changed("src/a.py", "x = 1\n", "x = 1\ny = '# pragma: no cover'\n")) == []
    assert shut(changed("src/a.js", "x = 1\n", "x = 1\ny = '/* istanbul ignore next */'\n")) == []
    assert shut(changed("src/a.py", "x = 1\n", "x = 1\nif TYPE_CHECKING:  # pragma: no cover\n    import y\n")) == []


def test_a_snapshot_that_is_rewritten_is_told_and_one_more_in_it_is_not() -> None:
    path, before = "src/__snapshots__/shop.test.ts.snap", "exports[`a 1`] = `6`;\n"
    assert shut(changed(path, before, before.replace("6", "7"))) == ["snapshot-rewritten"]
    assert shut(changed(path, before, before + "exports[`b 1`] = `7`;\n")) == []
    assert shut(Change(path, before.encode(), None)) == ["snapshot-rewritten"]
    assert shut(Change(path, before.encode(), None), Change("x/__snapshots__/y.snap", None, before.encode())) == []


def test_changed_test_data_is_told_to_a_person_and_shuts_nothing() -> None:
    looked = look([changed("tests/data/prices.json", "[1]\n", "[2]\n")])
    assert [each.kind for each in looked.found] == ["data-changed"] and looked.found[0].told
