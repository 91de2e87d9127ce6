"""Several attempts at one phase: the gates choose, the drive proves the chosen one again, the rest is archived."""

from __future__ import annotations

import re
import threading

import msgspec
import pytest

from phasegate.entrypoints.demo.script import Request, Turn, call, say
from phasegate.ledger import driving as d
from phasegate.ledger import facts as f
from tests.real_client.conftest import NewProject
from tests.real_client.nights import DOCS, PLAN, RELEASE, Night
from tests.real_client.project import SHOP
from tests.real_client.project import bash as in_shell
from tests.real_client.test_drive_environment import CODE, FEATURE, TEST
from tests.real_client.which import with_the_real_one

ROOT = re.compile(r"/[^\s\"'`]*/attempts/drive-[^\s\"'`/,:)]+")


def bash(command: str) -> Turn:
    """A command whose output tells the model where it works: nothing else in a request does."""
    return in_shell(f"{command}; pwd")


class Agents:
    """A model that talks to several agents at once and knows each by the folder it works in."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes
        self._at: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Turn:
        found = ROOT.search(request.news)
        if found is None:
            return say("Done.")
        root = found[0]
        with self._lock:
            known = list(self._at)
            number = known.index(root) if root in known else len(known)
            turn = self._at.get(root, 0)
            self._at[root] = turn + 1
        turns = self._turns(root, self._codes[number])
        return turns[turn] if turn < len(turns) else say("Done.")

    def _turns(self, root: str, content: str) -> list[Turn]:
        if not content.startswith(CODE[:6]):
            return self._docs(root, content)
        return [
            bash("phasegate done"),
            bash("phasegate done"),
            call("Write", file_path=f"{root}/tests/test_discount.py", content=TEST),
            bash("phasegate check tests"),
            bash("phasegate done"),
            call("Write", file_path=f"{root}/{SHOP}", content=content),
            bash("phasegate done"),
            bash("phasegate check tests; phasegate done"),
            bash("phasegate evidence link 1.1 && phasegate done"),
            bash("phasegate done"),
            bash("phasegate done"),
        ]

    def _docs(self, root: str, content: str) -> list[Turn]:
        return [
            bash("phasegate done"),
            bash("phasegate done"),
            call("Write", file_path=f"{root}/README.md", content=content),
            bash("phasegate done"),
            bash("phasegate record -- grep -q how README.md && phasegate evidence link 1.1 && phasegate done"),
            bash("phasegate done"),
            bash("phasegate done"),
        ]


class Case(msgspec.Struct):
    """A plan of one phase, what each of two agents writes, and where the better one's work is seen."""

    plan: str
    worse: str
    better: str
    path: str
    baseline: bool = False


MORE = "and more that nobody asked for\n"
CASES = {
    "docs": Case(DOCS, f"# Shop\n\nhow\n{MORE}", "# Shop\n\nhow\n", "README.md"),
    # In the longer tier only: six test runs and three clients.
    "feature": Case(FEATURE, f"{CODE}\n\ndef unasked(amount: int) -> int:\n    return amount\n", CODE, SHOP, True),
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("case", CASES if RELEASE else ("docs",))
@with_the_real_one
def test_the_gates_choose_among_attempts_and_the_rest_is_archived(new_project: NewProject, case: str) -> None:
    it = CASES[case]
    night = Night(new_project({PLAN: it.plan}))
    agents = Agents(it.worse, it.better)
    driven = night.drive(*[agents] * 80, options=("--attempts", "2"), baseline=it.baseline, timeout=300)
    assert driven.code == 0, driven.stderr + driven.stdout
    (chosen,) = night.facts(d.AttemptChosen)
    tried = {fact.drive for fact in night.facts(d.DriveStarted) if fact.attempt_of}
    assert chosen.winner in tried and len(tried) == 2, chosen.why
    assert night.project.git("show", f"{driven.result['branch']}:{it.path}") == it.better
    (loser,) = tried - {chosen.winner}
    with night.project.desk() as desk:
        patch = desk.project.blobs.get(chosen.archived[loser])
    assert it.worse.splitlines()[-1].encode() in patch
    (closed,) = night.facts(f.PhaseClosed)
    assert all(gate.says == "pass" for gate in closed.gates) and driven.result["closed"] == ["1"]
    assert not list(night.project.state_home.glob("phasegate/*/*/attempts/*")) and driven.result["cost_usd"] > 0
