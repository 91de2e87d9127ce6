"""The search for secrets in real text, against reading it and one search for a keyword; and against gitleaks."""

from __future__ import annotations

import base64
import os
import random
import re
import shutil
import sys
import sysconfig
import uuid
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, Goal, Report
from measure import Action, Spent, call, interleaved

from phasegate.policy.secrets import find_secrets

BASELINE = "reading and one search"
GITLEAKS = "gitleaks"
MB = 1_000_000
LARGEST = 4 * MB
KINDS = {"Python": (".py",), "JavaScript": (".js", ".mjs", ".cjs"), "minified JavaScript": (".min.js",), "Go": (".go",)}
KEYWORD = re.compile(r"(?i)password")
EDIT = 50_000
FAST = Goal(50.0, "20 MB/s")
QUICK = Goal(20.0, "20 ms")


def run(base: Path, *, rounds: int, size: int) -> list[Report]:
    """Measure each kind of text at about `size` bytes, and one edit of 50 KB."""
    return [_throughput(base, name, texts, rounds) for name, texts in _texts(size)] + [_edit(rounds)]


def _texts(size: int) -> Iterator[tuple[str, list[str]]]:
    for name, endings in KINDS.items():
        texts = _installed(endings, size)
        if sum(map(len, texts)) >= min(size, 100_000):
            yield name, texts
    yield "a lock file", [_lock(size)]
    yield "a log", [_log(size)]


def _installed(endings: tuple[str, ...], size: int) -> list[str]:
    """Files of the packages in this environment, in the order of their paths."""
    found: list[str] = []
    for folder, names, files in os.walk(sysconfig.get_path("purelib")):
        names.sort()
        for name in sorted(files):
            if name.endswith(endings) and sum(map(len, found)) < size:
                found.append(Path(folder, name).read_text("utf-8", "replace")[:LARGEST])
    return found


def _lock(size: int) -> str:
    draw, rows = random.Random(1), []
    for number in range(size // 280):
        digest = base64.b64encode(draw.randbytes(64)).decode()
        rows.append(
            f'    "node_modules/p{number}": {{\n      "version": "{number % 9}.1.0",\n'
            f'      "resolved": "https://registry.example/p{number}/-/p{number}-{number % 9}.1.0.tgz",\n'
            f'      "integrity": "sha512-{digest}",\n      "license": "MIT"\n    }},\n'
        )
    return "".join(rows)


def _log(size: int) -> str:
    draw = random.Random(2)
    return "".join(
        f"2026-11-22T10:{n % 60:02}:{n % 59:02}Z INFO [worker-{n % 8}] com.example.service.Handler - request "
        f"id={uuid.UUID(bytes=draw.randbytes(16))} path=/v1/users/{n} status=200 bytes={draw.randrange(99999)}\n"
        for n in range(size // 150)
    )


def _throughput(base: Path, name: str, texts: list[str], rounds: int) -> Report:
    folder = base / "".join(filter(str.isalnum, name))
    folder.mkdir()
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{number}.txt")
        paths[-1].write_text(text)
    size = sum(path.stat().st_size for path in paths) / MB
    case = f"{name}, {size:.1f} MB"
    actions: dict[str, Action] = {
        BASELINE: lambda: call(lambda: [KEYWORD.search(path.read_text()) for path in paths]),
        case: lambda: call(lambda: [find_secrets(path.read_text()) for path in paths]),
    }
    program = shutil.which(GITLEAKS, path=os.path.dirname(sys.executable)) or shutil.which(GITLEAKS)
    if program:
        command = [program, "dir", str(folder), "--no-banner", "--log-level", "fatal", "--exit-code", "0"]
        actions[GITLEAKS] = lambda: call(lambda: os.spawnv(os.P_WAIT, program, command))
    found = interleaved(actions, rounds=rounds)
    figures = [_per_mb(case, found[case], size, BASELINE, found, FAST)]
    figures += [_per_mb(case, found[case], size, GITLEAKS, found)] if program else []
    speed = 1000 * size / found[case].cpu
    return Report(f"secrets-{folder.name}", f"Secrets in {name}: {speed:.0f} MB a second of one core", tuple(figures))


def _per_mb(
    case: str, mine: Spent, size: float, baseline: str, found: dict[str, Spent], goal: Goal | None = None
) -> Figure:
    ratio = mine.cpu / found[baseline].cpu
    return Figure(
        case,
        "ms CPU per MB",
        mine.cpu / size,
        mine.cpu_p90 / size,
        baseline,
        ratio,
        goal and _as_ratio(goal, mine, size, ratio),
    )


def _as_ratio(goal: Goal, mine: Spent, size: float, ratio: float) -> Goal:
    """A goal in milliseconds a megabyte as the ratio to the baseline that it is on this machine."""
    return Goal(goal.limit * ratio / (mine.cpu / size), goal.says)


def _edit(rounds: int) -> Report:
    text = "".join(_installed((".py",), 2 * EDIT))[:EDIT]
    found = interleaved(
        {
            BASELINE: lambda: call(lambda: KEYWORD.search(text)),
            "an edit of 50 KB": lambda: call(lambda: find_secrets(text)),
        },
        rounds=max(rounds, 5),
    )
    mine = found["an edit of 50 KB"]
    ratio = mine.cpu / max(found[BASELINE].cpu, 0.001)
    goal = Goal(QUICK.limit * ratio / mine.cpu, QUICK.says)
    figure = Figure("an edit of 50 KB", "ms CPU", mine.cpu, mine.cpu_p90, BASELINE, ratio, goal)
    return Report("secrets-edit", "Secrets in one edit", (figure,))
