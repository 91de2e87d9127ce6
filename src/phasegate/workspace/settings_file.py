"""Reads `phasegate.toml`, naming the line of whatever is wrong in it, and writes the first one."""

from __future__ import annotations

import re
import tomllib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.settings import Render, Settings, Tests
from phasegate.workflow.toml_lines import Path, line_at, lines_of, nesting
from phasegate.workflow.validate import meant, shown

MOST_BYTES = 256 * 1024
MOST_NESTING = 16
MOST_PROBLEMS = 20

FIRST_TESTS = """\
# [tests]
# command = ["python", "-m", "pytest"]   # found by itself
"""

FIRST = """\
# How phasegate guides this repository. Only `project` is needed; what is commented out shows the default.
# A change takes effect when a person trusts it: `phasegate policy trust`.

project = "{project}"

# plan = "docs/development_roadmap/phases.md"
{render}   # where the state is shown: "claude_md" | "local" | "off"

{tests}
# [coverage]
# changed_lines = 80.0   # per cent of the statements a phase changed
"""


class SettingsInvalid(Failure):
    """`phasegate.toml` cannot be used; the message names each line and why."""

    code: ClassVar[str] = "settings-invalid"
    exit_code: ClassVar[Exit] = Exit.USAGE

    def __init__(self, path: str, found: Sequence[tuple[int, str]], hint: str = "") -> None:
        told = "\n".join(f"{path}:{line}: {reason}" for line, reason in sorted(found)[:MOST_PROBLEMS])
        super().__init__(
            told, hint=hint or "Mend the lines above, then run the command again; nothing was changed so far."
        )


def first_settings(project: str, render: Render | None, suites: Mapping[str, Tests] | None = None) -> bytes:
    """The first `phasegate.toml` of a project, with its `suites` by name where they are not found by themselves."""
    line = f'render = "{render}"' if render else '# render = "claude_md"'
    text = FIRST.format(project=project, render=line, tests=FIRST_TESTS)
    stated = {name: tests for name, tests in (suites or {}).items() if name or tests != Tests()}
    if not stated:
        return text.encode()
    tables = "\n".join(_table(f"suites.{name}" if name else "tests", tests) for name, tests in stated.items())
    return text.replace(FIRST_TESTS, tables).encode()


def _table(name: str, tests: Tests) -> str:
    """A table of TOML with what is not the default."""
    import tomlkit  # written once in a project's life, and read by nobody

    plain = msgspec.to_builtins(Tests())
    said = {key: value for key, value in msgspec.to_builtins(tests).items() if value != plain[key] or key == "runner"}
    return f"[{name}]\n{tomlkit.dumps(said)}"


def read_settings(content: bytes, *, path: str) -> Settings:
    """The settings that `content` says, all of them usable; else SettingsInvalid. `path` is only for messages."""
    text = _text(content, path)
    found = _parsed(text, path)
    lines = lines_of(text)
    tables = found.pop("rules", [])
    strange = [(line_at(lines, at), reason) for at, reason in _unknown_keys(found, Settings, ())]
    if strange:
        raise SettingsInvalid(path, strange)
    try:
        settings = msgspec.convert(found, Settings)
    except msgspec.ValidationError as problem:
        reason, _, place = str(problem).partition(" - at `$")
        at = _path_of(place)
        raise SettingsInvalid(path, [(line_at(lines, at), f"{_named(at)}{reason}.")]) from problem
    wrong = [(line_at(lines, at), f"{_named(at)}{reason}") for at, reason in _wrong_values(settings)]
    if wrong:
        raise SettingsInvalid(path, wrong)
    if tables != [] or settings.policy.modes:
        _refuse_wrong_rules(content, settings, path)
    return settings


def _refuse_wrong_rules(content: bytes, settings: Settings, path: str) -> None:
    """Rules are put into force by `policy_files.with_rules`, which knows the workflow; here they are only read."""
    from phasegate.policy.reading import PolicyInvalid, settings_text

    try:
        settings_text(content, settings.policy, path=path)
    except PolicyInvalid as problem:
        raise SettingsInvalid(path, [(fault.line, fault.reason) for fault in problem.faults]) from problem


def _text(content: bytes, path: str) -> str:
    if len(content) > MOST_BYTES:
        raise SettingsInvalid(path, [(1, f"it is larger than {MOST_BYTES} bytes.")])
    try:
        return content.decode()
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        raise SettingsInvalid(path, [(line, "it is not UTF-8, as TOML must be.")]) from problem


def _parsed(text: str, path: str) -> dict[str, Any]:
    if nesting(text) > MOST_NESTING:
        raise SettingsInvalid(path, [(1, f"it nests deeper than {MOST_NESTING} levels.")])
    try:
        return tomllib.loads(text)
    except ValueError as problem:
        told = re.search(r"\(at line (\d+), column \d+\)$", str(problem))
        line = int(told[1]) if told else text.rstrip("\n").count("\n") + 1
        raise SettingsInvalid(path, [(line, f"it is not TOML: {problem}.")]) from problem


def _unknown_keys(found: Mapping[str, Any], kind: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every key that no setting has, with its place and what was probably meant."""
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in found.items():
        at = (*path, key)
        if key not in fields:
            yield at, f"there is no setting {shown('.'.join(map(str, at)))}. {meant(key, fields)}"
        elif isinstance(value, dict) and isinstance(fields[key], type) and issubclass(fields[key], msgspec.Struct):
            yield from _unknown_keys(value, fields[key], at)


def _path_of(place: str) -> Path:
    """The way to a value from how msgspec writes it: `.paths.tests[0]`."""
    parts = re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", place)
    return tuple(key or int(position) for key, position in parts)


def _named(path: Path) -> str:
    return f"`{'.'.join(map(str, path))}`: " if path else ""


def _wrong_values(settings: Settings) -> Iterator[tuple[Path, str]]:
    """What has the right type and still cannot be meant."""
    if not _is_uuid(settings.project):
        yield ("project",), f'it must be a UUID in small letters, for example project = "{uuid.uuid4()}".'
    for key, path in (("plan", settings.plan), ("area", settings.area), ("workflow", settings.workflow or "-")):
        if not _is_inside(path):
            yield (key,), "it must be a path inside the repository, with `/` between its parts."
    if not _is_inside(settings.approvals.allowed_signers):
        yield ("approvals", "allowed_signers"), "it must be a path inside the repository."
    for key, names in settings.approvals.people.items():
        if not key.startswith("@") or not names:
            yield ("approvals", "people", key), 'name a handle and who it is: "@acme/core" = ["ann@example.org"].'
    for position, wanted in enumerate(settings.policy.extends):
        if not re.fullmatch("[0-9a-f]{64}", wanted.sha256):
            yield (
                ("policy", "extends", position, "sha256"),
                "it is the SHA-256 of the pack, in small hexadecimal digits.",
            )
    if settings.policy.file and not _is_inside(settings.policy.file):
        yield ("policy", "file"), "it must be a path inside the repository."
    if settings.elsewhere:
        yield ("elsewhere",), "it is not for this file: other projects have a phasegate.toml of their own."
    yield from _wrong_suites(settings)
    yield from _wrong_drive(settings)
    for key in ("challenge_seconds", "mutation_seconds"):
        if not 0 <= getattr(settings.evidence, key) < float("inf"):
            yield ("evidence", key), "it is a number of seconds, 0 for none."
    if not 0 <= settings.evidence.reruns <= 5:
        yield ("evidence", "reruns"), "it is a number of runs, from 0 to 5."
    for key in ("trivial_lines", "trivial_files"):
        if getattr(settings.lanes, key) < 0:
            yield ("lanes", key), "it must be 0 or more."
    for key in ("edit", "context", "artifact", "hashing"):
        if not 1024 <= getattr(settings.limits, key) <= 1 << 30:
            yield ("limits", key), "it is a number of bytes, from 1024 to 1073741824."
    shares: dict[Path, float] = {
        ("coverage", key): getattr(settings.coverage, key) for key in ("changed_lines", "new_project")
    }
    shares |= {("coverage", "paths", pattern): share for pattern, share in settings.coverage.paths.items()}
    for at, share in shares.items():
        if not 0 <= share <= 100:
            yield at, "it is a share in per cent, from 0 to 100."


def _wrong_drive(settings: Settings) -> Iterator[tuple[Path, str]]:
    for key in ("silent_minutes", "longest_wait_minutes"):
        if not getattr(settings.drive, key) > 0:
            yield ("drive", key), "it must be more than 0."
    for key in ("cost_usd", "tokens", "minutes", "iterations"):
        if not getattr(settings.drive, key) >= 0:
            yield ("drive", key), "it must be 0, for no limit, or more."
    if not all(map(_is_inside, settings.drive.provide)):
        yield ("drive", "provide"), "each must be a path inside the repository."


def _wrong_suites(settings: Settings) -> Iterator[tuple[Path, str]]:
    if settings.suites and settings.tests != Tests():
        yield ("tests",), "a project has either [tests] or suites with names, [suites.NAME]; move it to a name."
    at: dict[Path, Tests] = {("suites", name): tests for name, tests in settings.suites.items()}
    for where, tests in (at or {("tests",): settings.tests}).items():
        if where[1:] and not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", str(where[1])):
            yield where, "a suite's name is made of small letters, digits and `-`."
        if tests.hidden and (not tests.hidden.startswith("/") or tests.runner != "pytest"):
            yield (*where, "hidden"), "it is an absolute path, outside the repository, of a suite of pytest."
        if not 0 < tests.timeout_seconds <= 7 * 86400:
            yield (*where, "timeout_seconds"), "it must be more than 0 and at most a week."
        if tests.directory and not _is_inside(tests.directory):
            yield (*where, "directory"), "it must be a path inside the repository, with `/` between its parts."
        if tests.runner == "junit" and not (tests.command and tests.reports):
            yield where, "the runner `junit` needs a `command`, and `reports`: where that writes its JUnit files."


def _is_uuid(text: str) -> bool:
    # It becomes the name of a directory, so that nothing but a UUID may pass.
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _is_inside(path: str) -> bool:
    parts = path.split("/")
    return path.isprintable() and "\\" not in path and all(part not in ("", ".", "..", ".git") for part in parts)
