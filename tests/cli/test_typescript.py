"""A TypeScript repository with vitest, from `init` to evidence that knows which changed lines ran."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from phasegate.evidence.items import CoverageSeen, TestsSeen
from phasegate.ledger.event import Actor
from phasegate.wiring import RealDesk, open_project
from tests.cli.people import as_person
from tests.collectors.conftest import write
from tests.collectors.node_tools import with_tools

FILES = {
    "package.json": json.dumps({"name": "shop", "type": "module", "scripts": {"test": "vitest"}}),
    ".gitignore": "node_modules\n",
    "src/shop.ts": "export function price(amount: number): number {\n  return amount * 2;\n}\n",
    "src/shop.test.ts": """
        import { expect, test } from 'vitest';
        import { price } from './shop';

        test('doubles', () => {
          expect(price(1)).toBe(2);
        });
    """,
}
MORE = """\

export function refund(amount: number): number {
  if (amount < 0) {
    throw new RangeError('nothing was paid');
  }
  return -amount;
}
"""
MORE_TESTS = """
import { refund } from './shop';

test('gives back', () => {
  expect(refund(1)).toBe(-1);
});
"""


class Shop:
    """The repository, and what a person calls in it."""

    def __init__(self, folder: Path) -> None:
        self.root = write(folder / "shop", FILES)
        with_tools(self.root)
        for words in (
            ["init", "-q"],
            ["add", "-A"],
            ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "a"],
        ):
            subprocess.run(["git", "-C", str(self.root), *words], check=True, capture_output=True)
        self.env = {"XDG_STATE_HOME": str(folder / "state")}

    def ok(self, *words: str) -> str:
        done = as_person(["phasegate", *words], self.root, self.env)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def add(self, path: str, text: str) -> None:
        with open(self.root / path, "a") as file:
            file.write(text)

    def check(self) -> tuple[TestsSeen, CoverageSeen]:
        """Check the tests; what was recorded."""
        as_person(["phasegate", "check", "tests"], self.root, self.env)
        project = open_project(str(self.root), self.env)
        try:
            state = RealDesk(project, Actor("person", "a")).state()
        finally:
            project.close()
        seen = [evidence.seen for evidence in state.evidence.values()]
        tests = [each for each in seen if isinstance(each, TestsSeen)][-1]
        return tests, [each for each in seen if isinstance(each, CoverageSeen)][-1]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_evidence_of_a_vitest_suite_knows_which_changed_lines_ran(shop: Shop) -> None:
    shop.ok("init", "--allow-ephemeral", "--yes")
    assert 'runner = "vitest"' in (shop.root / "phasegate.toml").read_text()
    shop.ok("start", "Give money back")
    shop.add("src/shop.test.ts", MORE_TESTS)
    red, _ = shop.check()
    assert [(each.id, each.cause) for each in red.red] == [("src/shop.test.ts::gives back", "missing_name")]
    shop.add("src/shop.ts", MORE)
    tests, coverage = shop.check()
    assert tests.complete and not tests.red and tests.collected == 2
    (changed,) = coverage.changed
    assert (changed.path, changed.covered, changed.missing, coverage.unmeasured) == ("src/shop.ts", 2, (7,), ())
