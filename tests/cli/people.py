"""Starts commands as a person's terminal would: with no agent above them, whatever the tests themselves run below."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SCRIPTS = os.path.dirname(sys.executable)
PHASEGATE = os.path.join(SCRIPTS, "phasegate")
KEPT = """
    PATH HOME LANG XDG_STATE_HOME GIT_CONFIG_NOSYSTEM PHASEGATE_CLAUDE PYTEST_DISABLE_PLUGIN_AUTOLOAD
""".split()

# A child of a child whose parent has ended belongs to init (or the nearest subreaper), not to whoever runs the tests.
ORPHAN = """
import os, subprocess, sys
_, seconds, status, *argv = sys.argv
if os.fork():
    os._exit(0)
os.setsid()
try:
    code = subprocess.run(argv, stdin=subprocess.DEVNULL, timeout=float(seconds)).returncode
except subprocess.TimeoutExpired:
    code = 124
with open(int(status), "w") as file:
    file.write(str(code))
"""


def as_person(
    argv: Sequence[str], cwd: str | Path, env: Mapping[str, str] | None = None, *, timeout: float = 100.0
) -> subprocess.CompletedProcess[str]:
    """Run `argv` in `cwd` re-parented and in an environment without marks of agents, and wait for its end.

    `env` is added to that environment. `phasegate` as first word means the one under test.
    """
    words = [PHASEGATE if argv[0] == "phasegate" else argv[0], *argv[1:]]
    clean = {name: os.environ[name] for name in KEPT if name in os.environ} | dict(env or {})
    clean["PATH"] = os.pathsep.join((SCRIPTS, clean.get("PATH", os.defpath)))
    reader, writer = os.pipe()
    with os.fdopen(reader) as status:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", ORPHAN, str(timeout), str(writer), *words], cwd=cwd, env=clean, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=(writer,),
        )  # fmt: skip
        os.close(writer)
        stdout, stderr = process.communicate(timeout=timeout + 10)
        code = int(status.read() or -1)
    return subprocess.CompletedProcess(words, code, stdout, stderr)
