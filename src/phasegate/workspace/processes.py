"""Which process is meant: a pid is used again, so it is named together with the moment it started."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable


def born(pid: int) -> str:
    """When the process started, as a text that never changes while it lives; "" when it does not run."""
    if pid <= 0:
        return ""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except FileNotFoundError:
        return "" if os.path.isdir("/proc/self") else _by_ps(pid)
    except (PermissionError, ProcessLookupError):
        return ""
    # A zombie has ended; its parent just has not looked (proc(5): field 3 is the state, field 22 the start time).
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()


def _by_ps(pid: int) -> str:
    """The same where there is no /proc (macOS)."""
    import subprocess

    found = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def parent(pid: int) -> int:
    """The parent of a process; 0 when it cannot be told."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        if os.path.isdir("/proc/self"):
            return 0
    import subprocess

    found = subprocess.run(["/bin/ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(found.stdout.strip() or 0)


def ancestry(pid: int, most: int = 64) -> tuple[int, ...]:
    """`pid` and its ancestors, nearest first."""
    line: list[int] = []
    while pid > 0 and len(line) < most:
        line.append(pid)
        pid = parent(pid)
    return tuple(line)


def name(pid: int) -> str:
    """The name of the program a process runs; "" when it cannot be told."""
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        if os.path.isdir("/proc/self"):
            return ""
    import subprocess

    found = subprocess.run(["/bin/ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return os.path.basename(found.stdout.strip())


def age_ms(pid: int) -> int:
    """For how long a process has run, in milliseconds; 0 when that cannot be told."""
    import time

    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        return max(0, int((time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")) * 1000))
    except (OSError, AttributeError, ValueError):
        return 0


AGENT_MARK = b"CLAUDECODE=1"
"""What a client puts into the environment of the commands that its agent runs, and of its hooks."""

OF_THE_CLIENT = b"CLAUDE_PROJECT_DIR="
"""What it puts into that of hooks and of servers that it starts for itself, and not of commands."""


def left_at_work(known: Iterable[int], root: str, sessions: Iterable[str]) -> tuple[str, ...]:
    """The programs that an agent's commands started and that still run, less `known` processes and all below them.

    Only those of one of `sessions`, or at work below `root`: what goes on in other projects is none of ours.
    They are told by their environment, which they have from the client; there is nothing to tell where the system has
    no /proc, and none of a program that was started with an empty one.
    """
    pairs = dict(_parents()) if os.path.isdir("/proc/self") else {}
    known, found = set(known), []
    ours = {f"CLAUDE_CODE_SESSION_ID={session}".encode() for session in sessions}
    for pid in pairs:
        environment = _environment(pid)
        if AGENT_MARK not in environment or any(each.startswith(OF_THE_CLIENT) for each in environment):
            continue
        if ours.isdisjoint(environment) and not f"{_folder_of(pid)}/".startswith(f"{root}/"):
            continue
        line, above = {pid}, pairs.get(pid, 0)
        while above and above not in line:
            line.add(above)
            above = pairs.get(above, 0)
        if known.isdisjoint(line) and born(pid):
            found.append(f"{name(pid) or '?'} ({pid})")
    return tuple(sorted(found)[:20])


def _folder_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def family(root: int) -> list[int]:
    """`root` and all processes below it, each stopped as it is found, so that none can start another while we look.

    A process group is not enough: clients start each hook and each shell in a session of its own.
    """
    stopped: list[int] = []
    while fresh := [pid for pid in family_of(root) if pid not in stopped]:
        for pid in fresh:
            stopped.append(pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGSTOP)
    return stopped


def kill_tree(root: int) -> None:
    """Kill -9 a process with everything below it."""
    for pid in family(root):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def family_of(root: int) -> list[int]:
    """`root` and all processes below it now."""
    pairs = _parents()
    members = [root]
    for member in members:
        members.extend(pid for pid, above in pairs if above == member)
    return members


def _parents() -> list[tuple[int, int]]:
    """Every process and its parent: from /proc where there is one, since small containers have no `ps`."""
    if not os.path.exists("/proc/self/stat"):
        import subprocess

        command = ["/bin/ps", "-A", "-o", "pid=,ppid="]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [(int(pid), int(above)) for pid, above in (line.split() for line in listing.splitlines())]
    pairs = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as stat:
            pairs.append((int(pid), int(stat.read().rpartition(b")")[2].split()[1])))
    return pairs
