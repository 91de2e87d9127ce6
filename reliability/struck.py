"""Starts phasegate's hook or command line in a child that dies at a chosen write, or with a bug planted in it.

Only for `kill_commands.py`; the product knows nothing of it. A *write* is whatever leaves a trace: a file opened for
writing, renamed, removed, a folder made, a program started, a commit of the ledger (just before, and just after).
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from phasegate.engine import closing
from phasegate.engine.judge import write_own
from phasegate.entrypoints import hook_call
from phasegate.entrypoints.cli import app, check, done, evidence, note, record  # noqa: F401  (warm for every child)
from phasegate.store.sqlite import SqliteLog
from phasegate.workflow.plan_markdown import parse_plan, tick

TRACES: Final = frozenset({"os.rename", "os.remove", "os.mkdir", "os.posix_spawn", "subprocess.Popen"})
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Strike:
    """Counts the writes of this process, tells them through `pipe`, and kills at the one numbered `at` (0 = never)."""

    def __init__(self, at: int, whole_group: bool, pipe: int) -> None:
        self._left = at
        self._whole_group = whole_group
        self._pipe = pipe

    def arm(self) -> None:
        """Begin to count."""
        commit: Callable[[SqliteLog], None] = SqliteLog._commit

        def watched(log: SqliteLog) -> None:
            self.write()
            commit(log)
            self.write()

        SqliteLog._commit = watched  # type: ignore[method-assign]
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in TRACES or (event == "open" and (arguments[2] or 0) & WRITING):
            self.write()

    def write(self) -> None:
        """One more write is about to happen."""
        os.write(self._pipe, b".")
        self._left -= 1
        if self._left == 0:
            (os.killpg if self._whole_group else os.kill)(os.getpid(), signal.SIGKILL)


# --- bugs to plant ----------------------------------------------------------------------------------------------------


def publish_before_record() -> None:
    """The boxes are ticked before the ledger says that the phase is closed."""
    archive = closing._archive

    def hasty(desk: Any, state: Any, phase: Any, verdicts: Any) -> Any:
        path = desk.settings.plan
        text = (desk.files.read(path) or b"").decode()
        plan = parse_plan(text, path=path)
        listed = state.planned(phase.id)
        boxes = [phase.id, *(task.id for task in listed.tasks)]
        state = write_own(desk, state, path, tick(text, plan, boxes=boxes).encode())
        return archive(desk, state, phase, verdicts)

    closing._archive = hasty


class _Late:
    """Files that keep what goes into the archive to themselves for now."""

    def __init__(self, files: Any) -> None:
        self._files = files
        self.kept: dict[str, bytes] = {}

    def write(self, path: str, content: bytes) -> None:
        self.kept[path] = content

    def read(self, path: str) -> bytes | None:
        return self.kept.get(path) or self._files.read(path)  # type: ignore[no-any-return]


def archive_after_closing() -> None:
    """`PhaseClosed` is recorded first, and the files that it names are written next."""
    archive, publish = closing._archive, closing.publish
    waiting: dict[str, bytes] = {}

    def postponed(desk: Any, *arguments: Any) -> Any:
        files = desk.files
        desk.files = late = _Late(files)
        try:
            return archive(desk, *arguments)
        finally:
            desk.files = files
            waiting.update(late.kept)

    def belated(desk: Any, state: Any) -> Any:
        for path, content in waiting.items():
            desk.files.write(path, content)
        waiting.clear()
        return publish(desk, state)

    closing._archive, closing.publish = postponed, belated


BUGS: Final[Mapping[str, Callable[[], None]]] = {
    "publish-before-record": publish_before_record,
    "archive-after-closing": archive_after_closing,
}


# --- the child --------------------------------------------------------------------------------------------------------


def below_the_client() -> None:
    """Let the process that the environment names as the client be the one above: a client starts its hooks itself."""
    named = int(os.environ["CLAUDE_PID"])
    os.getppid = lambda: named


def fork(
    arguments: Sequence[str], *, given: int, told: int, pipe: int, folder: str, environment: Mapping[str, str],
    at: int, whole_group: bool, bug: str,
) -> int:  # fmt: skip
    """Start `phasegate ARGUMENTS` in a process group of its own, reading `given` and writing `told`; its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for near, far in ((given, 0), (told, 1), (told, 2)):
            os.dup2(near, far)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(fd, mode) for fd, mode in enumerate("rww"))
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["phasegate", *arguments]
        below_the_client()
        if bug:
            BUGS[bug]()
        Strike(at, whole_group, pipe).arm()
        _exit(hook_call.main(list(arguments[1:])) if arguments[0] == "hook" else app.run(list(arguments)))
    except BaseException:
        traceback.print_exc()
    finally:  # Whatever it was, the child must never run on as a second parent.
        _exit(99)


def _exit(status: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
