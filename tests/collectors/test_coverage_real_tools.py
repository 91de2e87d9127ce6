"""Our figures are those that the tools print of the same run, for every tool and each of its formats."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from coverage_samples import write
from node_tools import BIN, node_modules, with_tools

from phasegate.collectors.coverage_formats import recognise
from phasegate.evidence.coverage import Coverage, merge, of_changed_lines
from phasegate.evidence.items import Counts
from phasegate.evidence.metrics import NAMES

ENV = {"PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1", "FORCE_COLOR": "0", "CI": "1"}
DATA = Path(__file__).parent / "data" / "coverage"
Printed = dict[str, Counts | None]


def ran(*command: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    """What a command printed; it must succeed."""
    ended = subprocess.run(
        command, cwd=cwd, env={**os.environ, **ENV, **(env or {})}, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def read(report: Path, root: Path) -> Coverage:
    return recognise.read(report.read_bytes(), root=str(root))


def totals(coverage: Coverage) -> Printed:
    return {name: coverage.total(name).counts for name in NAMES}


# --- coverage.py ------------------------------------------------------------------------------------------------------

PYTHON = {
    "shop.py": """
        def price(amount, member=False):
            if amount < 0:
                raise ValueError("negative")
            for step in range(3):
                if step > amount:
                    break
            return amount * 0.9 if member else amount


        def never(items):
            total = 0
            while items:
                total += items.pop()
            return total


        class Till:
            def __init__(self):
                self.sum = 0

            def close(self):  # pragma: no cover
                return self.sum
        """,
    "unused.py": "X = 1\nif X:\n    Y = 2\n",
    "main.py": "from shop import Till, price\nTill()\nprint(price(10, True), price(1))\n",
}


@pytest.fixture(scope="module", params=[(), ("--branch",)], ids=["statements", "branches"])
def measured_python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Printed]:
    """A project with all reports of coverage.py, and the last row of `coverage report`."""
    root = write(tmp_path_factory.mktemp("python"), PYTHON)
    coverage = (sys.executable, "-m", "coverage")
    ran(*coverage, "run", *request.param, "--source=.", "main.py", cwd=root)
    for kind in ("json", "xml", "lcov"):
        ran(*coverage, kind, "-q", cwd=root)
    row = [int(number) for number in re.findall(r" (\d+)(?![\d%])", _last(ran(*coverage, "report", cwd=root)))]
    report = ran(*coverage, "json", "-q", "-o", "-", cwd=root)
    branches = re.search(r'"covered_branches": (\d+)[^}]*\}\}$', report.strip())
    statements = Counts(row[0] - row[1], row[0])
    return root, {
        "statements": statements,
        "lines": statements,
        "branches": Counts(int(branches[1]), row[2]) if request.param and branches else None,
    }


@pytest.mark.parametrize("name", ["coverage.json", "coverage.xml", "coverage.lcov"])
def test_the_figures_of_coverage_py_are_those_it_prints(measured_python: tuple[Path, Printed], name: str) -> None:
    root, printed = measured_python
    seen = totals(read(root / name, root))
    assert {metric: seen[metric] for metric in printed} == printed
    assert seen["functions"] == (None if name.endswith(".xml") else Counts(2, 3))


def test_the_reports_of_one_python_run_merge_into_the_same_lines(measured_python: tuple[Path, Printed]) -> None:
    root, printed = measured_python
    both = merge([read(root / "coverage.json", root), read(root / "coverage.xml", root)])
    assert both.total("statements").counts == printed["statements"]
    assert of_changed_lines(both, {"shop.py": {3, 4, 11, 12}}) == (1, 4)


# --- istanbul and v8 --------------------------------------------------------------------------------------------------

PRICE = """
    function price(amount, member = false) {
      if (amount < 0) throw new Error('negative');
      const base = member ? amount * 0.9 : amount;
      switch (true) {
        case base > 100:
          return base - 5;
        default:
          return base || 0;
      }
    }

    const never = (list) =>
      list
        .map((x) => x + 1)
        .filter((x) => x > 2 && x < 10);

    class Till {
      constructor() { this.sum = 0; }
      add(n) { this.sum += n; return this; }
      get total() { return this.sum; }
    }
"""
JAVASCRIPT = {
    "package.json": '{"name": "shop", "private": true}',
    "src/price.js": PRICE + "\n    module.exports = { price, never, Till };\n",
    "src/unused.js": "exports.unused = function () {\n  return 1;\n};\n",
    "main.js": "const { price, Till } = require('./src/price');\nprice(120); price(10, true); new Till().add(2);\n",
    "price.test.js": "test('it', () => { require('./main'); });\n",
}
TYPESCRIPT = {
    "package.json": '{"name": "shop", "private": true, "type": "module"}',
    "src/price.ts": PRICE.replace("amount, member = false", "amount: number, member = false")
    .replace("(list)", "(list: number[])")
    .replace("(n)", "(n: number)")
    .replace("class Till {", "class Till {\n      sum: number;")
    + "\n    export { price, never, Till };\n",
    "src/types.ts": "export interface Item {\n  price: number;\n}\n",
    "src/unused.ts": "export function unused(): number {\n  return 1;\n}\n",
    "price.test.ts": "import { test } from 'vitest';\nimport { price, Till } from './src/price';\n"
    "test('it', () => { price(120); price(10, true); new Till().add(2); });\n",
}
REPORTERS = ("json", "json-summary", "lcov", "cobertura", "text-summary")
REPORTS = ("coverage-final.json", "coverage-summary.json", "lcov.info", "cobertura-coverage.xml")


def each(option: str) -> list[str]:
    return [f"{option}={reporter}" for reporter in REPORTERS]


def vitest(provider: str) -> tuple[str, ...]:
    options = each("--coverage.reporter")
    return ("vitest", "run", "--coverage.enabled", f"--coverage.provider={provider}", "--coverage.include=src/**",
            *options)  # fmt: skip


COMMANDS = {
    "nyc": ("nyc", "--all", "--include=src/**", "--report-dir=coverage", *each("--reporter"), "node", "main.js"),
    "c8": ("c8", "--all", "--include=src/**", "--reports-dir=coverage", *each("--reporter"), "node", "main.js"),
    "jest": ("jest", "--coverage", "--collectCoverageFrom=src/**", *each("--coverageReporters")),
    "vitest-v8": vitest("v8"),
    "vitest-istanbul": vitest("istanbul"),
}


@pytest.fixture(scope="module", params=COMMANDS)
def measured_javascript(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Printed, str]:
    """A project with all reports of a tool, the summary it printed, and the tool's name."""
    command = COMMANDS[request.param]
    root = write(tmp_path_factory.mktemp("js"), TYPESCRIPT if "vitest" in command else JAVASCRIPT)
    with_tools(root)
    said = ran(f"{BIN}/node", str(node_modules() / ".bin" / command[0]), *command[1:], cwd=root)
    found = re.findall(r"^(Statements|Branches|Functions|Lines)\s*:.*\(\s*(\d+)/(\d+)\s*\)", said, re.MULTILINE)
    printed: Printed = {name.lower(): Counts(int(covered), int(total)) for name, covered, total in found}
    assert len(printed) == 4, said
    return root, printed, request.param


@pytest.mark.parametrize("name", REPORTS)
def test_the_figures_of_javascript_tools_are_those_they_print(
    measured_javascript: tuple[Path, Printed, str], name: str
) -> None:
    root, printed, tool = measured_javascript
    seen = totals(read(root / "coverage" / name, root))
    if name == "lcov.info":
        printed = {**printed, "statements": printed["lines"]}
    elif name == "cobertura-coverage.xml":
        # Istanbul's Cobertura leaves out the branch of a default argument: what it counts and does not list is unknown.
        printed = {**printed, "statements": printed["lines"], "branches": printed["branches"] if tool == "c8" else None}
    assert seen == printed


def test_changed_lines_of_javascript_are_those_whose_every_statement_ran(
    measured_javascript: tuple[Path, Printed, str],
) -> None:
    root, _, tool = measured_javascript
    source = next((root / "src").glob("price.*"))
    lines = {text.strip(): number for number, text in enumerate(source.read_text().splitlines(), 1)}
    report = read(root / "coverage" / "coverage-final.json", root)
    file = next(file for file in report.files if file.path == f"src/{source.name}")
    assert lines["return base - 5;"] in file.executed
    assert lines["list"] in file.missing
    if "istanbul" in tool or tool in ("nyc", "jest"):  # v8 knows lines, and takes each for a statement
        assert lines["if (amount < 0) throw new Error('negative');"] in file.missing
        assert not {lines["default:"], lines["}"]} & {*file.executed, *file.missing}


def test_shards_of_a_javascript_run_merge_into_the_whole(tmp_path: Path) -> None:
    root = write(tmp_path, {**JAVASCRIPT, "one.js": "require('./src/price').price(120);\n",
                            "two.js": "const { price, Till } = require('./src/price');\n"
                                      "price(10, true); new Till().add(2);\n"})  # fmt: skip
    with_tools(root)
    seen = {}
    for script in ("main", "one", "two"):
        ran(f"{BIN}/node", str(node_modules() / ".bin" / "nyc"), "--all", "--include=src/**", "--reporter=json",
            f"--report-dir={script}", f"--temp-dir=.nyc-{script}", "node", f"{script}.js", cwd=root)  # fmt: skip
        seen[script] = read(root / script / "coverage-final.json", root)
    assert merge([seen["one"], seen["two"]]) == merge([seen["main"]])
    assert merge([seen["one"]]) != merge([seen["main"]])


# --- Go ---------------------------------------------------------------------------------------------------------------

GO = {
    "go.mod": "module example.com/shop\n\ngo 1.21\n",
    "shop.go": """
        package shop

        import "errors"

        // Price says what it costs.
        func Price(n int) (int, error) {
        \t// nothing is free
        \tif n < 0 {
        \t\treturn 0, errors.New("negative")
        \t} else if n == 0 {
        \t\treturn 1, nil
        \t} else {
        \t\tn++
        \t}
        \tf := func() int { return 7 }
        \t_ = f
        \tx := map[string]int{
        \t\t"a": 1, /* two
        \t\tlines */
        \t}
        \treturn x["a"], nil
        }

        func Empty() {}
        """,
    "shop_test.go": """
        package shop

        import "testing"

        func TestPrice(t *testing.T) {
        \tif v, _ := Price(3); v != 1 {
        \t\tt.Fatal(v)
        \t}
        }
        """,
    "till/till.go": "package till\n\nfunc Never() int {\n\treturn 1\n}\n",
    "till/kinds.go": "package till\n\n// Kind is a kind.\ntype Kind struct {\n\tName string\n}\n",
    "tool/go.mod": "module example.com/shop/tool\n\ngo 1.21\n",
    "tool/tool.go": "package tool\n\nfunc One() int {\n\treturn 1\n}\n",
    "tool/tool_test.go": 'package tool\n\nimport "testing"\n\nfunc TestOne(t *testing.T) {\n\tOne()\n}\n',
}
GO_ENV = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off"}


@pytest.mark.parametrize(
    "options",
    [("-covermode=set",), ("-covermode=count",), ("-covermode=atomic", "-coverpkg=./...")],
    ids=["set", "count", "atomic, all packages"],
)
def test_the_figures_of_go_are_those_it_prints(options: tuple[str, ...], tmp_path: Path) -> None:
    root = write(tmp_path, GO)
    ran(f"{BIN}/go", "test", "-coverprofile=c.out", *options, "./...", cwd=root, env=GO_ENV)
    said = ran(f"{BIN}/go", "tool", "cover", "-func=c.out", cwd=root, env=GO_ENV)
    seen = read(root / "c.out", root)
    counts = seen.total("statements").counts
    assert counts is not None and f"{counts.percent:.1f}%" == said.split()[-1] == "63.6%"
    assert [seen.total(name).counts for name in ("branches", "functions", "lines")] == [None] * 3
    files = {file.path: file for file in seen.files}
    assert files["shop.go"].executed == (8, 10, 13, 16, 17, 18, 21)
    assert files["shop.go"].missing == (9, 11, 15)
    assert files["till/till.go"].missing == (4,)
    assert files["till/kinds.go"].counts("statements") == Counts(0, 0)


def test_a_module_within_a_module_is_found_and_profiles_of_both_are_one(tmp_path: Path) -> None:
    root = write(tmp_path, GO)
    profiles = []
    for place in (root, root / "tool"):
        ran(f"{BIN}/go", "test", "-coverprofile=c.out", "./...", cwd=place, env=GO_ENV)
        profiles.append(read(place / "c.out", root))
    whole = merge(profiles)
    assert whole.total("statements").counts == Counts(8, 12)
    assert "tool/tool.go" in [file.path for file in whole.files]


# --- what CI does not have --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["lcov", "gcovr"])
@pytest.mark.parametrize("report", ["lcov.info", "gcovr-lcov.info", "gcovr-cobertura.xml"])
def test_the_figures_of_gcov_are_those_lcov_and_gcovr_printed(tool: str, report: str) -> None:
    said = (DATA / "gcov" / f"{tool}-printed.txt").read_text()
    found = re.findall(r"(lines|functions|branches)\.*: .*?\((\d+) (?:out )?of (\d+)", said)
    printed = {name: Counts(int(covered), int(total)) for name, covered, total in found}
    assert len(printed) == 3
    assert totals(read(DATA / "gcov" / report, DATA / "gcov")) == {**printed, "statements": printed["lines"]}


def test_the_figures_of_jacoco_are_those_it_wrote_beside_its_report() -> None:
    rows = list(csv.DictReader((DATA / "jacoco" / "jacoco.csv").open()))

    def counter(name: str) -> Counts:
        covered = sum(int(row[f"{name}_COVERED"]) for row in rows)
        return Counts(covered, covered + sum(int(row[f"{name}_MISSED"]) for row in rows))

    seen = read(DATA / "jacoco" / "jacoco.xml", DATA / "jacoco")
    lines = counter("LINE")
    assert totals(seen) == {
        "statements": lines, "lines": lines, "branches": counter("BRANCH"), "functions": counter("METHOD")
    }  # fmt: skip
    assert [file.path for file in seen.files] == ["src/main/java/shop/Price.java"]


def _last(text: str) -> str:
    return text.strip().splitlines()[-1]
