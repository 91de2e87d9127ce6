"""Runs git: one process at a time, in a clean environment, with a deadline, and without Python's slow `subprocess`."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from phasegate.errors import Exit, Failure


class GitMissing(Failure):
    """There is no git program."""

    code = "git-missing"


class NotARepository(Failure):
    """No git work tree here."""

    code = "not-a-repository"


class PathNotText(NotARepository):
    """A work tree whose own path is no text, so that no record could name it."""

    code = "path-not-text"


class BareRepository(Failure):
    """A repository without a work tree."""

    code = "bare-repository"


class GitFailed(Failure):
    """git said no; `status` is its exit code."""

    code = "git-failed"
    exit_code = Exit.CANNOT_TELL

    def __init__(self, message: str, *, hint: str, status: int = 128) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class GitTimeout(Failure):
    """git did not finish before the deadline."""

    code = "git-timeout"
    exit_code = Exit.LIMIT_REACHED


# What git needs of its surroundings. GIT_* never passes: a hook of the user's may have set GIT_INDEX_FILE or GIT_DIR.
_PASSED = ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "USER", "LOGNAME", "SYSTEMROOT")
_PIECE = 1 << 20

_QUIET = ("-c", "core.fsmonitor=false")
"""A repository's own configuration could name a program here that a mere look starts."""


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment git runs in: no GIT_* of anybody, no prompts, no pager, messages in English."""
    kept = {name: os.environ[name] for name in _PASSED if name in os.environ}
    quiet = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_NO_LAZY_FETCH": "1"}
    return {**kept, **quiet, **(extra or {})}


def shadow_environment(shadow: str, root: str) -> dict[str, str]:
    """Run against the shadow git directory: nobody's configuration counts but its own."""
    return clean_environment(
        {
            "GIT_DIR": shadow,
            "GIT_WORK_TREE": root,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CEILING_DIRECTORIES": "/",
        }
    )


class Ran:
    """What a git process left behind."""

    __slots__ = ("errors", "output", "status")

    def __init__(self, status: int, output: bytes, errors: str) -> None:
        self.status = status
        self.output = output
        self.errors = errors


def run(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    scratch: str,
    given: bytes = b"",
    seconds: float = 60.0,
    holding: int | None = None,
    accept: Sequence[int] = (0,),
) -> Ran:
    """Run `git *arguments`; GitFailed unless its exit code is in `accept`.

    `scratch` is a directory for the input and the error text; `holding` is a descriptor the process keeps open.
    """
    ran = _run(["git", *_QUIET, *arguments], environment, scratch, given, time.monotonic() + seconds, holding)
    if ran.status not in accept:
        said = ran.errors.strip()[:500] or f"exit code {ran.status}"
        raise GitFailed(f"git {_verb(arguments)} failed: {said}", hint=_remedy(said), status=ran.status)
    return ran


def _run(
    argv: list[str], environment: Mapping[str, str], scratch: str, given: bytes, deadline: float, holding: int | None
) -> Ran:
    source, errors = _unnamed(scratch, given), _unnamed(scratch)
    reader, writer = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, source, 0), (os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, errors, 2)]
    try:
        if holding is not None:
            os.set_inheritable(holding, True)
        child = _spawn(argv, environment, actions)
        os.close(writer)
        writer = -1
        output = _drain(reader, child, deadline)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.lseek(errors, 0, os.SEEK_SET)
        return Ran(status, output, os.read(errors, 1 << 16).decode("utf-8", "replace"))
    finally:
        for descriptor in (source, errors, reader, writer):
            if descriptor >= 0:
                os.close(descriptor)


def _spawn(argv: list[str], environment: Mapping[str, str], actions: list[tuple[int, int, int]]) -> int:
    try:
        return os.posix_spawnp(argv[0], argv, environment, file_actions=actions)
    except (FileNotFoundError, PermissionError, NotADirectoryError) as problem:
        raise GitMissing("git is not on the PATH.", hint="Install git, and repeat.") from problem


def _drain(reader: int, child: int, deadline: float) -> bytes:
    """All the child writes; whatever goes wrong here, the child does not outlive it."""
    import select  # most hook calls run no git
    import signal

    pieces: list[bytes] = []
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    try:
        while True:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise GitTimeout("git did not answer in time.", hint="Check the disk and its load, then repeat.")
            piece = os.read(reader, _PIECE)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
    except BaseException:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise


def _unnamed(scratch: str, data: bytes = b"") -> int:
    """A file that nobody else sees: deadlocks on full pipes need no second thread this way."""
    name = os.path.join(scratch, f"tmp-{os.getpid()}-{time.monotonic_ns()}")
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.unlink(name)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _verb(arguments: Sequence[str]) -> str:
    skip = {"-C", "-c"}
    words = [word for before, word in zip(("", *arguments), arguments, strict=False) if before not in skip]
    return next((word for word in words if not word.startswith("-")), "")


def _remedy(said: str) -> str:
    if "dubious ownership" in said:
        return (
            "The repository belongs to another user: `git config --global --add safe.directory <path>` if you trust it."
        )
    if "No space left" in said:
        return "Free some space, and repeat."
    return "Run `git status` and `git fsck` in the repository."


class Place:
    """Where a work tree is: its root, its git directory, and the directory all work trees of the clone share."""

    __slots__ = ("common", "directory", "prefix", "root", "top")

    def __init__(self, root: str, directory: str, common: str, prefix: str = "") -> None:
        self.root = root
        self.directory = directory
        self.common = common
        self.prefix = prefix
        self.top = root[: -len(prefix)] if prefix else root


def locate(path: str) -> Place:
    """The work tree that holds `path`; a detached or unborn HEAD is fine. Reads a few small files, runs nothing."""
    start = folder = os.path.realpath(path)
    while True:
        directory = git_directory(folder)
        if directory is not None:
            _refuse_bytes(folder)
            return Place(folder, directory, common_directory(directory))
        if _is_git_directory(folder):
            raise BareRepository(f"{folder} is a git directory without a work tree.", hint="Run in a checkout of it.")
        parent = os.path.dirname(folder)
        if parent == folder:
            raise NotARepository(f"{start} is not in a git repository.", hint="Run `git init` in your project first.")
        folder = parent


def _refuse_bytes(folder: str) -> None:
    try:
        folder.encode()
    except UnicodeEncodeError as problem:
        shown = os.fsencode(folder).decode("utf-8", "replace")
        raise PathNotText(f"The path {shown} is not UTF-8.", hint="Rename that directory, and repeat.") from problem


def git_directory(folder: str) -> str | None:
    """The git directory of the work tree whose root is `folder`, or None when it is no such root."""
    dot = os.path.join(folder, ".git")
    if _is_git_directory(dot):
        return os.path.realpath(dot)
    content = first_line(dot)
    if not content.startswith("gitdir: "):
        return None
    target = os.path.realpath(os.path.join(folder, content[8:]))
    return target if _is_git_directory(target) else None


def common_directory(directory: str) -> str:
    """The directory that holds objects and branches for all work trees of the clone."""
    named = first_line(os.path.join(directory, "commondir"))
    return os.path.realpath(os.path.join(directory, named)) if named else directory


def is_registered(folder: str, common: str) -> bool:
    """Is `folder` a linked work tree that the clone with this common directory knows of?"""
    directory = git_directory(folder)
    if directory is None or os.path.dirname(directory) != os.path.join(common, "worktrees"):
        return False
    back = first_line(os.path.join(directory, "gitdir"))
    return os.path.realpath(os.path.dirname(back)) == os.path.realpath(folder)


def first_line(path: str) -> str:
    """The first line of a small file of git's, or nothing when there is none."""
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read(8192).split(b"\n", 1)[0])
    except OSError:
        return ""


def _is_git_directory(folder: str) -> bool:
    if not os.path.isfile(os.path.join(folder, "HEAD")) and not os.path.islink(os.path.join(folder, "HEAD")):
        return False
    shared = common_directory(folder)
    return os.path.isdir(os.path.join(shared, "objects")) and os.path.isdir(os.path.join(shared, "refs"))
