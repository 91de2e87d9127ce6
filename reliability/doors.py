"""Starts phasegate as a person's terminal would, for harnesses: no agent above it, and its exit code in a pipe.

As a program it *is* phasegate, in a process that belongs to nobody's agent any more: with a clock that can be set
ahead, as by a machine that slept, and with a bug planted if a harness wants to see whether it notices.

    doors.py PIPE CLOCK BUG WORD...
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec

KEPT: Final = ("PATH", "LANG", "PHASEGATE_CLAUDE")


class Ran(msgspec.Struct, frozen=True):
    """A command that is over: its exit code, -1 when it was killed, and what it printed."""

    code: int
    out: str
    said: str

    @property
    def result(self) -> Any:
        return msgspec.json.decode(self.out)


def ask(
    words: tuple[str, ...], *, folder: str, environment: Mapping[str, str], clock: str = "", bug: str = "",
    seconds: float = 600.0,
) -> Ran:  # fmt: skip
    """`phasegate WORDS` in `folder`; a command that takes longer than `seconds` is an error of the harness."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    kept["PATH"] = os.pathsep.join((os.path.dirname(sys.executable), kept.get("PATH", os.defpath)))
    near, far = os.pipe()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        command = (sys.executable, os.path.abspath(__file__), str(far), clock, bug, *words)
        subprocess.run(
            command, cwd=folder, env={**kept, **environment}, stdin=subprocess.DEVNULL, stdout=out, stderr=said,
            pass_fds=(far,), check=True, timeout=seconds,
        )  # fmt: skip
        os.close(far)
        code = _until_closed(near, seconds)
        out.seek(0)
        said.seek(0)
        return Ran(code, out.read().decode(), said.read().decode("utf-8", "replace"))


def _until_closed(pipe: int, seconds: float) -> int:
    """What comes through the pipe before its other end is closed, by an exit or a kill."""
    import select

    deadline, told = time.monotonic() + seconds, b""
    try:
        while True:
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError(f"the command did not end within {seconds:g} s")
            piece = os.read(pipe, 16)
            if not piece:
                return int(told or b"-1")
            told += piece
    finally:
        os.close(pipe)


# --- phasegate itself -------------------------------------------------------------------------------------------------


def main() -> None:
    """Leave whoever started us, then be phasegate."""
    pipe, clock, bug, words = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
    parent = os.getpid()
    if os.fork():
        os._exit(0)
    os.setsid()
    while os.getppid() == parent:
        time.sleep(0.01)
    os.set_inheritable(pipe, False)
    from phasegate.entrypoints.main import main as phasegate

    if clock:
        _ahead_of_time(clock)
    if bug:
        (OF_DRIVES | OF_REPORTS | OF_GATES)[bug]()
    code: Any = 3
    sys.argv = ["phasegate", *words]
    try:
        code = phasegate()
    except SystemExit as ended:
        code = ended.code
    finally:
        os.write(pipe, str(code or 0).encode())


def _ahead_of_time(path: str) -> None:
    """The clock of this process goes ahead by the seconds in the file `path`: the machine slept for so long."""
    from phasegate.entrypoints.driving import supervisor
    from phasegate.wiring import RealDesk

    def ahead() -> float:
        try:
            with open(path) as file:
                return float(file.read() or 0)
        except OSError:
            return 0.0

    class Clock:
        monotonic, sleep = staticmethod(time.monotonic), staticmethod(time.sleep)

        @staticmethod
        def time() -> float:
            return time.time() + ahead()

    supervisor.time = Clock
    now = RealDesk.now_ms
    RealDesk.now_ms = lambda desk: now(desk) + int(ahead() * 1000)


# --- bugs to plant ----------------------------------------------------------------------------------------------------


def waits_are_loops() -> None:
    """A supervisor that counts each wait as a loop of the phase."""
    from phasegate.entrypoints.driving.supervisor import Supervisor
    from phasegate.ledger.facts import StepEntered

    wait = Supervisor._wait

    def counting(self: Any, move: Any) -> None:
        wait(self, move)
        run = self._run
        again = StepEntered(run.id, run.step, run.step, "it waited", run.phase, run.subject, loop=True)
        self.desk.record([again], relying_on=None)

    Supervisor._wait = counting


def early_commit() -> None:
    """A phase is committed while it is being checked, before it is closed."""
    from phasegate.entrypoints.driving import commits

    owed = commits.owed

    def hasty(state: Any, run: Any, *, rests: bool = False) -> Any:
        drive = state.drive_in(run.worktree)
        early = run.step in ("doublecheck", "close_phase") and run.phase not in drive.commits
        return (*owed(state, run, rests=rests), *((run.phase,) if early else ()))

    commits.owed = hasty


def forgets_deferred() -> None:
    """A report that leaves out what waits for a person."""
    from phasegate.report.phases import Phases

    Phases.deferred = lambda self, state, took: []


def forgets_deaths() -> None:
    """A report that leaves out the clients that died."""
    from phasegate.report.driving import Driving

    endings = Driving.endings
    Driving.endings = lambda self: tuple(ending for ending in endings(self) if ending.how != "died")


def gates_agree() -> None:
    """Every gate is open, whatever the evidence."""
    from phasegate.gates import catalog
    from phasegate.gates.interface import passed

    catalog.CATALOG.update({name: lambda moment: passed("planted") for name in catalog.CATALOG})


def guards_off() -> None:
    """Every gate is open, and whoever calls is taken for a person."""
    from phasegate.entrypoints.cli import session

    gates_agree()
    session.agent_above = lambda: ""


def verify_agrees() -> None:
    """A verification that finds every verdict a pass."""
    from msgspec.structs import replace

    from phasegate.entrypoints import verifying

    judge = verifying.judge

    def agreeing(*asked: Any, **named: Any) -> Any:
        judged = judge(*asked, **named)
        return replace(judged, verdicts=tuple(replace(verdict, says="pass") for verdict in judged.verdicts))

    verifying.judge = agreeing


OF_GATES: Final = {"gates-agree": gates_agree, "guards-off": guards_off, "verify-agrees": verify_agrees}
OF_DRIVES: Final = {"waits-are-loops": waits_are_loops, "early-commit": early_commit}
OF_REPORTS: Final = {"forgets-deferred": forgets_deferred, "forgets-deaths": forgets_deaths}


if __name__ == "__main__":
    main()
