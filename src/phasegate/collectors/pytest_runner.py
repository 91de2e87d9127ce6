"""Runs the user's pytest with our reporter inside, and believes the reporter only when everything adds up."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from phasegate.collectors import one_run
from phasegate.collectors.channel import Channel, Progress
from phasegate.collectors.interface import Ask, NoTestCommand, SuiteRun
from phasegate.collectors.private import challenge
from phasegate.collectors.private.frames_of_tests import judged
from phasegate.collectors.pytest_frames import Frames, Inventory, Report, decoded, read_frames
from phasegate.collectors.pytest_mutation import Sampling, arguments
from phasegate.collectors.pytest_outcomes import Observed, as_test_run
from phasegate.collectors.python_session import Session, has, interpreters
from phasegate.collectors.results import Artifact
from phasegate.collectors.why_red import first_party
from phasegate.evidence.levels import Layer
from phasegate.gates.changed_lines_checked import SCANNER

_LOCK_FILE_BYTES = 16 << 20
_FOLDERS = 2000
_ELSEWHERE = (".js", ".ts", ".mjs", ".tsx", ".go", ".rs", ".rb", ".php", ".java", ".kt", ".cs", ".c", ".cpp", ".swift")
_MANIFESTS = ("package.json", "Cargo.toml", "Gemfile", "composer.json", "go.mod", "pom.xml", "build.gradle")
_FLAGS = ("-q", "-qq", "-v", "-vv", "-vvv", "-x", "-s", "-l", "--lf", "--ff", "--strict-markers")
"""Options that take no value."""
_NOT_OURS = ("node_modules", "vendor", "target")


def run(ask: Ask) -> SuiteRun:
    """Run `ask.command` (`PYTHON -m pytest`); the run's notes name what was left out of the environment.

    Raises TestCommandNotStarted and NoScratchDirectory; whatever happens after the start is in the result.
    """
    session = Session(ask, Channel(ask.scratch), "pytest")
    why_not = session.why_not_measured() if ask.measure else "not asked for"
    argv = _argv(session, ask.args, measured=not why_not)
    env = session.environment(measured=not why_not) | _by_test(ask)
    beside = session.beside(env)
    ended = one_run.start(argv, ask, env, on_tick=Progress(session.channel, _counted, ask.on_progress).tick)
    content = session.channel.content()
    frames = read_frames(content, session.channel.nonce)
    observed = Observed(argv, ask.place, frames, ended, ask.timeout_seconds, session.clean.notes)
    ours = first_party(ask.place, ask.source_roots)
    tests = as_test_run(observed, ours)
    if ask.inside is not None:
        tests = replace(judged(tests, frames, ask.inside, ask.place, ours), environment=beside)
    measured = session.measured(env, tests, why_not)
    kept = one_run.artifacts(results_jsonl=content, coverage_json=measured.report, output_txt=ended.output)
    ran = SuiteRun(tests, measured.coverage, measured.why_not, kept)
    return _mutated(ask, session, env, frames, _challenged(ask, frames, ran)) if ask.inside is not None else ran


def _by_test(ask: Ask) -> dict[str, str]:
    """Lets coverage.py say which test ran a line, where that is of use; its newest way of measuring cannot."""
    return {"PHASEGATE_REPORT_CONTEXTS": "1", "COVERAGE_CORE": "ctrace"} if ask.mutation is not None else {}


def _mutated(ask: Ask, session: Session, env: dict[str, str], frames: Frames, ran: SuiteRun) -> SuiteRun:
    """The run, after small changes of changed lines were tried with the tests that reach them."""
    if ask.mutation is None:
        return ran
    sampling = Sampling(ask, ask.mutation, frames, ("-p", "phasegate_reporter", *_without_places(ask)))
    reached = session.reached(env, sampling.paths) if ran.coverage is not None and sampling.paths else {}
    found, kept = sampling.sample(ran.tests, ran.coverage, reached)
    layer = Layer(SCANNER, not found.why_unknown, "; ".join(found.why_unknown or found.notes))
    tests = challenge.with_layer(ran.tests, layer)
    return replace(ran, tests=tests, survivors=found, artifacts=(*ran.artifacts, *kept))


def _challenged(ask: Ask, frames: Frames, ran: SuiteRun) -> SuiteRun:
    """The run, after some of its tests ran once more in a process of its own and were let fail there."""
    if not ask.challenge_seconds:
        return replace(ran, tests=challenge.not_asked(ran.tests, "`challenge_seconds` under [evidence] is 0"))
    asked = challenge.new(ran.tests)
    if not asked.asked:
        return replace(ran, tests=challenge.not_asked(ran.tests, "no test of a complete run passed"))
    session = Session(ask, Channel(ask.scratch), "pytest")
    argv = _argv(session, (*_without_places(ask), *arguments(asked.asked, frames, ask.place)), measured=False)
    env = session.environment(measured=False) | {challenge.VARIABLE: asked.seed}
    ended = one_run.start(argv, ask, env, seconds=ask.challenge_seconds)
    told = read_frames(session.channel.content(), session.channel.nonce)
    in_time = not ended.timed_out and told.end is not None
    tests, found = challenge.answered(ran.tests, asked, told.reports, in_time=in_time)
    kept = Artifact(challenge.ARTIFACT, msgspec.json.encode(found))
    return replace(ran, tests=tests, artifacts=(*ran.artifacts, kept))


def _without_places(ask: Ask) -> Iterator[str]:
    """The arguments of the settings less the files and folders that they name, in whose place tests are named."""
    for before, arg in pairwise(("", *ask.args)):
        is_value = before.startswith("-") and before not in _FLAGS and "=" not in before
        path = os.path.join(ask.place, arg.partition("::")[0])
        if arg.startswith("-") or is_value or not os.path.exists(ask.inside.on_disk(path) if ask.inside else path):
            yield arg


def detect(root: str, settings: str = "") -> tuple[str, ...]:
    """The command that runs this project's pytest. Nothing of the repository is run: only `import pytest`, elsewhere.

    Raises NoTestCommand.
    """
    if _is_of_others(root):
        raise NoTestCommand(
            "There is no Python file in this project, and phasegate.toml names no other suite.",
            hint='Name one there: `runner` under [tests], of which "junit" takes any command that writes JUnit XML.',
        )
    for python in interpreters(root):
        if has(python, "pytest"):
            return (python, "-m", "pytest")
    if shutil.which("uv") and _mentions(os.path.join(root, "uv.lock"), b'name = "pytest"'):
        return ("uv", "run", "--frozen", "python", "-m", "pytest")
    raise NoTestCommand(
        "No Python that can import pytest was found for this project.",
        hint="Install pytest in its environment, for example `python -m venv .venv && .venv/bin/pip install pytest`, "
        "or name the command in phasegate.toml.",
    )


def _is_of_others(root: str) -> bool:
    """Whether `root` has code, as far as one looks, and none in Python; where there is too much to see, it may."""
    others = any(os.path.isfile(os.path.join(root, name)) for name in _MANIFESTS)
    for number, (_, folders, names) in enumerate(os.walk(root)):
        if number > _FOLDERS or any(name.endswith(".py") for name in names):
            return False
        others = others or any(name.endswith(_ELSEWHERE) for name in names)
        folders[:] = [each for each in folders if not each.startswith(".") and each not in _NOT_OURS]
    return others


def _counted(line: bytes) -> tuple[int, int]:
    frame = decoded(line)
    if isinstance(frame, Inventory):
        return len(frame.ids), 0
    return 0, int(isinstance(frame, Report) and frame.when == "teardown")


def _argv(session: Session, args: Sequence[str], *, measured: bool) -> tuple[str, ...]:
    """The whole command line. What the user's addopts say is kept, save that nothing stops the run early."""
    # Not `-p no:cacheprovider`: --lf or --ff in the user's addopts would then be unknown options.
    cache = ("-o", f"cache_dir={session.channel.below('cache')}")
    ours = ("-p", "phasegate_reporter", "--continue-on-collection-errors", "--maxfail=0", *cache)
    return (*session.command_line(measured=measured), *ours, *args)


def _mentions(path: str, text: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return text in file.read(_LOCK_FILE_BYTES)
    except OSError:
        return False
