"""The frame of every long harness: trials of one seed, one after another, until so many have held or one has not."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable

import msgspec
from tally import Recorder


class Lost(Exception):
    """A promise was broken."""


class Trial(msgspec.Struct, frozen=True):
    """What one trial is given: a folder and a chance of its own, how much is left to try, which bug is planted."""

    directory: str
    chance: random.Random
    left: int
    bug: str


Play = Callable[[Trial], tuple[int, str]]
"""Tries once; how much of what is counted that was, and what is to be told of it. Raises Lost."""


def parser(doc: str | None, *, counts: str, default: int, bugs: Iterable[str]) -> argparse.ArgumentParser:
    """The options of every harness; `counts` names what is counted, in the plural."""
    made = argparse.ArgumentParser(description=(doc or "").split("\n")[0])
    made.add_argument(
        f"--{counts}", dest="goal", type=int, default=default, metavar="N",
        help=f"how many {counts} this seed shall reach (default {default})",
    )  # fmt: skip
    made.add_argument("--seed", type=int, default=1, help="what is drawn from it; the scheduler adds its own chance")
    made.add_argument("--planted-bug", choices=sorted(bugs), default="", help="break phasegate; it must be seen")
    made.add_argument("--record", action="store_true", help="add up below results/, and resume there")
    made.add_argument("--directory", help="where the files are kept meanwhile (default: a temporary place)")
    made.add_argument("--keep", help="where to copy the files among which something was lost")
    return made


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What was asked for, if it can be."""
    arguments = parser.parse_args()
    if arguments.record and arguments.planted_bug:
        parser.error("what is tried with a planted bug is not recorded")
    return arguments


def run(arguments: argparse.Namespace, play: Play, *, name: str, counts: str, what: str) -> int:
    """Play until the goal is reached; the exit code: 1 when anything was lost."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else nobody would clear away what runs and lies about
    recorder = Recorder(name, what, seed=arguments.seed, record=arguments.record)
    done = recorder.done
    while done < arguments.goal:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(dir=arguments.directory, ignore_cleanup_errors=True) as directory:
            chance = random.Random(f"{arguments.seed}/{done}")
            try:
                held, told = play(
                    Trial(os.path.realpath(directory), chance, arguments.goal - done, arguments.planted_bug)
                )
            except Lost as loss:
                print(f"LOST after {done} {counts} of seed {arguments.seed}: {loss}", flush=True)
                if arguments.keep:
                    shutil.copytree(directory, arguments.keep, symlinks=True, dirs_exist_ok=True)
                return 1
        done += held
        seconds = time.monotonic() - begun
        recorder.reached(done, seconds=seconds)
        print(f"{done} {counts}: {told}, {seconds:.0f} s", flush=True)
    print(f"held: {done} {counts} of seed {arguments.seed}", flush=True)
    return 0
