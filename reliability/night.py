"""A night alone: `phasegate drive` with the real client and a scripted model, while everything goes wrong that can.

    python reliability/night.py --nights 20 --phases 9 --record

A night is a repository as people have them (a third of it tested, two tests red for long, no document of behaviour), a
plan of six to nine phases of different kinds, one that cannot be proved, one that asks a person, one that waits for
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
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import doors
import night_checks
import night_repository
import recount
from night_agent import Agent, state_of
from night_faults import STEPS, Faults
from trials import Lost, Trial, parsed, parser, run

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


class Night:
    """One repository, one model, one night."""

    def __init__(self, trial: Trial, phases: int, kinds: Sequence[str]) -> None:
        self.root, self.home, self.state_home, self.remote = (
            os.path.join(trial.directory, name) for name in ("pantry", "home", "state", "remote.git")
        )
        self.clock = os.path.join(trial.directory, "slept")
        self.works = night_repository.drawn(phases, trial.chance)
        self.bug = trial.bug
        os.environ |= {"XDG_STATE_HOME": self.state_home, "HOME": self.home, "GIT_CONFIG_NOSYSTEM": "1"}
        self.faults = Faults(self.root, self.works, self.clock, trial.chance, kinds)
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
        missing = sorted(kind for kind in self.faults.kinds if not self.faults.happened.get(kind))
        if missing:
            raise Lost(f"these faults did not happen: {missing}")
        counts = night_checks.check(self, ran)
        return counts | recount.check(self, thorough=thorough)

    def catch_false_reports(self) -> None:
        """The recount is worth something: it sees what a report leaves out or makes better."""
        shown = {"forgets-deferred"} | ({"forgets-deaths"} if "the client is killed" in self.faults.kinds else set())
        for bug in sorted(shown):
            try:
                recount.check(self, bug=bug)
            except Lost:
                continue
            raise Lost(f"nobody noticed a report that {bug}")


def play(trial: Trial, phases: int, kinds: Sequence[str], *, thorough: bool) -> tuple[int, str]:
    """One night; where something was lost, what the drives said is kept beside it."""
    night = Night(trial, phases, kinds)
    try:
        night.lay_out()
        counts = night.check(night.drive(), thorough=thorough)
        night.catch_false_reports()
    except Lost as loss:
        with open(os.path.join(trial.directory, "said"), "w") as file:
            file.write(night.said)
        places = (f"\n  {kind}: {where}" for kind, where in night.faults.happened.items())
        raise Lost(f"{loss}{''.join(places)}") from loss
    told = ", ".join(f"{count} {what}" for what, count in counts.items())
    return 1, f"{len(kinds)} faults, {night.agent.requests} requests, {told}"


def main() -> int:
    arguments = _arguments()
    kinds = arguments.fault or list(STEPS)
    what = (
        f"nights of {arguments.phases} phases with the real client, each with {len(kinds)} faults, whose report equals"
    )
    return run(
        arguments, lambda trial: play(trial, arguments.phases, kinds, thorough=arguments.thorough),
        name=f"night_of_{arguments.phases}", counts="nights", what=f"{what} the ledger",
    )  # fmt: skip


def _arguments() -> argparse.Namespace:
    most, whole = len(night_repository.WORKS), night_repository.WHOLE
    asked = parser(__doc__, counts="nights", default=1, bugs=doors.OF_DRIVES)
    asked.add_argument("--phases", type=int, default=most, choices=range(2, most + 1), help=f"2 to {most} ({most})")
    asked.add_argument(
        "--fault", action="append", choices=sorted(STEPS), help="only this; again for more (default: all)"
    )
    asked.add_argument("--thorough", action="store_true", help="ask phasegate about every reference of the report")
    arguments = parsed(asked)
    if arguments.phases < whole and not arguments.fault:
        asked.error(f"a night of fewer than {whole} phases has not a place for every fault: name some with --fault")
    if arguments.record and arguments.fault:
        asked.error("only nights with every fault are recorded")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
