"""A phase in a Go repository, and in one whose tests only a command of its own can run, closed on what was recorded."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import PROJECT, Project

GO = f'project = "{PROJECT}"\n[tests]\nrunner = "go"\n'
COMMAND = (
    f'project = "{PROJECT}"\n[tests]\nrunner = "junit"\nsource_roots = ["src"]\n'
    'reports = ["{reports}/*.xml"]\ncoverage_reports = ["{reports}/*.json"]\n'
    'command = ["sh", "-c", "PY -B -m coverage run --source=src --data-file={reports}/data -m pytest -q '
    "-p no:cacheprovider --junitxml={reports}/j.xml; code=$?; "
    'PY -m coverage json -q --data-file={reports}/data -o {reports}/c.json; exit $code"]\n'
).replace("PY ", f"{sys.executable} ")

LANGUAGES = {
    "go": (
        GO,
        {
            "go.mod": "module example.com/shop\n\ngo 1.21\n",
            "shop.go": "package shop\n\nfunc Price(amount int) int {\n\treturn amount * 2\n}\n",
            "shop_test.go": 'package shop\n\nimport "testing"\n\nfunc TestPrice(t *testing.T) {\n'
            '\tif Price(1) != 2 {\n\t\tt.Fatal("no")\n\t}\n}\n',
        },
        ("refund_test.go", 'package shop\n\nimport "testing"\n\nfunc TestRefund(t *testing.T) {\n'
                           '\tif Refund(2) != 1 {\n\t\tt.Fatal("no")\n\t}\n}\n'),
        ("refund.go", "package shop\n\nfunc Refund(amount int) int {\n\tif amount < 0 {\n\t\treturn 0\n\t}\n"
                      "\treturn amount / 2\n}\n"),
        (".::TestRefund", "missing_name"),
    ),
    "a command of its own": (
        COMMAND,
        {
            "src/shop.py": "def price(amount):\n    return amount * 2\n",
            "tests/test_price.py": "import sys\nsys.path.insert(0, 'src')\nimport shop\n\n\n"
            "def test_price():\n    assert shop.price(1) == 2\n",
        },
        ("tests/test_refund.py", "import sys\nsys.path.insert(0, 'src')\nimport shop\n\n\n"
                                 "def test_refund():\n    assert getattr(shop, 'refund', int)(2) == 1\n"),
        ("src/shop.py", "def price(amount):\n    return amount * 2\n\n\ndef refund(amount):\n    if amount < 0:\n"
                        "        return 0\n    return amount // 2\n"),
        ("tests.test_refund::test_refund", "assertion"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_test_is_seen_red_then_green_with_the_changed_lines_that_ran(language: str, tmp_path: Path) -> None:
    settings, files, test, code, red = LANGUAGES[language]
    project = Project(tmp_path, settings=settings)
    project.env["GOCACHE"] = os.environ.get("GOCACHE", os.environ["XDG_CACHE_HOME"] + "/go-build")
    for path, text in files.items():
        project.write(path, text)
    project.commit()
    project.ok("start", "Add a refund", "--kind", "fix")
    project.write(*test)
    first = project.json("check", "tests")
    # What keeps one Go test from being built keeps all of its package.
    assert red in [(each["id"], each["cause"]) for each in first["tests"]["red"]], first
    project.write(*code)
    second = project.json("check", "tests")
    assert second["tests"]["complete"] and not second["tests"]["red"], second
    changed = {each["path"]: (each["covered"], len(each["missing"])) for each in second["coverage"]["changed"]}
    path, text = code
    assert changed[path][1] == 1 and changed[path][0] >= 2, second
