"""Kills hooks and commands with SIGKILL in the middle of a run of the default workflow, and checks that it goes on.

    python reliability/kill_commands.py --kills 500 --record

A round is one project with a plan of many small phases. A driver plays the agent: it calls the real hook with the
payloads of a client, and the real commands, in the order the steps ask for. Calls are killed at random: at an instant
drawn by the clock, or just before one of the writes they make (see `struck.py`); the process alone or its whole group,
now and then the detached test runner. Then the driver goes on as a new session or the same one would, and repeats what
was not acknowledged, until the plan is complete. Exit code 1 when the ledger, the archive, the plan, the views or the
way through the steps are not as promised; `Promises` lists what is checked.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import struck
from project import FILES, FORBIDDEN, TESTED, Project
from promises import Promises
from trials import Lost, Trial, parsed, parser, run

from phasegate.entrypoints.cli.start import HAND_OVER
from phasegate.evidence.items import TestsSeen
from phasegate.ledger.state import RunRecord

ROUND: Final = 60
"""Kills after which a project is brought to its end, and a new one begun."""

KILLS_A_PHASE: Final = 12
"""How many phases a plan has for its kills; the more there are, the more often one is closed under fire."""

OFTEN: Final = {
    "SessionStart": 0.1, "UserPromptSubmit": 0.05, "PostToolUse": 0.6, "Stop": 0.8, "done --json": 0.8,
    "check tests": 0.7, "evidence link": 0.6,
}  # fmt: skip
"""How often a call is killed; of the others, four in ten."""

LEAVES: Final = frozenset({"done --json", "Stop"})
"""Calls that may close a phase: with a bug planted in the closing, only they are killed."""

SECONDS: Final = 120.0
"""How long one call may take, and one round may stand still."""


class Struck(Exception):
    """The call at hand was killed."""


class Ended(msgspec.Struct, frozen=True):
    """How a call ended: its exit code (negative: the signal), what it printed, how many writes it made, how long."""

    code: int
    said: str
    writes: int
    seconds: float

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Round:
    """One project, brought through its plan under fire."""

    def __init__(self, base: str, phases: int, chance: random.Random, bug: str) -> None:
        self._chance = chance
        self._bug = bug
        self._phases = phases
        self.project = Project(base, phases)
        self.promises = Promises(self.project)
        self.kills = 0
        self._wanted = 0
        self._typical: dict[str, tuple[int, float]] = {}
        self._sessions = 0
        self._calls = 0
        self._session = ""
        self._client: subprocess.Popen[bytes] | None = None
        self._acts: set[tuple[str, str]] = set()

    def play(self, kills: int) -> int:
        """To the end of the plan with at most `kills` kills; how many there were."""
        self._wanted = kills
        last, since = -1, time.monotonic()
        try:
            while (run := self._run()) is not None:
                position = self.promises.whole.position
                if position != last:
                    last, since = position, time.monotonic()
                elif time.monotonic() - since > SECONDS:
                    raise Lost(f"nothing moves any more at step {run.step} of phase {run.phase}")
                try:
                    if not self._session:
                        self._open_session()
                    self._act(run)
                except Struck:
                    self.promises.check()
                    if self._chance.random() < 0.7:
                        self._end_session()
            self._command("status", "--json", strike=False)
            self.promises.check_end(self._phases)
        finally:
            self._end_session()
        return self.kills

    def _run(self) -> RunRecord | None:
        return self.promises.check().run_in(self.project.root)

    # -- what an agent does at each step --

    def _act(self, run: RunRecord) -> None:
        phase, tested = run.phase, run.phase == TESTED
        match run.step:
            case "explore":
                self._once(phase, "surprise", lambda: self._note("discovery", f"Page {phase} is new.", "minor"))
                if tested:
                    self._once(phase, "baseline", self._check_tests)
            case "implement":
                self._once(phase, "doubt", lambda: self._note("uncertainty", f"Is page {phase} short?", "major"))
                self._once(phase, "ask", lambda: self._ask(phase))
                self._once(phase, "page", lambda: self._write(f"docs/page{phase}.md", f"# Page {phase}\n\n- short\n"))
                if not tested:
                    self._once(phase, "trespass", lambda: self._shell(FORBIDDEN, "plus = None\n"))
                if FORBIDDEN in self.promises.check().runs[run.id].held:  # two calls are in flight: the agent undoes it
                    self._shell(FORBIDDEN, FILES[FORBIDDEN])
                self._once(phase, "resolve", lambda: self._resolve(phase))
            case "run_tests":
                self._once(phase, "tests", self._check_tests)
            case "doublecheck":
                self._once(phase, "link", lambda: self._link(phase, tested))
            case _:
                pass
        self._leave(run)

    def _once(self, phase: str, name: str, act: Callable[[], None]) -> None:
        """Do `act` unless it was acknowledged before; whoever was killed does it anew, without looking."""
        if (phase, name) not in self._acts:
            act()
            self._acts.add((phase, name))

    def _note(self, kind: str, text: str, severity: str) -> None:
        said = self._command("note", "add", kind, text, "--severity", severity, "--category", "implement", "--json")
        self.promises.acknowledge(("NoteAdded", said["note"]))

    def _doubt(self, phase: str) -> str:
        notes = self.promises.check().notes.values()
        return next(note.id for note in notes if note.phase == phase and note.kind == "uncertainty")

    def _ask(self, phase: str) -> None:
        self._command("note", "ask", self._doubt(phase), f"How short shall page {phase} be?")

    def _resolve(self, phase: str) -> None:
        doubt = self._doubt(phase)
        self._command("note", "resolve", doubt, "It has one line.", accept=(0, 2))
        self.promises.acknowledge(("NoteResolved", doubt))

    def _link(self, phase: str, tested: bool) -> None:
        ids: list[str] = []
        if not tested:
            said = self._command("record", "--json", "--", "git", "rev-parse", "HEAD")
            ids = [said["evidence"]["id"]]
            self.promises.acknowledge(("EvidenceRecorded", *ids))
        tasks = (f"{phase}.1", f"{phase}.2")
        self._command("evidence", "link", *tasks, *(part for id_ in ids for part in ("--evidence", id_)))
        links = self.promises.check_settled().record_of(phase).links
        self.promises.acknowledge(*(("TaskLinked", phase, task, *(ids or links[task])) for task in tasks))

    def _check_tests(self) -> None:
        self._command("check", "tests", "--json", accept=(0, 7))
        with self.project.opened() as desk:
            state = desk.state()
            subject = desk.tree.observe(state.views.get(desk.worktree, {})).subject
            if state.newest(TestsSeen, subject=subject) is None:
                raise Struck  # the runner itself was killed: the tests have to be run once more

    def _leave(self, run: RunRecord) -> None:
        """End the step by `phasegate done`, or by ending the turn."""
        if self._chance.random() < 0.6:
            said = self._command("done", "--json")
            self.promises.acknowledge(*(("StepEntered", run.phase, step) for step in said["entered"][:1]))
            self.promises.check_settled()
            return
        said = self._hook("Stop", stop_hook_active=False, last_assistant_message="Done.")
        if said.get("decision") == "block":
            self.promises.acknowledge(("StopRefused", self._session))

    def _write(self, path: str, content: str) -> None:
        """The Write tool of the client."""
        full = os.path.join(self.project.root, path)
        fields = {"tool_name": "Write", "tool_input": {"file_path": full, "content": content}}
        self._tool(fields, lambda: self.project.write(path, content))

    def _shell(self, path: str, content: str) -> None:
        """A shell command that writes where the step forbids it."""
        fields = {"tool_name": "Bash", "tool_input": {"command": f"echo '{content.strip()}' > {path}"}}
        self._tool(fields, lambda: self.project.write(path, content))

    def _tool(self, fields: dict[str, Any], act: Callable[[], None]) -> None:
        self._calls += 1
        call = f"toolu_{self._calls:08}"
        self._hook("PreToolUse", **fields, tool_use_id=call)
        self.promises.acknowledge(("CallAsked", call))
        act()
        self._hook("PostToolUse", **fields, tool_use_id=call, tool_response={"ok": True})
        self.promises.acknowledge(("CallReturned", call))

    # -- sessions and calls --

    def _open_session(self) -> None:
        self._sessions += 1
        self._client = subprocess.Popen(("sleep", "100000"))
        self._session = f"session-{self._sessions}"
        try:
            self._hook("SessionStart", source=self._chance.choice(["startup", "resume"]))
            self.promises.acknowledge(("SessionBegan", self._session))
            self._hook("UserPromptSubmit", prompt=HAND_OVER)
            self.promises.acknowledge(("PromptTaken", self._session))
        except Struck:
            self._end_session()
            raise

    def _end_session(self) -> None:
        """The client is killed with its session."""
        if self._client is not None:
            self._client.kill()
            self._client.wait()
        self._client, self._session = None, ""

    def _hook(self, event: str, **fields: Any) -> dict[str, Any]:
        payload = {"session_id": self._session, "transcript_path": "/dev/null", "cwd": self.project.root}
        payload |= {"hook_event_name": event, "permission_mode": "acceptEdits", **fields}
        ended = self._call(("hook", "claude"), event, msgspec.json.encode(payload))
        if "phasegate cannot decide" in ended.said or "is not guiding this session" in ended.said:
            raise Lost(f"the hook failed at {event}: {ended.said[-1500:]}")
        return self._answer(event, ended, (0,))

    def _command(self, *arguments: str, accept: tuple[int, ...] = (0, 1), strike: bool = True) -> dict[str, Any]:
        return self._answer(" ".join(arguments), self._call(arguments, " ".join(arguments[:2]), b"", strike), accept)

    def _answer(self, what: str, ended: Ended, accept: tuple[int, ...]) -> dict[str, Any]:
        if ended.code not in accept:
            raise Lost(f"{what} ended with {ended.code}: {ended.said[-1500:]}")
        lines = [line for line in ended.said.splitlines() if line.startswith("{")]
        return msgspec.json.decode(lines[-1]) if lines else {}  # type: ignore[no-any-return]

    def _call(self, arguments: tuple[str, ...], kind: str, given: bytes, strike: bool = True) -> Ended:
        """Make one call; at random it is killed, and then Struck is raised."""
        writes, seconds = self._typical.get(kind, (12, 0.2))
        due = self._wanted * (len(self._closed()) + 1) // self._phases
        aimed = strike and (not self._bug or kind in LEAVES)
        fire = aimed and self.kills < min(due, self._wanted) and self._chance.random() < OFTEN.get(kind, 0.4)
        by_clock = fire and not self._bug and self._chance.random() < 0.3
        at = self._chance.randint(1, max(writes, 1)) if fire and not by_clock else 0
        whole_group = self._chance.random() < 0.5
        hunt = kind == "check tests" and fire and self._chance.random() < 0.5
        begun = time.monotonic()
        child = Child(self.project.root, self._environment(), given)
        if by_clock:
            child.execute(arguments)
            instant = 0.1 + self._chance.random() * 1.2 * max(seconds, 0.5)
            child.wait(SECONDS if hunt else instant, self._hunter(hunt))
            child.kill(whole_group)
        else:
            child.fork(arguments, 0 if hunt else at, whole_group, self._bug)
            child.wait(SECONDS, self._hunter(hunt))
        ended = child.ended(time.monotonic() - begun)
        if ended.killed:
            if not fire:
                raise Lost(f"{kind} did not end within {SECONDS:g} s: {ended.said[-1500:]}")
            self.kills += 1
            raise Struck
        if not by_clock:
            self._typical[kind] = (max(self._typical.get(kind, (0, 0))[0], ended.writes), ended.seconds)
        return ended

    def _closed(self) -> set[str]:
        """The phases that are closed: kills are spread over all, each phase has its share."""
        phases = self.promises.whole.phases.values()
        return {record.id for record in phases if record.status in ("closed", "publishing")}

    def _hunter(self, hunt: bool) -> Callable[[], None]:
        """Kills the detached runner once it is at work, some time later."""
        fuse = [self._chance.random() * 1.5]

        def look() -> None:
            if not hunt or not fuse:
                return
            with self.project.opened() as desk:
                run = desk.state().run_in(self.project.root)
                runners = list(run.checks.values()) if run else []
            if runners:
                time.sleep(fuse.pop())
                try:
                    self._chance.choice([os.kill, os.killpg])(runners[0].pid, signal.SIGKILL)
                    self.kills += 1
                except ProcessLookupError:
                    pass

        return look

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_STATE_HOME", "GIT_CONFIG_NOSYSTEM")}
        client = str(self._client.pid) if self._client else "0"
        return {
            **kept, "CLAUDECODE": "1", "CLAUDE_CODE_SESSION_ID": self._session, "CLAUDE_PID": client,
            "CLAUDE_PROJECT_DIR": self.project.root, "AI_AGENT": "claude-code_2-1-330_harness",
        }  # fmt: skip


HOOK = """
import os, sys
named = int(os.environ["CLAUDE_PID"])
os.getppid = lambda: named
from phasegate.entrypoints.hook import main
main(sys.argv[1:])
"""
"""The program of the hook, below the process that the environment names as the client: a client starts it itself."""


class Child:
    """One call as a process in a group of its own, and what it prints."""

    def __init__(self, folder: str, environment: Mapping[str, str], given: bytes) -> None:
        self._folder, self._environment = folder, environment
        self._given, self._told = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        self._given.write(given)
        self._given.seek(0)
        self._near, self._far = os.pipe()
        self._status: int | None = None

    def execute(self, arguments: tuple[str, ...]) -> None:
        """Start the real program."""
        program = (sys.executable, "-I", "-c", HOOK, "claude")
        if arguments[0] != "hook":
            program = (os.path.join(os.path.dirname(sys.executable), "phasegate"), *arguments)
        self.pid = subprocess.Popen(
            program, stdin=self._given, stdout=self._told, stderr=self._told, cwd=self._folder,
            env=dict(self._environment), start_new_session=True,
        ).pid  # fmt: skip

    def fork(self, arguments: tuple[str, ...], at: int, whole_group: bool, bug: str) -> None:
        """Start the same from what is imported already, so that it dies at its write number `at`."""
        self.pid = struck.fork(
            arguments, given=self._given.fileno(), told=self._told.fileno(), pipe=self._far, folder=self._folder,
            environment=self._environment, at=at, whole_group=whole_group, bug=bug,
        )  # fmt: skip

    def wait(self, seconds: float, meanwhile: Callable[[], None]) -> None:
        """Until it ended, or the time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._reaped(os.WNOHANG):
            meanwhile()
            time.sleep(0.005)

    def kill(self, whole_group: bool) -> None:
        if self._status is None:
            (os.killpg if whole_group else os.kill)(self.pid, signal.SIGKILL)

    def ended(self, seconds: float) -> Ended:
        """How it ended; killed, should it still run."""
        if self._status is None:
            self.kill(True)
            self._reaped(0)
        os.close(self._far)
        writes = 0
        os.set_blocking(self._near, False)
        try:
            while piece := os.read(self._near, 65536):
                writes += len(piece)
        except BlockingIOError:
            pass
        os.close(self._near)
        self._told.seek(0)
        said = self._told.read().decode("utf-8", "replace")
        self._given.close()
        self._told.close()
        assert self._status is not None
        return Ended(os.waitstatus_to_exitcode(self._status), said, writes, seconds)

    def _reaped(self, how: int) -> bool:
        if self._status is None:
            pid, status = os.waitpid(self.pid, how)
            self._status = status if pid else None
        return self._status is not None


def play(trial: Trial) -> tuple[int, str]:
    """One project under fire, to the end of its plan."""
    wanted = min(ROUND, trial.left)
    round_ = Round(trial.directory, max(3, wanted // KILLS_A_PHASE), trial.chance, trial.bug)
    return round_.play(wanted), f"{round_.promises.acknowledged} effects acknowledged"


def main() -> int:
    arguments = parsed(parser(__doc__, counts="kills", default=60, bugs=struck.BUGS))
    what = (
        "kills of hooks, commands and test runners in runs of the default workflow, all of which went on to their end"
    )
    return run(arguments, play, name="kill_commands", counts="kills", what=what)


if __name__ == "__main__":
    sys.exit(main())
