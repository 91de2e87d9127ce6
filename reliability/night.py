"""A night alone: `phasegate drive` with the real client and a scripted model, while everything goes wrong that can.

    python reliability/night.py --nights 20 --phases 9 --record

A night is a repository as people have them (a third of it tested, two tests red for long, no document of behaviour), a
plan of at least six phases of different kinds, one that cannot be proved, one that asks a person, one that waits for
that one; and every fault of `night_faults.py` once, at places drawn by the seed. A supervisor that is killed is started
again, as a person or a service manager would. In the morning `night_checks.py` looks at the branch, the plan and the
ledger, and `recount.py` counts every figure of the report again. Exit code 1 when anything is not as promised.

Waits are shortened by settings of the repository (`longest_wait_minutes`, `silent_minutes` under `[drive]`) and the
client's own `CLAUDE_CODE_MAX_RETRIES`; nothing in phasegate knows that it is being tried.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Final

import doors
import night_checks
import night_repository
import recount
from night_agent import Agent, state_of
from night_faults import STEPS, Faults
from tally import Recorder
from trials import Lost

from phasegate.entrypoints.demo.script import Script
from phasegate.entrypoints.demo.scripted_model import ScriptedModel
from phasegate.workspace import processes

SETTINGS: Final = """
[drive]
longest_wait_minutes = 0.03
silent_minutes = 0.25
allow = ["Bash(git checkout:*)", "Bash(rm:*)", "Bash(sed:*)", "Bash(test:*)"]
"""
LIMITS: Final = ("--minutes", "60", "--cost", "100")
"""Less than the machine sleeps: a minute asleep must not count."""

MOST_STARTS: Final = 4
MOST_TURNS: Final = 4000
IDENTITY: Final = {"user.name": "A Person", "user.email": "person@localhost", "commit.gpgsign": "false"}


class Unnoticed(Exception):
    """A bug that was planted was not seen."""


class Night:
    """One repository, one model, one night."""

    def __init__(self, base: str, phases: int, chance: random.Random, bug: str) -> None:
        self.root, self.home, self.state_home, self.remote = (
            os.path.join(base, name) for name in ("pantry", "home", "state", "remote.git")
        )
        self.clock = os.path.join(base, "slept")
        self.works = night_repository.drawn(phases, chance)
        self.bug = bug
        os.environ |= {"XDG_STATE_HOME": self.state_home, "HOME": self.home, "GIT_CONFIG_NOSYSTEM": "1"}
        self.faults = Faults(self.root, self.works, self.clock, chance)
        self.agent = Agent(self.root, self.works, self.faults)
        self.starts = 0
        self.said = ""

    # --- before it ----------------------------------------------------------------------------------------------------

    def lay_out(self) -> None:
        """The repository with its remote, and what a person does before the first night."""
        os.makedirs(self.home)
        for path, content in night_repository.FILES.items():
            self.write(path, content)
        subprocess.run(("git", "init", "-q", "--bare", self.remote), check=True)
        self.git("init", "-q", "-b", "main")
        for name, value in IDENTITY.items():
            self.git("config", name, value)
        self.git("remote", "add", "origin", self.remote)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "A pantry")
        self.write(night_repository.PLAN, night_repository.plan_of(self.works))
        self.write("mine.txt", "not committed yet\n")
        self.ask("init", "--yes", "--allow-ephemeral", "--no-baseline")
        with open(os.path.join(self.root, "phasegate.toml"), "a") as file:
            file.write(SETTINGS)
        self.ask("policy", "trust")
        self.before = night_checks.Before(self.git("log", "--format=%H", "main"), self.git("status", "--porcelain"))

    def write(self, path: str, content: str) -> None:
        target = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w") as file:
            file.write(content)

    def git(self, *words: str) -> str:
        ran = subprocess.run(("git", *words), cwd=self.root, check=True, capture_output=True, text=True)
        return ran.stdout

    def ask(self, *words: str, accept: tuple[int, ...] = (0,), bug: str = "") -> doors.Ran:
        """A command of phasegate's, as a person gives it."""
        ran = doors.ask(words, folder=self.root, environment=self._environment(), clock=self.clock, bug=bug)
        if ran.code not in accept:
            raise Lost(f"phasegate {' '.join(words)} ended with {ran.code}: {(ran.said + ran.out)[-1500:]}")
        return ran

    def _environment(self, model: ScriptedModel | None = None) -> dict[str, str]:
        own = {name: os.environ[name] for name in ("HOME", "XDG_STATE_HOME", "GIT_CONFIG_NOSYSTEM")}
        if model is None:
            return own
        return own | {
            "CLAUDE_CONFIG_DIR": os.path.join(self.home, ".claude"),
            "CLAUDE_CODE_OAUTH_TOKEN": model.key,  # only subscribers are told when a usage limit ends
            "ANTHROPIC_BASE_URL": model.url,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",
        }

    # --- the night itself ---------------------------------------------------------------------------------------------

    def drive(self) -> doors.Ran:
        """Drive until it ends by itself; a supervisor that was killed is started again."""
        with self._ending_what_is_left(), ScriptedModel(Script(turns=(self.agent,) * MOST_TURNS)) as model:
            while True:
                self.starts += 1
                ran = doors.ask(
                    ("drive", "--json", *LIMITS), folder=self.root, environment=self._environment(model),
                    clock=self.clock, bug=self.bug,
                )  # fmt: skip
                self.said += ran.said
                if ran.code != -1 or self.starts == MOST_STARTS:
                    break
            self.faults.join()
            if model.problems:
                raise Lost(f"the script itself failed: {model.problems[:3]}")
        if ran.code != 5:
            raise Lost(f"drive ended with {ran.code}, and a person is asked: {(ran.said + ran.out)[-2500:]}")
        return ran

    @contextlib.contextmanager
    def _ending_what_is_left(self) -> Iterator[None]:
        """Whatever ends us here, no supervisor and no client of this night stays behind."""
        try:
            yield
        except BaseException:
            for drive in state_of(self.root).drives.values():
                for pid, born in ((drive.pid, drive.born), (drive.client_pid, drive.client_born)):
                    if pid and processes.born(pid) == born:
                        processes.kill_tree(pid)
            raise

    def check(self, ran: doors.Ran, *, thorough: bool) -> dict[str, int]:
        """What the morning shows; how much was looked at, by what it is."""
        missing = sorted(kind for kind in STEPS if not self.faults.happened.get(kind))
        if missing:
            raise Lost(f"these faults did not happen: {missing}")
        counts = night_checks.check(self, ran)
        return counts | recount.check(self, thorough=thorough)

    def catch_false_reports(self) -> None:
        """The recount is worth something: it sees what a report leaves out or makes better."""
        for bug in doors.OF_REPORTS:
            with contextlib.suppress(Lost):
                recount.check(self, bug=bug)
                raise Unnoticed(f"nobody noticed a report that {bug}")


def main() -> int:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    recorder = Recorder(
        f"night_of_{arguments.phases}",
        f"nights of {arguments.phases} phases with the real client, each with {len(STEPS)} faults, whose report equals "
        "the ledger",
        seed=arguments.seed,
        record=arguments.record,
    )
    for number in range(recorder.done, arguments.nights):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(dir=arguments.directory, ignore_cleanup_errors=True) as directory:
            chance = random.Random(f"{arguments.seed}/{number}")
            night = Night(os.path.realpath(directory), arguments.phases, chance, arguments.planted_bug or "")
            try:
                night.lay_out()
                counts = night.check(night.drive(), thorough=arguments.thorough)
                night.catch_false_reports()
            except (Lost, Unnoticed) as loss:
                print(f"LOST in night {number} of seed {arguments.seed}: {loss}", flush=True)
                for kind, where in night.faults.happened.items():
                    print(f"  {kind}: {where}", flush=True)
                if arguments.keep:
                    with open(os.path.join(directory, "said"), "w") as file:
                        file.write(night.said)
                    shutil.copytree(directory, arguments.keep, symlinks=True, dirs_exist_ok=True)
                return 1
        seconds = time.monotonic() - begun
        recorder.reached(number + 1, seconds=seconds)
        told = ", ".join(f"{count} {what}" for what, count in counts.items())
        print(
            f"night {number}: {len(STEPS)} faults, {night.agent.requests} requests, {told}, {seconds:.0f} s", flush=True
        )
    print(f"held: {arguments.nights} nights of seed {arguments.seed}", flush=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    most = len(night_repository.WORKS)
    parser.add_argument("--nights", type=int, default=1, help="how many nights this seed shall reach (default 1)")
    parser.add_argument("--phases", type=int, default=most, choices=range(6, most + 1), help=f"6 to {most} ({most})")
    parser.add_argument("--seed", type=int, default=1, help="what is drawn from it; the scheduler adds its own chance")
    parser.add_argument(
        "--planted-bug", choices=sorted(doors.OF_DRIVES), help="break phasegate; the night must show it"
    )
    parser.add_argument("--thorough", action="store_true", help="ask phasegate about every reference of the report")
    parser.add_argument("--record", action="store_true", help="add up below results/, and resume there")
    parser.add_argument("--directory", help="where the repositories are kept meanwhile (default: a temporary one)")
    parser.add_argument("--keep", help="where to copy the night in which something was lost")
    arguments = parser.parse_args()
    if arguments.record and arguments.planted_bug:
        parser.error("a night with a planted bug is not recorded")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
