"""`verify` judges a commit against the one it grew from, and leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from phasegate.entrypoints.verifying import settings_stay
from phasegate.settings import CI
from phasegate.workspace.branches import Repository
from tests.cli.people import as_person

BASE = {
    "src/shop.py": "def price(x):\n    return x * 2\n",
    "tests/test_shop.py": """import shop

def test_price(): assert shop.price(2) == 4
def test_old(): assert shop.price(2) == 5
""",
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
    "README.md": "[gone](gone.md)\n",
}
TESTS = BASE["tests/test_shop.py"]
SKIPPED = "import pytest\n@pytest.mark.skip"
KEY = "AKIA" + "QZ7TNXW4K2LMVBRS"


class Branch:
    """A repository whose branch `work` grew from `main`."""

    def __init__(self, folder: Path) -> None:
        self.root, self.env = folder / "repository", {"XDG_STATE_HOME": str(folder / "state")}
        self.root.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit(BASE)
        self.git("checkout", "-q", "-b", "work")

    def git(self, *words: str) -> str:
        run = ["git", "-C", str(self.root), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, files: dict[str, str]) -> None:
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "more")

    def person(self, *words: str) -> subprocess.CompletedProcess[str]:
        return as_person(words, self.root, self.env)

    def verify(self, *words: str) -> tuple[int, dict[str, str]]:
        done = as_person(["phasegate", "verify", "--json", *words], self.root, self.env)
        told: dict[str, Any] = json.loads(done.stdout)
        return done.returncode, {each["gate"]: each["says"] for each in told.get("verdicts", ())} or told


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    return Branch(tmp_path)


def test_a_commit_that_is_no_worse_passes_and_nothing_is_left_behind(branch: Branch) -> None:
    before = branch.git("for-each-ref"), branch.git("worktree", "list"), branch.git("status", "--short", "--ignored")
    branch.commit({
        "src/shop.py": BASE["src/shop.py"] + "\n\ndef half(x):\n    return x / 2\n",
        "tests/test_shop.py": TESTS + "def test_half(): assert shop.half(4) == 2\n",
    })  # fmt: skip
    refs = branch.git("for-each-ref")
    code, said = branch.verify()
    assert (code, set(said.values())) == (0, {"pass"})
    assert set(said) == {"settings", "tests", "coverage", "ratchets", "secrets", "references", "changed_lines"}
    assert branch.git("for-each-ref") == refs
    assert (branch.git("worktree", "list").count("\n"), branch.git("status", "--short", "--ignored")) == (
        before[1].count("\n"), before[2],
    )  # fmt: skip
    assert not (branch.root / ".git/phasegate").exists()


WORSE: dict[str, tuple[dict[str, str], set[str]]] = {
    "a test is newly red": ({"src/shop.py": "def price(x):\n    return x * 3\n"}, {"tests"}),
    "a test is gone": ({"tests/test_shop.py": "import shop\n\ndef test_old(): assert 0\n"}, {"tests"}),
    "a test is skipped": ({"tests/test_shop.py": TESTS.replace("def test_p", f"{SKIPPED}\ndef test_p")}, {"tests"}),
    "a key came in, a link broke, new code is not tested": (
        {
            "deploy.sh": f"KEY={KEY}\n",
            "README.md": BASE["README.md"] + "[a](b.md)\n",
            "src/shop.py": BASE["src/shop.py"] + "\n\ndef f(x):\n    a = x\n    b = a\n    return b\n",
        },
        {"secrets", "references", "changed_lines"},
    ),
}


@pytest.mark.parametrize(("files", "gates"), WORSE.values(), ids=WORSE)
def test_a_commit_that_is_worse_fails_at_the_gates_that_are_for_it(
    branch: Branch, files: dict[str, str], gates: set[str]
) -> None:
    branch.commit(files)
    code, said = branch.verify("--base", "main")
    assert code == 1 and gates <= {gate for gate, says in said.items() if says == "fail"}


def test_the_settings_that_count_are_those_of_the_base(branch: Branch) -> None:
    id = "6f0c8a52-6a5e-4f5e-9a43-3b1d9a0c7e11"
    branch.commit({
        "phasegate.toml": f'project = "{id}"\n[tests]\nargs = ["-k", "nothing"]\n[coverage]\nchanged_lines = 0.0\n',
        "src/shop.py": "def price(x):\n    return x * 3\n",
    })  # fmt: skip
    code, said = branch.verify()
    assert (code, said["tests"], said["settings"]) == (1, "fail", "pass")


def test_scanners_of_the_settings_judge_what_is_new_since_the_merge_base(branch: Branch) -> None:
    """An old weak line that only moved is let be, a new one and a licence that is not allowed are not."""
    weak = "import subprocess\nsubprocess.run(input(), shell=True)\n"
    settings = f'{PROJECT}scanners = ["sast", "licences"]\n[licences]\ndeny = ["ISC"]\n'
    lock = '{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1.0.0", "license": "ISC"}}}'
    branch.commit({"phasegate.toml": settings, "tools/a.py": weak, "package-lock.json": lock})
    branch.git("branch", "-f", "main")
    branch.commit({"tools/a.py": f"\n\n{weak}", "package-lock.json": lock + "\n"})
    _, said = branch.verify("--base", "main")
    assert (said["sast"], said["licences"]) == ("pass", "pass")
    branch.commit({"tools/b.py": weak, "package-lock.json": lock.replace("/a", "/b")})
    code, said = branch.verify("--base", "main")
    assert (code, said["sast"], said["licences"]) == (1, "fail", "fail")


PROJECT = 'project = "6f0c8a52-6a5e-4f5e-9a43-3b1d9a0c7e11"\n'
OWN = {"phasegate.toml": PROJECT} | dict.fromkeys(CI, "true\n")
NESTED = {"src/core/phasegate.toml": PROJECT + '[paths]\ntests = ["**"]\n'}


def test_a_change_that_makes_a_project_of_a_folder_is_for_a_person_to_read(branch: Branch) -> None:
    branch.commit({"phasegate.toml": PROJECT})
    branch.git("branch", "-f", "main")
    branch.commit(NESTED)
    code, said = branch.verify("--base", "main")
    assert (code, said.pop("settings"), set(said.values())) == (7, "unknown", {"pass"})


def test_whatever_judges_changes_stays_unless_a_person_reads_the_change(branch: Branch) -> None:
    def says() -> str:
        return settings_stay(Repository(str(branch.root), str(branch.root.parent)), "main", "HEAD").says

    branch.commit(OWN)
    assert says() == "pass", "phasegate comes with this change"
    branch.commit(NESTED)
    assert says() == "unknown", "and with settings for a folder"
    branch.git("branch", "-f", "main")
    branch.commit({"notes.txt": "phasegate.toml\n"})
    assert says() == "pass"
    for path in (*OWN, *NESTED):
        branch.commit({path: PROJECT + "render = 'off'\n"})
        assert says() == "unknown", path
        branch.git("rm", "-q", path)
        branch.git("commit", "-q", "-m", "gone")
        assert says() == "unknown", path
        branch.git("reset", "-q", "--hard", "main")
    branch.git("mv", "src/core/phasegate.toml", "src/core/other.toml")
    branch.git("commit", "-q", "-m", "renamed")
    assert says() == "unknown"


REFUSED: dict[str, tuple[Callable[[Branch], object], tuple[str, ...], int, str]] = {
    "changes in no commit": (lambda b: (b.root / "new.py").write_text("x = 1\n"), (), 2, "not-clean"),
    "an unknown base": (lambda b: None, ("--base", "nowhere"), 7, "no-base"),
    "a base that is an option": (lambda b: None, ("--base", "--all"), 7, "no-base"),
    "no base at all": (lambda b: b.git("branch", "-m", "main", "other"), (), 7, "no-base"),
}


@pytest.mark.parametrize(("prepare", "words", "code", "error"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_judged_is_refused_with_a_reason(
    branch: Branch, prepare: Callable[[Branch], object], words: tuple[str, ...], code: int, error: str
) -> None:
    prepare(branch)
    ended, told = branch.verify(*words)
    assert (ended, told["error"]) == (code, error)


RULE = """project = "6f0c8a52-6a5e-4f5e-9a43-3b1d9a0c7e11"
[[rules]]
id = "covered-well"
at = ["@verify"]
require = { fact = "coverage.statements", op = ">", value = 100 }
"""


def test_tests_and_gates_are_written_for_machines(branch: Branch) -> None:
    branch.git("checkout", "-q", "main")
    branch.commit({"phasegate.toml": RULE})
    branch.git("checkout", "-q", "-B", "work")
    branch.commit({"src/shop.py": "def price(x):\n    return x * 3\n", "README.md": "[gone](gone.md) [a](b<c>.md)\n"})
    code, said = branch.verify("--junit", "../out/junit.xml", "--sarif", "../out/x.sarif")
    suites = ET.parse(branch.root.parent / "out/junit.xml").getroot()
    failed = {case.get("name") for case in suites.iter("testcase") if case.find("failure") is not None}
    assert code == 1 and {"test_price", "tests", "references", "rule:covered-well"} <= failed
    gates = [case.get("name") for case in suites.iter("testcase") if case.get("classname") == "phasegate.gate"]
    assert gates == list(said), "what is told to people is told to machines"
    [run] = json.loads((branch.root.parent / "out/x.sarif").read_text())["runs"]
    rules = {result["ruleId"] for result in run["results"]}
    assert (
        {"red-test", "broken-link", "gate/tests", "gate/rule:covered-well"}
        <= rules
        == {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    )
