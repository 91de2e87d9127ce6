"""Small projects for the tests of private runs, and one way to check them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import msgspec

from phasegate.engine.checks import RUN_ARTIFACT
from phasegate.entrypoints import checking
from phasegate.entrypoints.standalone import standalone
from phasegate.evidence.items import Evidence, TestsSeen
from phasegate.evidence.tests import TestRun
from phasegate.gates.interface import Verdict
from phasegate.gates.standing import standing
from phasegate.ledger.event import Actor
from phasegate.settings import Settings, Tests
from phasegate.wiring import RealDesk

ME = Actor("person", "me")
SHOP = {
    "pyproject.toml": '[project]\nname = "shop"\n[tool.pytest.ini_options]\npythonpath = ["src"]\n',
    "src/shop/__init__.py": "def price(amount):\n    return amount * 2\n",
    ".gitignore": "__pycache__/\n",
}
GOOD = "from shop import price\n\n\ndef test_price():\n    assert price(2) == 4\n"
BAD = "from shop import price\n\n\ndef test_price():\n    assert price(2) == 5\n"
QUICK = Tests(args=("-p", "no:cacheprovider"))


def written(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(dedent(text).lstrip("\n"))
    return root


def project(root: Path, files: Mapping[str, str]) -> Path:
    """A repository with the shop and `files`."""
    written(root, {**SHOP, **files})
    git(root, "init", "-q", "-b", "main")
    return root


def git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def committed(root: Path) -> str:
    """The tree of a commit of everything."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "state")
    return git(root, "rev-parse", "HEAD^{tree}")


class Checked:
    """What a check recorded."""

    def __init__(self, desk: RealDesk) -> None:
        found = desk.state().newest(TestsSeen)
        assert found is not None and isinstance(found.seen, TestsSeen)
        self.evidence: Evidence = found
        self.seen: TestsSeen = found.seen
        kept = next(artifact for artifact in found.artifacts if artifact.name == RUN_ARTIFACT)
        self.run = msgspec.json.decode(desk.kept(kept), type=TestRun)
        [self.verdict] = standing(("tests",), desk.state(), found.subject, desk.today())

    @property
    def says(self) -> Verdict:
        return self.verdict

    def layer(self, name: str) -> str:
        """What a layer of the first suite said, with a word before it when it did not run."""
        layer = next(layer for layer in self.seen.levels[0].layers if layer.name == name)
        return layer.said if layer.ran else f"not run: {layer.said}"


def checked(
    root: Path,
    tests: Tests = QUICK,
    *,
    since: str = "",
    then: Callable[[RealDesk, Checked], None] | None = None,
    settings: Settings | None = None,
) -> Checked:
    """Check the project once; `then` is called with the desk and what was recorded, before all is gone."""
    with standalone(str(root), ME, settings or Settings(project="p", tests=tests)) as desk:
        checking.check_here(desk, lambda said: None, since=since)
        found = Checked(desk)
        if then is not None:
            then(desk, found)
        return found
