"""Starts a command that sees other directories at some paths: `enter.py '{"binds": [...]}' COMMAND ...`.

It is run as a program of its own, by phasegate's interpreter with `-I -S`, and needs nothing but Python. Each bind is
[source, target, read-only]; they are made in order, in a mount namespace that ends with the command. Without the right
to mount, a user namespace is made first, in which the user keeps their own id.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

NEW_MOUNTS, NEW_USER = 0x00020000, 0x10000000  # unshare(2)
READ_ONLY, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 32, 4096, 16384, 1 << 18  # mount(2)
KEPT = {0x1: 1, 0x2: 2, 0x4: 4, 0x8: 8, 0x400: 1024, 0x800: 2048, 0x1000: 1 << 21}
"""Flags of a file system (statvfs) that a remount in a user namespace must repeat (mount)."""
CANNOT = 125


def main() -> None:
    """Mount, go back to where we were, and become the command."""
    asked, command = json.loads(sys.argv[1]), sys.argv[2:]
    here = os.getcwd()
    try:
        unshare()
        for source, target, read_only in asked["binds"]:
            bind(source, target, read_only=read_only)
        os.chdir(here)
    except OSError as problem:
        sys.stderr.write(f"phasegate: the private tree cannot be mounted: {problem}\n")
        sys.exit(CANNOT)
    try:
        os.execvp(command[0], command)
    except OSError as problem:
        sys.stderr.write(f"phasegate: {command[0]} cannot be started: {problem}\n")
        sys.exit(CANNOT)


def unshare() -> None:
    """A mount namespace of our own; root makes it at once, anybody else inside a user namespace of their own."""
    user, group = os.getuid(), os.getgid()
    if user != 0 or _call("unshare", NEW_MOUNTS, failing=True):
        _call("unshare", NEW_USER | NEW_MOUNTS)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    _mount("none", "/", RECURSIVE | PRIVATE)


def bind(source: str, target: str, *, read_only: bool) -> None:
    """Show `source` at `target`; where the system refuses to make it read-only it stays as it is."""
    _mount(source, target, BIND | RECURSIVE)
    if read_only:
        has = os.statvfs(target).f_flag
        kept = sum(flag for bit, flag in KEPT.items() if has & bit)
        _mount(source, target, BIND | REMOUNT | READ_ONLY | kept, failing=True)


def _mount(source: str, target: str, flags: int, *, failing: bool = False) -> None:
    _call("mount", os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(flags), None, failing=failing)


def _call(name: str, *arguments: object, failing: bool = False) -> bool:
    """Whether a system call failed; raises OSError when it must not."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        raise OSError(f"this system has no {name}")
    failed = bool(function(*arguments))
    if failed and not failing:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return failed


if __name__ == "__main__":
    main()
