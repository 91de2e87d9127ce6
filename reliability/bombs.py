"""Files made to crash, hang or flood whoever reads them: each must be refused soon, in little memory, and never pass.

    python reliability/bombs.py                 all of them
    python reliability/bombs.py --bomb NAME     one
    python reliability/bombs.py --record        keep what came of them below results/

Each is read in a process of its own, by the reader that phasegate uses for it. What is measured is the processor time
of the reading, in seconds, and the most memory that the whole process held, in MiB.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

SECONDS, MEMORY = 2.0, 300.0
"""What the reading of one bomb may take: seconds of a processor, MiB."""

WALL: Final = 120.0
RESULTS: Final = Path(__file__).parent / "results" / "bombs.json"
MANY, DEEP = 200_000, 100_000


class Came(msgspec.Struct, frozen=True):
    """What came of one bomb. `said` are the words of the refusal, or what was made of it."""

    name: str
    refused: bool
    said: str
    seconds: float
    memory: float

    def held(self, seconds: float = SECONDS) -> bool:
        """Whether it was refused within its bounds."""
        return self.refused and self.seconds <= seconds and self.memory <= MEMORY


Make = Callable[[], bytes]
Read = Callable[[bytes, str], str]
"""Reads bytes, with a folder to work in; returns what it says against them ("" when it let them pass)."""

# --- what reads -------------------------------------------------------------------------------------------------------


def refusing(read: Callable[[bytes], Any], says: Callable[[Any], str] = lambda result: "") -> Read:
    """A reader that raises a failure we expect, or whose result has words against what was read."""
    from phasegate.errors import Failure

    def reading(content: bytes, folder: str) -> str:
        try:
            return says(read(content))
        except Failure as failure:
            return failure.message

    return reading


def junit(content: bytes, folder: str) -> str:
    from phasegate.collectors.junit_xml import read_junit

    return read_junit(content).problem


def coverage(content: bytes, folder: str) -> str:
    from phasegate.collectors.coverage_formats import recognise

    return refusing(lambda given: recognise.read(given, root=folder))(content, folder)


def cobertura(content: bytes, folder: str) -> str:
    from phasegate.collectors.coverage_formats import cobertura

    return refusing(lambda given: cobertura.read(given, root=folder))(content, folder)


def jacoco(content: bytes, folder: str) -> str:
    from phasegate.collectors.coverage_formats import jacoco

    return refusing(lambda given: jacoco.read(given, root=folder))(content, folder)


def sarif(content: bytes, folder: str) -> str:
    from phasegate.collectors import sarif_report

    return refusing(lambda given: sarif_report.read(given, root=folder), lambda looked: looked.why_unknown)(
        content, folder
    )


def lock(name: str) -> Read:
    """A reader of lock files: what it could not audit, or why it read nothing."""

    def reading(content: bytes, folder: str) -> str:
        from phasegate.dependencies.locks import reader_of
        from phasegate.dependencies.packages import NoLock

        read = reader_of(name)
        assert read is not None
        try:
            locked = read(content)
        except NoLock as problem:
            return str(problem)
        return "; ".join(locked.left_open)

    return reading


def advisory(content: bytes, folder: str) -> str:
    from phasegate.dependencies import osv

    try:
        osv.read(content)
    except ValueError as problem:
        return str(problem)
    return ""


def advisories(content: bytes, folder: str) -> str:
    """Every record of an export is read; what is no record or none at all, makes the export unusable."""
    from phasegate.collectors.osv_export import records
    from phasegate.dependencies import osv

    def all_of_it(given: bytes) -> int:
        return sum(bool(osv.read(record)) for _, record in records(_kept(given, folder, "all.zip")))

    try:
        return refusing(all_of_it, lambda count: "" if count else "there is no record")(content, folder)
    except ValueError as problem:
        return str(problem)


def settings(content: bytes, folder: str) -> str:
    from phasegate.workspace.settings_file import read_settings

    return refusing(lambda given: read_settings(given, path="phasegate.toml"))(content, folder)


def workflow(content: bytes, folder: str) -> str:
    from phasegate.workflow.toml import read_workflow

    return refusing(lambda given: read_workflow(given.decode(), path="workflow.toml", gates=()))(content, folder)


def rules(content: bytes, folder: str) -> str:
    from phasegate.policy.reading import read_policy

    return refusing(lambda given: read_policy(given, path="policy.toml"))(content, folder)


def plan(content: bytes, folder: str) -> str:
    from phasegate.workflow.plan_markdown import parse_plan

    return refusing(lambda given: parse_plan(given.decode(), path="phases.md"))(content, folder)


def hook(content: bytes, folder: str) -> str:
    from phasegate.agents import claude_code

    return refusing(lambda given: claude_code.read(given, {}))(content, folder)


def client_settings(content: bytes, folder: str) -> str:
    from phasegate.agents import json_text

    return refusing(lambda given: json_text.parse(given.decode()))(content, folder)


def bundle(content: bytes, folder: str) -> str:
    from phasegate.attestation import bundle

    return refusing(bundle.read)(content, folder)


def export(content: bytes, folder: str) -> str:
    from phasegate.attestation import export

    return refusing(export.read)(content, folder)


def secrets(content: bytes, folder: str) -> str:
    """Nothing is refused here: it must be looked through soon, and find nothing where nothing is."""
    from phasegate.policy.secrets import find_secrets

    found = find_secrets(content.decode("utf-8", "surrogateescape"))
    return f"looked through, {len(found)} found"


def tests_of(path: str) -> Read:
    """The ratchets look at a test file that was fine before."""

    def reading(content: bytes, folder: str) -> str:
        from phasegate.ratchets.languages import suite_of
        from phasegate.ratchets.suites import Unreadable

        try:
            suite_of(path, content)
        except Unreadable as problem:
            return str(problem)
        return ""

    return reading


def _kept(content: bytes, folder: str, name: str) -> str:
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


# --- what is read -----------------------------------------------------------------------------------------------------


def laughs(root: str) -> bytes:
    """Entities of entities: a few lines that become a thousand million words."""
    lines = ["<!ENTITY a0 'ha'>"]
    lines += [f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10)]
    return f"<?xml version='1.0'?><!DOCTYPE {root} [{''.join(lines)}]><{root} name='&a9;'>&a9;</{root}>".encode()


def outside(root: str) -> bytes:
    return f"<!DOCTYPE {root} [<!ENTITY x SYSTEM 'file:///dev/zero'>]><{root}>&x;</{root}>".encode()


def deep_xml(root: str) -> bytes:
    return f"<{root}>".encode() + b"<a>" * MANY


def wide_xml(root: str) -> bytes:
    return f"<{root}".encode() + b"".join(b" a%d='1'" % n for n in range(MANY)) + b">"


def long_xml(root: str) -> bytes:
    return f"<{root} name='".encode() + b"a" * (32 << 20)


def open_text(root: str) -> bytes:
    return f"<{root}>".encode() + b"<![CDATA[" + b"x" * (32 << 20)


def deep_lists() -> bytes:
    return b"[" * DEEP


def deep_objects() -> bytes:
    return b'{"a":' * DEEP + b"1" + b"}" * DEEP


def deep_inside(key: str) -> Make:
    return lambda: b'{"%s": ' % key.encode() + b"[" * DEEP + b"]" * DEEP + b"}"


def huge_number(key: str) -> Make:
    return lambda: b'{"%s": ' % key.encode() + b"9" * 1_000_000 + b"}"


def half_characters() -> bytes:
    return b'"' + b"\\ud800" * MANY + b'"'


def nested_toml() -> bytes:
    return b"a = " + b"[" * DEEP


def dotted_toml() -> bytes:
    return b".".join([b"a"] * 50_000) + b" = 1\n"


def many_tables() -> bytes:
    return b"".join(b"[a.b%d]\nc = 1\n" % n for n in range(MANY))


def long_toml_number() -> bytes:
    return b"a = " + b"9" * 100_000


def laughing_yaml() -> bytes:
    lines = ["lockfileVersion: '9.0'", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join([*lines, "packages: *a9"]).encode()


def deep_yaml() -> bytes:
    return b"packages: " + b"[" * DEEP


def indented_yaml() -> bytes:
    return b"packages:\n" + b"".join(b" " * n + b"a:\n" for n in range(1, 2000))


def packed(*entries: tuple[str, bytes], level: int = 9) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return made.getvalue()


def inflating() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("OSV-1.json", "w") as entry:
        for _ in range(256):
            entry.write(b" " * (1 << 20))
    return made.getvalue()


def crowded() -> bytes:
    return packed(*[(f"OSV-{n}.json", b"{") for n in range(20_000)], level=1)


def climbing() -> bytes:
    return packed(("../../outside.json", b"{}"), ("/etc/outside.json", b"{}"))


def matryoshka() -> bytes:
    inner = packed(("OSV-1.json", b"[" * DEEP))
    for _ in range(5):
        inner = packed(("all.zip", inner))
    return inner


def cut_off() -> bytes:
    return packed(("OSV-1.json", b"{}" * 1000))[:-30]


def lying_size() -> bytes:
    """An archive whose directory says that an entry of 64 MiB has one byte."""
    made = bytearray(packed(("OSV-1.json", b"[" + b" " * (64 << 20))))
    at = made.rindex(b"PK\x01\x02")
    made[at + 24 : at + 28] = (1).to_bytes(4, "little")
    return bytes(made)


def parentheses() -> bytes:
    return b"def test_a():\n    assert " + b"(" * 50_000 + b"1" + b")" * 50_000


def unary() -> bytes:
    return b"def test_a():\n    assert " + b"not " * 200_000 + b"1\n"


def attributes() -> bytes:
    return b"def test_a():\n    assert a" + b".a" * 200_000 + b"\n"


def script(around: bytes) -> Make:
    return lambda: b"test('a', () => {" + around * 50_000


def go_source() -> bytes:
    return b"package a\n\nfunc TestA(t *testing.T) {\n" + b"if true {" * 50_000


BOMBS: Final[dict[str, tuple[Make, Read]]] = {
    **{
        f"{kind}: {made.__name__.replace('_', ' ')}": ((lambda made=made, root=root: made(root)), read)
        for kind, root, read in (
            ("JUnit", "testsuites", junit), ("Cobertura", "coverage", cobertura), ("JaCoCo", "report", jacoco)
        )
        for made in (laughs, outside, deep_xml, wide_xml, long_xml, open_text)
    },
    "coverage.py: deep": (deep_inside("files"), coverage),
    "coverage.py: huge number": (huge_number("totals"), coverage),
    "istanbul: deep": (deep_inside("a.js"), coverage),
    "lcov: one line": (lambda: b"SF:" + b"a" * (32 << 20), coverage),
    "lcov: huge line number": (lambda: b"SF:a.py\nDA:" + b"9" * 1_000_000 + b",1\nend_of_record\n", coverage),
    "Go profile: huge numbers": (lambda: b"mode: set\na.go:" + b"9" * 5000 + b".1,2.1 1 1\n", coverage),
    "SARIF: deep": (deep_inside("runs"), sarif),
    "SARIF: objects": (deep_objects, sarif),
    "SARIF: half characters": (half_characters, sarif),
    **{
        f"{name}: {what}": (made, lock(name))
        for name, bombs in {
            "package-lock.json": {"deep": deep_inside("packages"), "huge number": huge_number("lockfileVersion")},
            "bun.lock": {"deep": deep_inside("packages"), "half characters": half_characters},
            "pnpm-lock.yaml": {"laughs": laughing_yaml, "deep": deep_yaml, "indented": indented_yaml},
            "uv.lock": {"nested": nested_toml, "dotted": dotted_toml},
            "poetry.lock": {"nested": nested_toml, "long number": long_toml_number},
            "pylock.toml": {"dotted": dotted_toml},
            "Pipfile.lock": {"deep": deep_objects},
            "requirements.txt": {"one line": lambda: b"a==" + b"1." * (4 << 20)},
            "yarn.lock": {"one line": lambda: b'"a@' + b"x" * (16 << 20)},
        }.items()
        for what, made in bombs.items()
    },
    "advisory: deep": (deep_inside("affected"), advisory),
    "advisory: huge number": (huge_number("id"), advisory),
    "advisories: inflating": (inflating, advisories),
    "advisories: crowded": (crowded, advisories),
    "advisories: climbing": (climbing, advisories),
    "advisories: within one another": (matryoshka, advisories),
    "advisories: cut off": (cut_off, advisories),
    "advisories: lying about a size": (lying_size, advisories),
    "phasegate.toml: nested": (nested_toml, settings),
    "phasegate.toml: dotted": (dotted_toml, settings),
    "phasegate.toml: many tables": (many_tables, settings),
    "phasegate.toml: long number": (long_toml_number, settings),
    "workflow: nested": (nested_toml, workflow),
    "workflow: dotted": (dotted_toml, workflow),
    "rules: nested": (nested_toml, rules),
    "rules: dotted": (dotted_toml, rules),
    "plan: quotes": (lambda: b"> " * 50_000 + b"a\n", plan),
    "plan: brackets": (lambda: b"# a\n\n" + b"[" * 300_000, plan),
    "hook payload: deep": (deep_inside("tool_input"), hook),
    "hook payload: objects": (deep_objects, hook),
    "client settings: deep": (deep_lists, client_settings),
    "client settings: objects": (deep_objects, client_settings),
    "bundle: deep": (deep_inside("files"), bundle),
    "bundle: huge number": (huge_number("format"), bundle),
    "export: deep": (deep_lists, export),
    "export: no end of a line": (lambda: b"{" * (32 << 20), export),
    "secrets: base64 without end": (lambda: b"QUtJQUFBQUFBQUFB" * (1 << 16), secrets),
    "secrets: keywords": (lambda: b"password = " * MANY, secrets),
    "secrets: quotes": (lambda: b"key = '" * MANY, secrets),
    "secrets: marks": (lambda: b"ghp_" * (1 << 19), secrets),
    "Python tests: parentheses": (parentheses, tests_of("tests/test_a.py")),
    "Python tests: not not": (unary, tests_of("tests/test_a.py")),
    "Python tests: attributes": (attributes, tests_of("tests/test_a.py")),
    "JavaScript tests: braces": (script(b"{"), tests_of("a.test.js")),
    "JavaScript tests: brackets": (script(b"["), tests_of("a.test.js")),
    "TypeScript tests: angles": (script(b"a<"), tests_of("a.test.ts")),
    "Go tests: braces": (go_source, tests_of("a_test.go")),
}  # fmt: skip


def swallows(content: bytes, folder: str) -> str:
    """A reader that finds nothing wrong with anything."""
    return ""


PLANTED: Final[dict[str, Read]] = {"swallows": swallows}


def one(name: str, bug: str) -> Came:
    """Read one bomb here, and say what it took."""
    make, read = BOMBS[name]
    read = PLANTED.get(bug, read)
    content = make()
    with tempfile.TemporaryDirectory(prefix="bombs-") as folder:
        begun = time.process_time()
        said = read(content, folder)
        seconds = time.process_time() - begun
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
    return Came(name, bool(said), said[:200], round(seconds, 2), round(memory, 1))


def tried(name: str, bug: str) -> Came:
    """Read one bomb in a process of its own."""
    words = (sys.executable, os.path.abspath(__file__), "--one", name, "--planted-bug", bug)
    try:
        ran = subprocess.run(words, capture_output=True, timeout=WALL, check=False)
    except subprocess.TimeoutExpired:
        return Came(name, False, f"it was still reading after {WALL:g} s", WALL, 0.0)
    try:
        return msgspec.json.decode(ran.stdout, type=Came)
    except msgspec.MsgspecError:
        last = (ran.stderr.decode(errors="replace").strip().splitlines() or [f"it ended with {ran.returncode}"])[-1]
        return Came(name, False, last[:300], 0.0, 0.0)


def main() -> int:
    """0 when every bomb was refused within its bounds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--bomb", action="append", choices=sorted(BOMBS), metavar="NAME", help="only this one")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="what the reading of one may take")
    parser.add_argument("--list", action="store_true", help="list them and read none")
    parser.add_argument("--record", action="store_true", help="keep what came of them below results/")
    parser.add_argument("--planted-bug", choices=("", *PLANTED), default="", help="break the reader; it must show")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        sys.stdout.buffer.write(msgspec.json.encode(one(asked.one, asked.planted_bug)))
        return 0
    if asked.list:
        print("\n".join(BOMBS))
        return 0
    came = [_told(tried(name, asked.planted_bug), asked.seconds) for name in asked.bomb or BOMBS]
    held = sum(each.held(asked.seconds) for each in came)
    if asked.record:
        _keep(came)
    print(f"{held} of {len(came)} were refused within {asked.seconds:g} s of a processor and {MEMORY:g} MiB")
    return int(held < len(came))


def _told(came: Came, seconds: float) -> Came:
    print(
        f"{'held' if came.held(seconds) else 'LOST':5} {came.name} ({came.seconds} s, {came.memory} MiB): {came.said}",
        flush=True,
    )
    return came


def _keep(came: list[Came]) -> None:
    told = {
        "what": "files made to crash, hang or flood whoever reads them, and what came of each",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "system": platform.platform(),
        "python": platform.python_version(),
        "held": sum(each.held() for each in came),
        "bombs": came,
    }
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")


if __name__ == "__main__":
    sys.exit(main())
