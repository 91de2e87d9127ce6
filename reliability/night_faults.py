"""What goes wrong in `night.py`: refusals of the service, broken lines, kills, a sleep, and an agent that cheats.

A seed says at which step of which phase each of them happens; all of them happen in every whole night.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
from night_repository import PLAN, Work

from phasegate import wiring
from phasegate.entrypoints.demo.script import ApiError, Text, Turn, call, say
from phasegate.ledger.event import Actor
from phasegate.ledger.state import DriveRecord, RunRecord
from phasegate.workspace import processes

SLEPT: Final = 2 * 3600.0
"""Seconds by which the clock goes ahead while the machine sleeps."""

SECONDS: Final = 90.0
"""How long a hunter waits for its prey."""

Act = Callable[[DriveRecord, RunRecord], None]


class Strike(msgspec.Struct, frozen=True):
    """A turn before which something happens."""

    turn: Turn
    act: Callable[[], None]


def refusing(status: int, kind: str, **headers: str) -> Turn:
    """The service refuses."""
    return Turn(
        error=ApiError(status, kind, "scripted", {name.replace("_", "-"): text for name, text in headers.items()})
    )


def used_up() -> Turn:
    """The usage limit is reached, and ends in some seconds."""
    return refusing(
        429, "rate_limit_error", anthropic_ratelimit_unified_status="rejected",
        anthropic_ratelimit_unified_reset=str(int(time.time()) + 5),
        anthropic_ratelimit_unified_representative_claim="five_hour",
    )  # fmt: skip


def shell(command: str) -> Turn:
    return call("Bash", command=command, description="a command")


DROPPED: Final = Turn(blocks=(Text("half an answer " * 20),), hang_up=True)
SILENT: Final = Turn(blocks=(Text("hm " * 50),), silence=300.0)
LATE: Final = say("never heard", delay=4.0)
NOW: Final = say("never heard")

ANYWHERE: Final = ("explore", "implement", "doublecheck", "close_phase")
LOOKING: Final = ("explore", "doublecheck", "close_phase")

STEPS: Final[Mapping[str, Sequence[str]]] = {
    "a runner is killed": ("run_tests",),
    "rate limited": ANYWHERE,
    "rate limited for an hour": ANYWHERE,
    "overloaded": ANYWHERE,
    "used up": ANYWHERE,
    "a line is dropped": ANYWHERE,
    "the network is gone": ANYWHERE,
    "silence": ANYWHERE,
    "the client is killed": ANYWHERE,
    "the supervisor is killed": ANYWHERE,
    "a hook is killed": ("explore", "implement"),
    "the machine sleeps": ANYWHERE,
    "claims done": LOOKING,
    "weakens tests": LOOKING,
    "ticks boxes": LOOKING,
    "writes elsewhere": LOOKING,
}
"""In which steps each kind of fault can happen."""


class Faults:
    """Every fault of a night, each at its place; `happened` says where."""

    def __init__(
        self, root: str, works: Mapping[str, Work], clock: str, chance: random.Random, kinds: Collection[str]
    ) -> None:
        self._root, self._clock, self._chance = root, clock, chance
        self.kinds = kinds
        self.places = _places(works, chance, kinds)
        self.happened: dict[str, str] = {}
        self._hunters: list[threading.Thread] = []

    def of(self, drive: DriveRecord, run: RunRecord) -> list[Any]:
        """What goes wrong on this visit of a step, as turns to be heard before any honest one."""
        kind = self.places.get((run.phase, run.step), "")
        if not kind or kind in self.happened:
            return []
        self.happened[kind] = f"phase {run.phase}, {run.step}"
        return self._turns(kind, drive, run)

    def struck(self, what: Any) -> Turn:
        """The turn, once what comes before it has happened."""
        if isinstance(what, Strike):
            what.act()
            return what.turn
        assert isinstance(what, Turn)
        return what

    def join(self) -> None:
        """Wait until no hunter is left."""
        for hunter in self._hunters:
            hunter.join()

    def _turns(self, kind: str, drive: DriveRecord, run: RunRecord) -> list[Any]:
        match kind:
            case "rate limited":
                return [refusing(429, "rate_limit_error")]
            case "rate limited for an hour":
                return [refusing(429, "rate_limit_error", retry_after="3600")]
            case "overloaded":
                return [refusing(529, "overloaded_error")] * 2
            case "used up":
                return [used_up()]
            case "a line is dropped":
                return [DROPPED]
            case "the network is gone":
                return [DROPPED] * 4
            case "silence":
                return [SILENT]
            case "the client is killed":
                return [Strike(NOW, lambda: self._kill_client())]
            case "the supervisor is killed":
                return [Strike(LATE, lambda: _kill(drive.pid, drive.born))]
            case "the machine sleeps":
                return [Strike(say("Good morning.", delay=3.0), self._sleep)]
            case "a hook is killed":
                return [Strike(shell("phasegate status"), lambda: self._hunt(kind, self._a_hook))]
            case "a runner is killed":
                return [Strike(shell("phasegate check tests"), lambda: self._hunt(kind, self._a_runner))]
            case _:
                return [_cheats(kind, run)]

    # --- kills --------------------------------------------------------------------------------------------------------

    def _drive(self) -> tuple[DriveRecord, RunRecord | None]:
        project = wiring.open_project(self._root, os.environ)
        try:
            state = wiring.RealDesk(project, Actor("person", "harness")).state()
        finally:
            project.close()
        drive = list(state.drives.values())[-1]
        return drive, state.run_in(drive.worktree)

    def _kill_client(self) -> None:
        drive, _ = self._drive()
        _kill(drive.client_pid, drive.client_born)

    def _sleep(self) -> None:
        with open(self._clock, "w") as file:
            file.write(str(SLEPT))

    def _hunt(self, kind: str, find: Callable[[], int]) -> None:
        """Kill the first process that `find` finds, some time later."""
        fuse = self._chance.random() * 0.1

        def hunter() -> None:
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                pid = find()
                if pid:
                    time.sleep(fuse)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        return
                time.sleep(0.01)
            self.happened[kind] = ""

        self._hunters.append(threading.Thread(target=hunter, daemon=True))
        self._hunters[-1].start()

    def _a_hook(self) -> int:
        drive, _ = self._drive()
        for pid in processes.family_of(drive.client_pid) if drive.client_pid else ():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
                if b"hook" in words or b"phasegate.entrypoints.hook" in words:
                    return pid
        return 0

    def _a_runner(self) -> int:
        _, run = self._drive()
        checks = list(run.checks.values()) if run is not None else []
        return next((check.pid for check in checks if processes.born(check.pid) == check.born), 0)


def _kill(pid: int, born: str) -> None:
    """Kill -9, if it is still the process that was meant."""
    if pid and processes.born(pid) == born:
        os.kill(pid, signal.SIGKILL)


def _cheats(kind: str, run: RunRecord) -> Turn:
    """What an agent does that would rather be done."""
    match kind:
        case "claims done":
            return say("Everything is implemented, all tests pass. The phase is done.")
        case "weakens tests":
            return shell("sed -i 's/assert /assert True or /' tests/test_stock.py")
        case "ticks boxes":
            return shell(f"sed -i 's/- \\[ \\]/- [x]/' {PLAN}")
        case _:
            path = os.path.join(run.worktree, "src/pantry/pages.py")
            return call("Write", file_path=path, content="def table(stock):\n    return ''\n")


def _places(works: Mapping[str, Work], chance: random.Random, kinds: Collection[str]) -> dict[tuple[str, str], str]:
    """A place of its own for every fault: nothing else goes wrong on that visit."""
    steps = {"closed": (*ANYWHERE, "run_tests"), "asks": ("explore", "implement"), "blocked": ()}
    free = [
        (phase, step)
        for phase, work in works.items()
        for step in steps.get(work.ends, ("explore", "implement", "run_tests"))
        if step != "run_tests" or work.tested
    ]
    chance.shuffle(free)
    found = {}
    for kind in sorted((kind for kind in STEPS if kind in kinds), key=lambda kind: len(STEPS[kind])):
        place = next(place for place in free if place[1] in STEPS[kind])
        free.remove(place)
        found[place] = kind
    return found
