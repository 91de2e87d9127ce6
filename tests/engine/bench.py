"""A bench to try the engine on: a real repository, a real ledger, a run, and the calls an agent makes by its hooks."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from phasegate.context.block import idle_lines, with_block
from phasegate.engine import checks
from phasegate.engine.advance import Outcome, leave, reopened
from phasegate.engine.answer import answer, settle_tree
from phasegate.entrypoints import scanning
from phasegate.entrypoints.cli.start import begin, read_plan
from phasegate.evidence.items import Artifact, CoverageSeen, NoCoverage
from phasegate.evidence.tests import Cause, TestResult, TestRun
from phasegate.evidence.tests import Outcome as TestOutcome
from phasegate.ledger.event import Actor
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import NoteCorrected, QuestionAnswered, TaskLinked
from phasegate.ledger.schema import fact_of
from phasegate.ledger.state import RunRecord, State
from phasegate.policy import calls as c
from phasegate.settings import Settings
from phasegate.wiring import Project, RealDesk, Trusted, begin_ledger, open_project
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.definition import Workflow
from phasegate.workspace import git

PLAN = """# Roadmap

## Phase 1: Adding [feature]

- [ ] 1.1 Add two numbers
- [ ] 1.2 Refuse text

## Phase 2: Telling [docs]

- [ ] 2.1 Say how
"""
PLAN_PATH = "docs/development_roadmap/phases.md"
OLD = "tests/test_app.py::test_old"
NEW = "tests/test_app.py::test_new"
PROJECT = "00000000-0000-4000-8000-000000000001"
MAIN = "session-1"


class Bench:
    """One project in one work tree, and whoever calls."""

    def __init__(self, root: Path, env: Mapping[str, str]) -> None:
        self.root = root
        self.env = env
        self.desk: RealDesk
        self.count = 0

    # -- the project ----------------------------------------------------------------------------------------------

    def lay_out(self, plan: str = PLAN, settings: Settings | None = None, workflow: Workflow = DEFAULT) -> None:
        """A committed repository with a ledger and no run."""
        self.root.mkdir(parents=True)
        self.write("src/app.py", "def old() -> int:\n    return 1\n")
        self.write("tests/test_app.py", "def test_old(): assert True\n")
        self.write("docs/guide.md", "# Guide\n")
        self.write(".gitignore", "__pycache__/\nstate/\n*.log\n")
        self.write("CLAUDE.md", with_block(b"", idle_lines()))  # as `phasegate init` leaves it
        self.write(PLAN_PATH, plan)
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "state")
        trusted = Trusted(settings or Settings(project=PROJECT), workflow, "")
        begin_ledger(git.locate(str(self.root)), PROJECT, trusted, self.env).close()
        self.open()

    def open(self, kind: type[RealDesk] = RealDesk) -> RealDesk:
        """A desk in a process of its own, as every hook call has one."""
        project: Project = open_project(str(self.root), self.env)
        self.desk = kind(project, Actor("agent", "claude", MAIN))
        return self.desk

    def begin(self, *, baseline: bool = True) -> None:
        """Read the plan, know the tests and begin a run, as `phasegate start` does."""
        read_plan(self.desk, self.desk.state())
        if baseline:
            self.tests({OLD: "passed"})
        begin(self.desk, self.desk.state())

    def git(self, *arguments: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        subprocess.run(["git", *arguments], cwd=self.root, env=environment, check=True, capture_output=True)

    # -- files ----------------------------------------------------------------------------------------------------

    def write(self, path: str, content: str | bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def exists(self, path: str) -> bool:
        return (self.root / path).exists()

    # -- what the ledger says -------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.desk.state()

    @property
    def run(self) -> RunRecord:
        run = self.state.run_in(self.desk.worktree)
        assert run is not None, "no run is active"
        return run

    @property
    def step(self) -> str:
        return self.run.step

    def facts(self, *kinds: type[Fact]) -> list[Fact]:
        """Every fact recorded so far, of these kinds."""
        facts = [fact_of(event) for event in self.desk.project.log.read()]
        return [fact for fact in facts if fact is not None and (not kinds or isinstance(fact, kinds))]

    # -- calls of a client ----------------------------------------------------------------------------------------

    def caller(self, session: str = MAIN, agent: str = "", pid: int = 0) -> c.Caller:
        return c.Caller("claude", session, str(self.root), "2.1.330", pid, agent, "general-purpose" if agent else "")

    def use(self, does: c.Does, paths: Iterable[str] = (), text: str = "", id: str = "") -> c.ToolUse:
        self.count += not id
        names = {"edit": "Write", "shell": "Bash", "read": "Read", "subagent": "Agent"}
        full = tuple(path if os.path.isabs(path) else str(self.root / path) for path in paths)
        return c.ToolUse(id or f"call-{self.count}", names.get(does, does), does, full, text)

    def asked(self, use: c.ToolUse, **caller: str) -> c.Answer:
        return answer(c.ToolAsked(self.caller(**caller), use), self.desk)  # type: ignore[arg-type]

    def returned(self, use: c.ToolUse, *, ok: bool = True, **caller: str) -> c.Answer:
        return answer(c.ToolReturned(self.caller(**caller), use, ok), self.desk)  # type: ignore[arg-type]

    def edit(self, path: str, content: str, **caller: str) -> c.Answer:
        """An edit tool: it writes only when nobody refuses."""
        use = self.use("edit", [path], content)
        said = self.asked(use, **caller)
        if isinstance(said, c.Refuse):
            return said
        self.write(path, content)
        return self.returned(use, **caller)

    def shell(self, act: Callable[[], object], text: str = "make", **caller: str) -> c.Answer:
        """A shell call that does what `act` does."""
        use = self.use("shell", text=text)
        said = self.asked(use, **caller)
        assert not isinstance(said, c.Refuse), said
        act()
        return self.returned(use, **caller)

    def shell_writes(self, path: str, content: str, **caller: str) -> c.Answer:
        return self.shell(lambda: self.write(path, content), **caller)

    def stop(self, session: str = MAIN) -> c.Answer:
        return answer(c.TurnEnding(self.caller(session), False), self.desk)

    def prompt(self, text: str = "Continue the plan.", session: str = MAIN) -> c.Answer:
        return answer(c.PromptGiven(self.caller(session), text), self.desk)

    def opens(self, source: str = "startup", session: str = MAIN, pid: int = 0) -> c.Answer:
        return answer(c.SessionOpened(self.caller(session, pid=pid), source), self.desk)

    def closes(self, reason: str = "other", session: str = MAIN) -> c.Answer:
        return answer(c.SessionClosed(self.caller(session), reason), self.desk)

    # -- commands -------------------------------------------------------------------------------------------------

    def tests(
        self, outcomes: Mapping[str, str], *, coverage: CoverageSeen | NoCoverage | None = None, complete: bool = True
    ) -> str:
        """Evidence of a test run on the tree as it is: each id `passed`, `skipped`, or the cause of its failure."""
        scanning.compare_tests(self.desk, lambda said: None)
        state, desk = self.state, self.desk
        seen = desk.tree.observe(state.views.get(desk.worktree, {}))
        run = state.run_in(desk.worktree)
        whole = _test_run(outcomes, complete)
        before, compared_to = checks.baseline_of(desk, state, run) or (None, "")
        tests = checks.seen_of(whole, before, compared_to, checks.red_seen(state, run))
        kept: Artifact = desk.keep(checks.RUN_ARTIFACT, msgspec.json.encode(whole))
        facts = checks.evidence_facts(
            desk, state, run, check="check-1", tests=tests, coverage=coverage or CoverageSeen("coverage", 10, 10),
            subject=seen.subject, tree=seen.tree, artifacts=(kept,),
        )  # fmt: skip
        desk.record(facts, relying_on=None)
        return next(reversed(list(self.state.evidence.values()))).id

    def done(self) -> Outcome:
        """`phasegate done`, as a person calls it."""
        state, desk = self.desk.state(), self.desk
        run = state.run_in(desk.worktree)
        assert run is not None
        state, _ = settle_tree(desk, state, run)
        return leave(desk, state, desk.tree.observe(state.views.get(desk.worktree, {})))

    def link(self) -> None:
        """Link every task of the phase to the newest evidence of the tree as it is."""
        state, run = self.state, self.run
        seen = self.desk.tree.observe(state.views.get(self.desk.worktree, {}))
        fresh = [e.id for e in state.evidence.values() if e.speaks_for(seen.subject)][:1]
        listed = state.planned(run.phase)
        assert fresh and listed is not None
        self.desk.record([TaskLinked(run.phase, task.id, tuple(fresh)) for task in listed.tasks], relying_on=None)

    def categorise(self, category: str) -> None:
        """Give every open note of the phase a category."""
        notes = self.state.open_notes(self.run.phase)
        self.desk.record([NoteCorrected(note.id, category) for note in notes], relying_on=None)  # type: ignore[arg-type]

    def answers(self, verdict: str = "approve") -> None:
        """A person answers every open question."""
        for question in self.state.open_questions():
            given = QuestionAnswered(question.id, verdict, "so be it", "weak", "ann")  # type: ignore[arg-type]
            self.desk.record([given, *reopened(self.state, question.id)], relying_on=None)

    # -- a feature phase, honestly ----------------------------------------------------------------------------------

    def to_write_tests(self) -> None:
        """From the first step to the one that writes tests."""
        assert self.done().entered == ("explore",)
        assert self.done().entered == ("write_tests",), self.done().held_by

    def to_implement(self) -> None:
        """With a test that fails as it should."""
        self.to_write_tests()
        self.write("tests/test_app.py", "def test_old(): assert True\ndef test_new(): assert False\n")
        self.tests({OLD: "passed", NEW: "assertion"})
        outcome = self.done()
        assert outcome.entered == ("implement",), outcome.held_by

    def to_doublecheck(self) -> None:
        """With code that makes it pass."""
        self.to_implement()
        self.write("src/app.py", "def old() -> int:\n    return 1\n\n\ndef new() -> int:\n    return 2\n")
        assert self.done().entered == ("run_tests",)
        self.tests({OLD: "passed", NEW: "passed"})
        outcome = self.done()
        assert outcome.entered == ("doublecheck",), outcome.held_by

    def to_close(self) -> None:
        """Before the call that closes the phase."""
        self.to_doublecheck()
        self.link()
        outcome = self.done()
        assert outcome.entered == ("close_phase",), outcome.held_by


def _test_run(outcomes: Mapping[str, str], complete: bool) -> TestRun:
    results = tuple(_result(id, said) for id, said in outcomes.items())
    why = "" if complete else "it was interrupted"
    return TestRun("pytest 9", ("pytest",), 0, complete, why, results, len(results), 0, "3.11", "/")


def _result(id: str, said: str) -> TestResult:
    plain: tuple[str, ...] = ("passed", "skipped", "xfailed")
    outcome: TestOutcome = said if said in plain else "failed"  # type: ignore[assignment]
    cause: Cause = "" if said in plain else said  # type: ignore[assignment]
    return TestResult(id, outcome, cause, "it is not so" if cause else "", id.partition("::")[0], 1)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
