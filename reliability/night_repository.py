"""The repository of `night.py`: a package for the household's stock with tests of a third of it, two of them long red.

And its plan: phases of every kind, with all that an honest agent would write for each of them.
"""

from __future__ import annotations

import random
from typing import Final

import msgspec

PLAN: Final = "docs/development_roadmap/phases.md"

STOCK: Final = '''"""What is in the house: articles, how many of each, and until when they keep."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Article:
    """One article on a shelf."""

    name: str
    amount: float
    unit: str = "piece"
    keeps_days: int | None = None


@dataclass
class Stock:
    """Everything in the house, by name."""

    articles: dict[str, Article] = field(default_factory=dict)

    def put(self, article: Article) -> None:
        known = self.articles.get(article.name)
        if known is None:
            self.articles[article.name] = article
        elif known.unit != article.unit:
            raise ValueError(f"{article.name} is counted in {known.unit}, not in {article.unit}")
        else:
            known.amount += article.amount

    def take(self, name: str, amount: float) -> float:
        known = self.articles.get(name)
        if known is None:
            return 0.0
        taken = min(known.amount, amount)
        known.amount -= taken
        if known.amount == 0:
            del self.articles[name]
        return taken

    def amount_of(self, name: str) -> float:
        if name in self.articles:
            return self.articles[name].amount
        else:
            return 0.0
'''

UNITS: Final = '''"""Units of a kitchen and how they convert."""

from __future__ import annotations

GRAMS = {"g": 1.0, "kg": 1000.0, "lb": 453.6}
LITRES = {"l": 1.0, "ml": 0.001, "cup": 0.24}
PIECES = {"piece": 1.0, "dozen": 10.0}


def factor(unit: str) -> float:
    """How much of its base unit one `unit` is."""
    for table in (GRAMS, LITRES, PIECES):
        if unit in table:
            return table[unit]
    raise ValueError(f"unknown unit {unit!r}")


def convert(amount: float, unit: str, to: str) -> float:
    """`amount` of `unit` in another unit of the same kind."""
    for table in (GRAMS, LITRES, PIECES):
        if unit in table and to in table:
            return amount * table[unit] / table[to]
    raise ValueError(f"{unit} does not convert to {to}")
'''

SHOPPING: Final = '''"""Lists for the shop: what is wanted, less what is there."""

from __future__ import annotations

from pantry.stock import Stock


def missing(stock: Stock, wanted: dict[str, float]) -> dict[str, float]:
    """What has to be bought."""
    found = {}
    for name, amount in wanted.items():
        lacking = amount - stock.amount_of(name)
        if lacking > 0:
            found[name] = lacking
    return found


def as_text(found: dict[str, float]) -> str:
    """One line for each article, sorted."""
    if not found:
        return "Nothing to buy."
    lines = []
    for name in sorted(found):
        amount = found[name]
        shown = int(amount) if amount == int(amount) else round(amount, 2)
        lines.append(f"{shown} {name}")
    return "\\n".join(lines)


def by_aisle(found: dict[str, float], aisles: dict[str, str]) -> dict[str, list[str]]:
    """The list as one walks through the shop."""
    walk: dict[str, list[str]] = {}
    for name in found:
        aisle = aisles.get(name, "elsewhere")
        walk.setdefault(aisle, []).append(name)
    for names in walk.values():
        names.sort()
    return walk
'''

RECIPES: Final = '''"""Recipes: what a dish needs, and whether the house has it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pantry.stock import Stock
from pantry.units import convert

LINE = re.compile(r"(\\d+(?:\\.\\d+)?)\\s+(\\w+)\\s+(.+)")


@dataclass(frozen=True)
class Need:
    amount: float
    unit: str
    name: str


def parse(text: str) -> list[Need]:
    """One need a line: `200 g flour`."""
    needs = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        found = LINE.fullmatch(line.strip())
        if found is None:
            raise ValueError(f"line {number}: {line!r}")
        needs.append(Need(float(found[1]), found[2], found[3]))
    return needs


def scaled(needs: list[Need], people: int, written_for: int) -> list[Need]:
    """The same dish for more or fewer people."""
    if written_for <= 0:
        raise ValueError("written for nobody")
    share = people / written_for
    return [Need(need.amount * share, need.unit, need.name) for need in needs]


def can_cook(stock: Stock, needs: list[Need]) -> bool:
    """Whether everything is there."""
    for need in needs:
        article = stock.articles.get(need.name)
        if article is None:
            return False
        if convert(article.amount, article.unit, need.unit) < need.amount:
            return False
    return True
'''

PAGES: Final = '''"""Tables for people: the stock as text and as CSV."""

from __future__ import annotations

import csv
import io

from pantry.stock import Stock


def table(stock: Stock) -> str:
    """Columns under each other."""
    rows = [(article.name, f"{article.amount:g}", article.unit) for article in stock.articles.values()]
    if not rows:
        return "The pantry is empty."
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = []
    for row in sorted(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        lines.append("  ".join(cells).rstrip())
    return "\\n".join(lines)


def as_csv(stock: Stock) -> str:
    """What a spreadsheet reads."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("name", "amount", "unit", "keeps_days"))
    for article in stock.articles.values():
        writer.writerow((article.name, article.amount, article.unit, article.keeps_days))
    return out.getvalue()
'''

COMMAND: Final = '''"""The command line: `pantry list`, `pantry buy`."""

from __future__ import annotations

import argparse
import json

from pantry.pages import as_csv, table
from pantry.shopping import as_text, missing
from pantry.stock import Article, Stock


def load(path: str) -> Stock:
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)
    stock = Stock()
    for row in rows:
        stock.put(Article(**row))
    return stock


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="pantry")
    parser.add_argument("what", choices=["list", "csv", "buy"])
    parser.add_argument("--file", default="pantry.json")
    parser.add_argument("--want", action="append", default=[], metavar="NAME=AMOUNT")
    options = parser.parse_args(argv)
    stock = load(options.file)
    if options.what == "list":
        print(table(stock))
    elif options.what == "csv":
        print(as_csv(stock), end="")
    else:
        wanted = {}
        for item in options.want:
            name, _, amount = item.partition("=")
            wanted[name] = float(amount or 1)
        print(as_text(missing(stock, wanted)))
    return 0
'''

TEST_STOCK: Final = """import pytest

from pantry.stock import Article, Stock


@pytest.fixture
def stock():
    found = Stock()
    found.put(Article("eggs", 6))
    return found


def test_what_is_put_is_there(stock):
    assert stock.amount_of("eggs") == 6


def test_what_is_not_there_is_none(stock):
    assert stock.amount_of("salt") == 0


def test_more_of_the_same_adds_up(stock):
    stock.put(Article("eggs", 4))
    assert stock.amount_of("eggs") == 10


def test_another_unit_is_refused(stock):
    with pytest.raises(ValueError):
        stock.put(Article("eggs", 1, "kg"))


def test_taking_the_last_clears_the_shelf(stock):
    assert stock.take("eggs", 9) == 6
    assert "eggs" not in stock.articles
"""

TEST_UNITS: Final = """from pantry.units import convert, factor


def test_a_kilo_is_a_thousand_grams():
    assert convert(2, "kg", "g") == 2000


def test_a_dozen_is_twelve():
    assert factor("dozen") == 12


def test_a_pint_is_known():
    assert factor("pint") > 0.4
"""

TEST_SHOPPING: Final = """from pantry.shopping import missing
from pantry.stock import Article, Stock


def test_what_is_there_is_not_bought():
    stock = Stock()
    stock.put(Article("tea", 2))
    assert missing(stock, {"tea": 1, "salt": 3}) == {"salt": 3}
"""

FILES: Final = {
    "README.md": "# Pantry\n\nKnows what is in the house, what a dish needs and what to buy.\n",
    "LICENSE": "Do what you like with it.\n",
    ".gitignore": "__pycache__/\n.pytest_cache/\n.coverage\n*.egg-info/\n",
    "pyproject.toml": (
        '[project]\nname = "pantry"\nversion = "0.3"\nrequires-python = ">=3.10"\n\n'
        '[tool.pytest.ini_options]\npythonpath = ["src"]\ntestpaths = ["tests"]\n'
    ),
    "docs/units.md": "# Units\n\nGrams, litres, pieces.\n",
    "src/pantry/__init__.py": '"""A pantry."""\n',
    "src/pantry/stock.py": STOCK,
    "src/pantry/units.py": UNITS,
    "src/pantry/shopping.py": SHOPPING,
    "src/pantry/recipes.py": RECIPES,
    "src/pantry/pages.py": PAGES,
    "src/pantry/command.py": COMMAND,
    "tests/test_shopping.py": TEST_SHOPPING,
    "tests/test_stock.py": TEST_STOCK,
    "tests/test_units.py": TEST_UNITS,
}

OLD_RED: Final = {"tests/test_units.py::test_a_dozen_is_twelve", "tests/test_units.py::test_a_pint_is_known"}

# --- the plan ---------------------------------------------------------------------------------------------------------

LOW: Final = '''"""What runs low."""

from __future__ import annotations

from pantry.stock import Stock


def low(stock: Stock, least: dict[str, float]) -> list[str]:
    """Articles of which there is less than there should be, sorted."""
    return sorted(name for name, amount in least.items() if stock.amount_of(name) < amount)
'''

TEST_LOW: Final = """from pantry.low import low
from pantry.stock import Article, Stock


def test_what_is_under_its_least_runs_low():
    stock = Stock()
    stock.put(Article("salt", 1))
    assert low(stock, {"salt": 2, "tea": 1}) == ["salt", "tea"]
"""

TEST_GROSS: Final = """from pantry.units import convert


def test_two_dozen_are_twenty_four():
    assert convert(2, "dozen", "piece") == 24
"""

UNPROVED: Final = '''"""Labels for jars."""

from __future__ import annotations


def label(name: str, day: str) -> str:
    """What is written on a jar."""
    shown = name.strip().title()
    if len(shown) > 20:
        shown = shown[:19] + "."
    return f"{shown} ({day})"
'''

SHORTER: Final = STOCK.replace(
    "        if name in self.articles:\n            return self.articles[name].amount\n"
    "        else:\n            return 0.0\n",
    "        known = self.articles.get(name)\n        return known.amount if known is not None else 0.0\n",
)


class Work(msgspec.Struct, frozen=True):
    """A phase: its kind, and what the agent writes for it.

    `ends` is what becomes of it: closed, deferred because nothing proves it, parked at a question, blocked by that one.
    """

    title: str
    kind: str
    files: dict[str, str]
    tests: dict[str, str] = {}
    ends: str = "closed"

    @property
    def tested(self) -> bool:
        return self.kind != "docs"


def _page(title: str, path: str, text: str, ends: str = "closed") -> Work:
    return Work(title, "docs", {path: f"# {title}\n\n{text}\n"}, ends=ends)


ASKS: Final = _page("Explain prices", "docs/prices.md", "In which currency?", "asks")
BLOCKED: Final = _page("Explain discounts", "docs/discounts.md", "Less is more.", "blocked")

WORKS: Final = (
    ASKS,
    Work("Say what runs low", "feature", {"src/pantry/low.py": LOW}, {"tests/test_low.py": TEST_LOW}),
    Work("Print labels", "chore", {"src/pantry/labels.py": UNPROVED}, ends="deferred"),
    BLOCKED,
    _page("Explain lists", "docs/lists.md", "A list says what to buy."),
    _page("Explain recipes", "docs/recipes.md", "One need a line."),
    Work("Mend the dozen", "fix", {"src/pantry/units.py": UNITS.replace("10.0", "12.0")},
         {"tests/test_dozens.py": TEST_GROSS}),
    Work("Shorten the stock", "refactor", {"src/pantry/stock.py": SHORTER}),
    Work("Say how to indent", "chore", {".editorconfig": "root = true\n\n[*.py]\nindent_size = 4\n"}),
)  # fmt: skip
"""The most telling first: a short night has the first of them; six have a place for every fault."""

WHOLE: Final = 6


def drawn(count: int, chance: random.Random) -> dict[str, Work]:
    """The phases of a night in the order of its plan, by id."""
    works = list(WORKS[:count])
    chance.shuffle(works)
    if BLOCKED in works:  # it comes after what it waits for
        works.remove(BLOCKED)
        works.insert(chance.randint(works.index(ASKS) + 1, len(works)), BLOCKED)
    return {str(number): work for number, work in enumerate(works, 1)}


def plan_of(works: dict[str, Work]) -> str:
    """The plan as the person wrote it."""
    asks = next(phase for phase, work in works.items() if work is ASKS)
    rows = ["# Plan", ""]
    for phase, work in works.items():
        rows += [f"## Phase {phase}: {work.title}", "", f"Kind: {work.kind}", ""]
        rows += [f"Blocked by: {asks}", ""] if work is BLOCKED else []
        rows += [f"- [ ] {work.title} and prove it", ""]
    return "\n".join(rows)
