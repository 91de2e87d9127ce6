"""The supervisor: starts the client, watches it, waits out what passes, commits closed phases, ends at a limit."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import msgspec

from phasegate.agents import claude_run, claude_transcripts
from phasegate.engine import driving
from phasegate.engine.advance import leave, park
from phasegate.engine.answer import ANSWERED, gone, settle_tree
from phasegate.engine.judge import shown_views
from phasegate.entrypoints.cli.session import again
from phasegate.entrypoints.cli.start import HAND_OVER
from phasegate.entrypoints.driving import commits
from phasegate.entrypoints.driving.client_process import ClientProcess
from phasegate.entrypoints.driving.telling import Teller
from phasegate.errors import Exit, Failure
from phasegate.ledger.driving import ClientEnded, ClientEnding, ClientLaunched, DriveEnded, WaitBegan
from phasegate.ledger.state import DriveRecord, RunRecord, State
from phasegate.wiring import RealDesk
from phasegate.workspace import branches, processes

TICK = 0.2
LOOK = 0.7
"""Seconds between two looks at the ledger."""

ASLEEP = 20.0
"""Seconds that the wall clock may run ahead of the other before the machine is taken to have slept."""


class TreeGone(Failure):
    """Somebody removed the work tree under a drive."""

    code = "tree-gone"
    exit_code = Exit.CANNOT_TELL


class Order(msgspec.Struct, frozen=True):
    """What the supervisor was told: which client, how it may work, how patient to be."""

    program: str
    rules: tuple[str, ...] = claude_run.BASE_RULES
    model: str = ""
    silent_seconds: float = 900.0
    longest_ms: int = driving.LONGEST_MS


class Supervisor:
    """Drives one run in one work tree to its end, its limit, or a person's question."""

    def __init__(self, desk: RealDesk, drive: str, order: Order, teller: Teller) -> None:
        self.desk, self.order, self.teller = desk, order, teller
        self._id = drive
        self._stopped = False
        self._slept_ms = 0
        self._clocks = (time.time(), time.monotonic())
        self._last: claude_run.Ending | None = None
        self._since_ms = 0
        self._progress, self._waited, self._barren = False, False, 0
        self._held: Failure | None = None
        self._a_persons = False
        self._sessions: dict[str, claude_run.Spent] = {}
        self._step = self._put_away = ""

    # --- what is known ------------------------------------------------------------------------------------------------

    @property
    def _drive(self) -> DriveRecord:
        return self.desk.state().drives[self._id]

    @property
    def _run(self) -> RunRecord | None:
        state = self.desk.state()
        return state.runs.get(state.current.get(self.desk.worktree, ""))

    def _used(self, live: claude_run.Reader | None = None) -> driving.Used:
        drive = self._drive
        awake = self.desk.now_ms() - drive.started_ms - self._slept_ms
        used = driving.used_by(drive, awake_ms=awake)
        if live is None:
            return used
        return msgspec.structs.replace(used, tokens=used.tokens + live.tokens.total)

    def _situation(self) -> driving.Situation:
        state, run = self.desk.state(), self._run
        step = self.desk.workflow.step(run.step) if run is not None else None
        rests = step is not None and step.rests
        asks = step is not None and not set(ANSWERED).isdisjoint(step.leaves_when)
        last = self._last
        return driving.Situation(
            driving.position(state, run, rests=rests, asks=asks), self._drive.limits, self._used(), self.desk.now_ms(),
            last.how if last else None, last.said if last else "", last.until_ms if last else 0, self._progress,
            self._barren, self._waited, self._since_ms, self.order.longest_ms,
        )  # fmt: skip

    # --- the loop -----------------------------------------------------------------------------------------------------

    def work(self) -> driving.Finish:
        """Drive until there is nothing left to do now, and record how it ended."""
        self._a_persons = driving.left_to_a_person(self.desk.state(), self._id)
        with self._signals():
            try:
                finish = self._to_the_end()
            except Failure as failure:
                finish = driving.Finish("failed", failure.message, failure.exit_code)
                self.teller.say(f"{failure.message} {failure.hint}")
        self.desk.record([DriveEnded(self._id, finish.outcome, finish.said, finish.exit_code)], relying_on=None)
        return finish

    def _to_the_end(self) -> driving.Finish:
        self._go_on_where_answered()
        while True:
            self._commit()
            self._arrange()
            if self._held is not None:
                return driving.Finish("waiting", self._held.message, Exit.WAITING_FOR_PERSON)
            move = driving.next_move(self._situation(), random.random())
            match move:
                case driving.Finish():
                    return move
                case driving.Launch():
                    self._launch(move)
                case driving.WaitUntil():
                    self._wait(move)
                case driving.Park():
                    self._park(move.why)

    def _go_on_where_answered(self) -> None:
        """A run that waited goes on by itself when its question was answered, or a phase became free."""
        run = self._run
        if run is not None and run.drives and self.desk.workflow.step(run.step).rests:
            again(
                lambda state: leave(self.desk, state, self.desk.tree.observe(shown_views(self.desk, state))), self.desk
            )

    def _park(self, why: str) -> None:
        run = self._run
        assert run is not None
        said = self._last.said if self._last else ""

        def act(state: State) -> None:
            state, _ = settle_tree(self.desk, state, state.runs[run.id])
            park(self.desk, state, why, self.desk.tree.observe(shown_views(self.desk, state)), said)

        again(act, self.desk)
        self._barren, self._last, self._progress = 0, None, True
        self.teller.say(f"phase {run.phase} is parked for a person: {why}", parked=run.phase)

    def _commit(self) -> None:
        run = self._run
        if run is None or self._held is not None:
            return
        try:
            for phase in commits.commit_owed(self.desk, self._drive, run, a_persons=self._a_persons):
                self.teller.say(f"phase {phase} is closed and committed", committed=phase)
        except branches.CommitHeld as failure:
            self._held = failure
            commits.ask_about(self.desk, run, failure)
            self.teller.say(f"{failure.message} {failure.hint}", held=True)

    def _arrange(self) -> None:
        """With nobody at work: set the work of deferred phases aside, and bring back that of a phase taken up again."""
        run = self._run
        if run is None or self._held is not None:
            return
        for phase in commits.set_aside(self.desk, self._drive, run):
            self.teller.say(f"what was done of phase {phase} is set aside", aside=phase)
        branch = commits.take_up(self.desk, self._drive, run)
        if branch:
            self.teller.say(f"phase {run.phase} goes on with what is on {branch}", taken_up=run.phase)

    def _wait(self, move: driving.WaitUntil) -> None:
        self.desk.record([WaitBegan(self._id, move.why, move.until_ms, move.attempt)], relying_on=None)
        self.teller.waits(move.why, move.until_ms, move.attempt)
        while (left := move.until_ms - self.desk.now_ms()) > 0 and not self._stopped:
            self.teller.counts(move.why, left)
            time.sleep(min(TICK * 2, left / 1000))
            self._notice_sleep()
        if self._stopped:
            self._last = claude_run.Ending("stopped")
        self._waited = True

    # --- the client ---------------------------------------------------------------------------------------------------

    def _launch(self, move: driving.Launch) -> None:
        """Start the client and stay with it to its end."""
        if not os.path.isdir(self.desk.worktree):
            raise TreeGone(
                f"{self.desk.worktree}, the work tree of this drive, is gone.",
                hint="What closed phases changed is on its branch; `phasegate drive` begins anew.",
            )
        before = driving.progress_mark(self.desk.state(), self.desk.worktree)
        session = self._last.session if move.resume and self._last is not None else ""
        reader = claude_run.Reader(self._sessions.get(session, claude_run.Spent()))
        start = self._start(session)
        process = ClientProcess(claude_run.argv(start), cwd=self.desk.worktree, env=self._environment())
        launch = self.desk.new_id("launch")
        try:
            launched = ClientLaunched(
                self._id, launch, process.pid, process.born, move.why, claude_run.MODE, self.order.rules
            )
            self.desk.record([launched], relying_on=None)
            self.teller.say(f"{move.why}: the client is started", launch=launch, why=move.why)
            ours, why = self._watch(process, reader)
        except BaseException:
            process.kill()
            raise
        code, errors = process.ended()
        self._ended(launch, reader, reader.ending(code, errors=errors, ours=ours), why, before)

    def _start(self, session: str) -> claude_run.Start:
        limits, used = self._drive.limits, self._used()
        spent = self._sessions.get(session, claude_run.Spent()).cost_usd
        budget = limits.cost_usd - used.cost_usd + spent if limits.cost_usd else 0.0
        where = self.desk.project.where
        return claude_run.Start(
            self.order.program, HAND_OVER, session or str(uuid.uuid4()), self.order.rules, bool(session),
            self.order.model, budget, where.top if where.prefix else "",
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        commands = os.path.dirname(os.path.abspath(sys.executable))
        return claude_run.environment(os.environ, commands=commands)

    def _watch(self, process: ClientProcess, reader: claude_run.Reader) -> tuple[ClientEnding | None, str]:
        """Hear what it says until it ends; end it when it is silent, at a limit, or when a person stops us."""
        alive = looked = time.monotonic()
        position = self.desk.state().position
        ours: ClientEnding | None = None
        why = self._put_away = ""
        while (line := process.line(TICK)) is not None:
            now = time.monotonic()
            if line:
                alive = now
                reader.hear(line)
            if ours is not None:
                continue
            if self._notice_sleep():
                alive = now
            if now - looked > LOOK or not line:
                looked = now
                position, alive = self._look(position, alive, now)
            ours, why = self._why_end(reader, now - alive)
            if ours == "silent":
                process.kill()
            elif ours is not None:
                process.stop()
        return ours, why

    def _look(self, position: int, alive: float, now: float) -> tuple[int, float]:
        """Look at the ledger: a hook call shows that the client lives, a closed phase wants its commit."""
        state = self.desk.state()
        if state.position == position:
            return position, now if self._runs_tests() else alive
        run = self._run
        if run is not None and run.step != self._step:
            self._step = run.step
            self.teller.say(f"phase {run.phase}, step {run.step}", phase=run.phase, step=run.step)
        if run is not None and run.status != "ended":  # else once the client is gone: nothing holds its hands now
            self._commit()
            self._put_away = driving.waits_for_supervisor(self.desk.state(), run)
        return self.desk.state().position, now

    def _runs_tests(self) -> bool:
        """Whether a runner of ours is at work: whoever waits for it has nothing to say."""
        run = self._run
        return run is not None and any(processes.born(one.pid) == one.born for one in run.checks.values())

    def _why_end(self, reader: claude_run.Reader, silent: float) -> tuple[ClientEnding | None, str]:
        if self._stopped:
            return "stopped", "stopped by a person"
        if self._held is not None:
            return "stopped", "a commit is held"
        if self._put_away:
            return "stopped", self._put_away
        limit = driving.reached(self._drive.limits, self._used(reader), self.desk.now_ms())
        if limit:
            return "stopped", limit
        if silent > self.order.silent_seconds:
            return "silent", f"it said nothing for {silent:.0f} s"
        return None, ""

    def _ended(
        self, launch: str, reader: claude_run.Reader, ending: claude_run.Ending, why: str, before: tuple[int, str]
    ) -> None:
        """Record the end of a client, and whether it got anywhere."""
        cost = ending.cost_usd or self._cost_left_behind(ending.session)
        ending = msgspec.structs.replace(ending, said=why or ending.said, cost_usd=cost)
        ended = ClientEnded(
            self._id, launch, ending.how, ending.said, ending.session, ending.turns, ending.cost_usd, ending.tokens,
            ending.until_ms,
        )  # fmt: skip
        self.desk.record([ended], relying_on=None)
        self._gone(ending.session)
        self._remember(ending)
        self._progress = driving.progress_mark(self.desk.state(), self.desk.worktree) != before
        self._barren = 0 if self._progress else self._barren + 1
        self._waited, self._since_ms = False, self.desk.now_ms()
        if ending.how == "stopped" and not self._stopped:  # by us, at a limit or for a commit: not by a person
            ending = msgspec.structs.replace(ending, how="ended")
        self._last = ending
        if ending.how != "ended":
            self.teller.say(f"{driving.RULES[ending.how].says}: {ending.said}", ended=ending.how)

    def _gone(self, session: str) -> None:
        """A client that was killed told nobody that its session is over: the calls it had in flight are judged now."""
        run = self._run
        if run is not None and run.drives and session in run.sessions:
            again(lambda state: gone(self.desk, state, state.runs[run.id], session), self.desk)

    def _cost_left_behind(self, session: str) -> float:
        """What a client that printed no result wrote into its transcript as it was asked to end."""
        before = self._sessions.get(session, claude_run.Spent()).cost_usd
        return max(0.0, claude_transcripts.cost_of(claude_transcripts.transcripts_home(os.environ), session) - before)

    def _remember(self, ending: claude_run.Ending) -> None:
        """What the session used until now: a client that resumes it counts that again."""
        before = self._sessions.get(ending.session, claude_run.Spent())
        self._sessions[ending.session] = claude_run.Spent(
            before.cost_usd + ending.cost_usd, claude_run.total((before.tokens, ending.tokens))
        )

    # --- time and signals ---------------------------------------------------------------------------------------------

    def _notice_sleep(self) -> bool:
        """Whether the machine slept since the last look: then nobody was silent, and no minute was used."""
        wall, steady = time.time(), time.monotonic()
        ahead = (wall - self._clocks[0]) - (steady - self._clocks[1])
        self._clocks = (wall, steady)
        if ahead < ASLEEP:
            return False
        self._slept_ms += int(ahead * 1000)
        self.teller.say(f"the machine slept for {ahead / 60:.0f} minutes")
        return True

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(number: int, frame: FrameType | None) -> None:
            self._stopped = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def alive(drive: DriveRecord) -> bool:
    """Whether the supervisor of a drive runs on this machine."""
    return bool(drive.pid) and processes.born(drive.pid) == drive.born
