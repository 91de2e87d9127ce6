"""`phasegate doctor`: is everything phasegate relies on as it should be, and if not, what to do."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec
import rich_click as click

from phasegate import wiring
from phasegate.agents.claude_health import forced_by, missing_hooks
from phasegate.agents.claude_settings import is_ours
from phasegate.agents.json_text import parse
from phasegate.collectors.suites import command_of
from phasegate.entrypoints.cli import doctor_live, installed, output
from phasegate.entrypoints.cli.session import json_option, only_people
from phasegate.entrypoints.demo.real_client import ClientNotFound
from phasegate.errors import Exit, Failure
from phasegate.ledger import chain
from phasegate.ledger.fold import fold
from phasegate.settings import Settings, Tests
from phasegate.store.sqlite import SqliteLog
from phasegate.workspace import git, installing, place
from phasegate.workspace.settings_file import read_settings

OLDEST_GIT = (2, 30)
LEAST_FREE = 100 * 1024 * 1024
"""Bytes that a run with its artifacts can need."""

CLIENT_FILES = (".claude/settings.json", ".claude/settings.local.json")

Result = Literal["pass", "fail", "unknown"]


class Finding(msgspec.Struct, frozen=True):
    """What one check found; `remedy` is the next thing to do unless it passed."""

    check: str
    result: Result
    said: str
    remedy: str = ""


class Patient(msgspec.Struct):
    """What the checks look at: the work tree and where its ledger lies ("" while there is none)."""

    where: git.Place
    directory: str = ""


@click.command()
@click.option("--live", is_flag=True, help="Also fire a refusal through your client; no key, no network, no cost.")
@json_option
def doctor(live: bool, as_json: bool) -> int:
    """Check git, ledger, settings, hooks, client and tests of this repository.

    Exit code 1 when a check fails, 7 when one cannot be told.

    Example: phasegate doctor --live
    """
    if live:
        only_people("`phasegate doctor --live`")
    findings = []
    for finding in _findings(live):
        findings.append(finding)
        if not as_json:
            output.say(f"{finding.result:7} {finding.check}: {finding.said}")
            if finding.remedy:
                output.say(f"        {finding.remedy}")
    worst = _worst(findings)
    if as_json:
        output.give({"result": worst, "checks": findings})
    return {"pass": Exit.OK, "fail": Exit.GATE_FAILED, "unknown": Exit.CANNOT_TELL}[worst]


def _worst(findings: list[Finding]) -> Result:
    results = {finding.result for finding in findings}
    return "fail" if "fail" in results else "unknown" if "unknown" in results else "pass"


def _findings(live: bool) -> Iterator[Finding]:
    """All checks in order; without a repository there is nothing to look at beyond git."""
    yield from _guarded("git", _git)
    try:
        patient = Patient(place.locate(os.getcwd()))
    except Failure as failure:
        yield Finding("repository", "fail", failure.message, failure.hint)
        return
    yield Finding("repository", "pass", patient.where.root)
    for name, check in CHECKS.items():
        yield from _guarded(name, lambda check=check: check(patient))  # type: ignore[misc]
    if live:
        yield from _guarded("live refusal", lambda: _live(patient))


def _guarded(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a check raises is a finding: the others still run."""
    try:
        yield from check()
    except Failure as failure:
        result: Result = "unknown" if failure.exit_code == Exit.CANNOT_TELL else "fail"
        yield Finding(name, result, failure.message, failure.hint)
    except (OSError, subprocess.SubprocessError) as problem:
        yield Finding(name, "unknown", str(problem), "Mend that, and run `phasegate doctor` again.")


# --- the checks -------------------------------------------------------------------------------------------------------


def _git() -> Iterator[Finding]:
    if shutil.which("git") is None:
        yield Finding("git", "fail", "git is not on the PATH.", "Install git.")
        return
    said = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    version = tuple(map(int, re.findall(r"\d+", said)[:2]))
    if version < OLDEST_GIT:
        yield Finding("git", "fail", f"{said} is older than {'.'.join(map(str, OLDEST_GIT))}.", "Update git.")
    else:
        yield Finding("git", "pass", said)


def _ledger(patient: Patient) -> Iterator[Finding]:
    pointer = place.read_pointer(patient.where)
    if pointer is None:
        yield Finding("ledger", "fail", "This clone has no ledger yet.", "Run `phasegate init`.")
        return
    patient.directory = place.ledger_directory(pointer, os.environ)
    log = SqliteLog(os.path.join(patient.directory, "ledger.db"))
    try:
        broken, head = chain.verify(log.read()), log.head()
    finally:
        log.close()
    if broken is not None:
        yield Finding("ledger", "fail", f"The chain does not hold at position {broken.position}: {broken.message}.",
                      "Keep the directory as it is; `phasegate log verify` tells more.")  # fmt: skip
    else:
        yield Finding("ledger", "pass", f"{head.position} events, and the chain holds")


def _state_directory(patient: Patient) -> Iterator[Finding]:
    if not patient.directory:
        return
    status = os.stat(patient.directory)
    if status.st_uid != os.getuid():
        yield Finding("state directory", "fail", f"{patient.directory} belongs to another user.",
                      f"sudo chown -R {os.getuid()} {patient.directory}")  # fmt: skip
    elif stat.S_IMODE(status.st_mode) & 0o077:
        yield Finding("state directory", "fail", f"Others may look into {patient.directory}.",
                      f"chmod 700 {patient.directory}")  # fmt: skip
    else:
        yield Finding("state directory", "pass", f"{patient.directory} is yours alone")


def _settings(patient: Patient) -> Iterator[Finding]:
    content = installing.read(patient.where.root, place.SETTINGS)
    if content is None:
        yield Finding("settings", "fail", f"There is no {place.SETTINGS}.", "Run `phasegate init`.")
        return
    read_settings(content, path=place.SETTINGS)
    if not patient.directory:
        yield Finding("settings", "unknown", "Without a ledger nothing is trusted yet.", "Run `phasegate init`.")
    elif wiring.read_trusted(patient.directory).digest != installing.digest(content):
        yield Finding("settings", "fail", f"{place.SETTINGS} is not the one that was trusted last.",
                      "Look at it, then run `phasegate policy trust`.")  # fmt: skip
    else:
        yield Finding("settings", "pass", f"{place.SETTINGS} is the one that was trusted")


def _hooks(patient: Patient) -> Iterator[Finding]:
    root = patient.where.root
    forced = forced_by()
    if forced:
        yield Finding("organisation", "pass", f"{forced} forces the hooks; no user can switch them off")
    missing = missing_hooks(root) or ("" if forced else _switched_off())
    if missing:
        yield Finding("hooks", "fail", f"{missing}.", "Run `phasegate init`.")
    else:
        yield Finding("hooks", "pass", "in force for every event")
    for command in sorted(_commands(root)):
        yield _answering(command, root)


def _answering(command: tuple[str, ...], root: str) -> Finding:
    if command[0] == "/bin/sh" and shutil.which("phasegate") is None:
        return Finding("hook command", "fail", "`phasegate` is not on the PATH, so the team's hooks do nothing.",
                       "`uv tool install PATH-TO-CHECKOUT`")  # fmt: skip
    problem = installed.hook_problem(command, root)
    if problem:
        return Finding("hook command", "fail", f"It should let a read pass in silence, but {problem}.",
                       "Mend what it names, or run `phasegate init` with the phasegate you want.")  # fmt: skip
    return Finding("hook command", "pass", f"{command[0]} answers")


def _switched_off() -> str:
    """The person's own settings may switch all hooks off, those of projects included."""
    folder = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~/.claude")
    path = os.path.join(folder, "settings.json")
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8") as file:
        settings = parse(file.read())
    off = isinstance(settings, dict) and settings.get("disableAllHooks")
    return f"{path} switches all hooks off" if off else ""


def _commands(root: str) -> set[tuple[str, ...]]:
    """Every command that our hooks in the project's settings call."""
    texts = {path: installing.decoded(installing.read(root, path), path) for path in CLIENT_FILES}
    return {command for text in texts.values() if text is not None for command in _ours_in(parse(text))}


def _ours_in(value: Any) -> Iterator[tuple[str, ...]]:
    if is_ours(value):
        args = value.get("args")
        yield (value["command"], *args) if args is not None else ("/bin/sh", "-c", value["command"])
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _ours_in(inner)


def _client(_: Patient) -> Iterator[Finding]:
    try:
        found = installed.any_client()
    except ClientNotFound as failure:
        yield Finding("client", "unknown", failure.message, failure.hint)
        return
    if installed.advisory(found):
        yield Finding("client", "fail", installed.advisory(found), "Update Claude Code: `claude update`.")
    else:
        version = ".".join(map(str, found.version))
        yield Finding("client", "pass", f"Claude Code {version} at {found.path} refuses when a hook breaks")


def _tests(patient: Patient) -> Iterator[Finding]:
    settings = wiring.read_trusted(patient.directory).settings if patient.directory else Settings()
    for name, tests in settings.all_suites().items():
        yield from _suite(patient.where.root, f"tests of {name}" if name else "tests", tests)


def _suite(root: str, check: str, tests: Tests) -> Iterator[Finding]:
    command, place = command_of(root, tests), os.path.join(root, tests.directory)
    if shutil.which(command[0], path=os.pathsep.join((root, place, os.environ.get("PATH", "")))) is None:
        yield Finding(check, "fail", f"{command[0]} is not there.", "Name another in phasegate.toml: [tests] command.")
        return
    yield Finding(check, "pass", " ".join(command))
    if tests.runner == "pytest":
        yield from _coverage(place, command)


def _coverage(root: str, command: tuple[str, ...]) -> Iterator[Finding]:
    if command[-2:] != ("-m", "pytest"):
        yield Finding("coverage", "unknown", "The test command does not end in `-m pytest`.",
                      "Write it as `python -m pytest`, so that its interpreter is known.")  # fmt: skip
        return
    # Isolated: a `coverage.py` in the repository is not what is asked for.
    argv = [*command[:-2], "-I", "-c", "import coverage; print(coverage.__version__)"]
    ran = subprocess.run(argv, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    if ran.returncode != 0:
        yield Finding("coverage", "fail", "The interpreter of the tests cannot import coverage.",
                      "Install it there: `uv add --dev coverage` or `pip install coverage`.")  # fmt: skip
    else:
        yield Finding("coverage", "pass", f"coverage {ran.stdout.strip()}")


def _disk(patient: Patient) -> Iterator[Finding]:
    for folder in (patient.directory or place.state_home(os.environ), patient.where.root):
        while not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        free = shutil.disk_usage(folder).free
        if free < LEAST_FREE:
            yield Finding("disk", "fail", f"{free >> 20} MiB are free at {folder}.", "Free some space.")
            return
    yield Finding("disk", "pass", f"more than {LEAST_FREE >> 20} MiB are free")


def _live(patient: Patient) -> Iterator[Finding]:
    root = patient.where.root
    if _driving(patient):
        yield Finding("live refusal", "unknown", "A run is active, and a rehearsal would disturb it.",
                      "Run `phasegate pause`, repeat, then `phasegate resume`.")  # fmt: skip
        return
    outcome, words = doctor_live.fire(root, installed.any_client())
    if outcome == "refused":
        yield Finding("live refusal", "pass", f"refused by the real client: {words}")
    elif outcome == "not refused":
        yield Finding("live refusal", "fail", f"NOT refused: {words}", "Run `phasegate init`, then this again.")
    else:
        yield Finding("live refusal", "unknown", words, "See that the client starts in this directory.")


def _driving(patient: Patient) -> bool:
    if not patient.directory:
        return False
    log = SqliteLog(os.path.join(patient.directory, "ledger.db"))
    try:
        run = fold(log.read()).run_in(patient.where.root)
    finally:
        log.close()
    return run is not None and run.drives


CHECKS: dict[str, Callable[[Patient], Iterator[Finding]]] = {
    "ledger": _ledger,
    "state directory": _state_directory,
    "settings": _settings,
    "hooks": _hooks,
    "client": _client,
    "tests": _tests,
    "disk": _disk,
}
"""In the order they are told; the first finds the directory that later ones look at."""
