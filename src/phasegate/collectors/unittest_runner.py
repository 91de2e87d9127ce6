"""Runs the user's unittest by a program of ours that tells what it sees, and believes it only when all adds up."""

from __future__ import annotations

import glob
import os

from msgspec.structs import replace

from phasegate.collectors import one_run
from phasegate.collectors.channel import Channel, Progress
from phasegate.collectors.interface import Ask, NoTestCommand, SuiteRun, TestCommandNotStarted
from phasegate.collectors.private import challenge
from phasegate.collectors.private.frames_of_tests import judged
from phasegate.collectors.pytest_frames import Inventory, Report, decoded, read_frames
from phasegate.collectors.pytest_outcomes import Observed, as_test_run
from phasegate.collectors.python_session import Session, interpreters
from phasegate.collectors.why_red import first_party

_OURS = "phasegate_unittest"


def detect(root: str, settings: str = "") -> tuple[str, ...]:
    """`PYTHON -m unittest`, with the folder of the tests where they are not in a package. Raises NoTestCommand."""
    python = next(interpreters(root), None)
    if python is None:
        raise NoTestCommand(
            "No Python was found for this project.",
            hint="Make its environment, for example `python -m venv .venv`, or name the command in phasegate.toml.",
        )
    for folder in ("tests", "test"):
        place = os.path.join(root, folder)
        if glob.glob("test*.py", root_dir=place) and not os.path.isfile(os.path.join(place, "__init__.py")):
            return (python, "-m", "unittest", "discover", "-s", folder)
    return (python, "-m", "unittest")


def run(ask: Ask) -> SuiteRun:
    """Run `ask.command` (`PYTHON -m unittest ...`). Raises TestCommandNotStarted and NoScratchDirectory."""
    session = Session(ask, Channel(ask.scratch), "unittest")
    if session.python is None:
        raise TestCommandNotStarted(
            f"`{' '.join(session.command)}` is not of the form `PYTHON -m unittest`.",
            hint='Write it so in phasegate.toml; for a runner of its own, as Django has, use `runner = "junit"`.',
        )
    why_not = session.why_not_measured() if ask.measure else "not asked for"
    command = session.command_line(measured=not why_not)
    at = next(at for at in range(len(command) - 1) if command[at : at + 2] == ("-m", "unittest"))
    argv = (*command[: at + 1], _OURS, *command[at + 2 :], *ask.args)
    env = session.environment(measured=not why_not)
    beside = session.beside(env)
    ended = one_run.start(argv, ask, env, on_tick=Progress(session.channel, _counted, ask.on_progress).tick)
    content = session.channel.content()
    frames = read_frames(content, session.channel.nonce)
    notes = session.clean.notes
    observed = Observed(argv, ask.place, frames, ended, ask.timeout_seconds, notes, tool="unittest")
    ours = first_party(ask.place, ask.source_roots)
    tests = as_test_run(observed, ours)
    if ask.inside is not None:
        tests = replace(judged(tests, frames, ask.inside, ask.place, ours), environment=beside)
        tests = challenge.not_asked(tests, "only functions of pytest are challenged")
    measured = session.measured(env, tests, why_not)
    kept = one_run.artifacts(results_jsonl=content, coverage_json=measured.report, output_txt=ended.output)
    return SuiteRun(tests, measured.coverage, measured.why_not, kept)


def _counted(line: bytes) -> tuple[int, int]:
    frame = decoded(line)
    if isinstance(frame, Inventory):
        return len(frame.ids), 0
    return 0, int(isinstance(frame, Report) and frame.when == "teardown")
