"""What the demo asks of a coding-agent client, and a session of one: a process that tells its story on stdout."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any, ClassVar, Protocol

import msgspec

from phasegate.entrypoints.demo.script import ToolResult, text_of
from phasegate.errors import Failure
from phasegate.workspace import processes

QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
}
"""What keeps the real client from calling anyone but its model."""


class ClientTimedOut(Failure):
    """The client was still running when its time was up, and was killed."""

    code: ClassVar[str] = "client-timed-out"


class Place(msgspec.Struct, frozen=True):
    """Where a client works: a project, a private home, the model it talks to, and what else its environment holds."""

    project: str
    home: str
    model_url: str
    model_key: str
    extra: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of the client: nothing of ours leaks in, and `phasegate` is found by its shell."""
        scripts = os.path.dirname(shutil.which("phasegate", path=os.path.dirname(sys.executable)) or sys.executable)
        private = {
            "PATH": os.pathsep.join((scripts, "/usr/local/bin", "/usr/bin", "/bin")),
            "HOME": self.home,
            "CLAUDE_CONFIG_DIR": os.path.join(self.home, ".claude"),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "ANTHROPIC_API_KEY": self.model_key,
            "ANTHROPIC_BASE_URL": self.model_url,
        }
        return private | QUIET | self.extra


class HookSeen(msgspec.Struct, frozen=True):
    """A hook the client ran, as the client tells it: `outcome` is success, error, cancelled, ..."""

    event: str
    name: str
    exit_code: int | None
    outcome: str
    stdout: str
    stderr: str


class Finished(msgspec.Struct, frozen=True):
    """How a session ended. `subtype` and `reason` are the client's words; both are empty when it was killed."""

    exit_code: int
    killed: bool
    result: str
    subtype: str
    reason: str
    hooks: tuple[HookSeen, ...]
    tool_results: tuple[ToolResult, ...]
    stderr: str


class Client(Protocol):
    """A coding-agent client: the real one, or the stand-in that behaves like it."""

    @property
    def name(self) -> str: ...

    @property
    def real(self) -> bool: ...

    def start(self, prompt: str, *, resume: str | None = None, carry_on: bool = False) -> Session:
        """Begin with `prompt`: a new session, the one named by `resume`, or the newest of the project."""


class Session:
    """A running client. `events` are the lines it has printed so far, oldest first."""

    def __init__(self, argv: Sequence[str], *, cwd: str, environment: Mapping[str, str], session_id: str = "") -> None:
        self._asked_id = session_id
        self._events: list[dict[str, Any]] = []
        self._errors: list[str] = []
        self._killed = False
        self._process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._readers = (
            self._reading(self._process.stdout, self._hear),
            self._reading(self._process.stderr, lambda line: self._errors.append(line.decode(errors="replace"))),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        return tuple(self._events)

    @property
    def session_id(self) -> str:
        """The client's name for this session; empty until it said one, if it was not told."""
        if self._asked_id:
            return self._asked_id
        # Under --continue the client speaks under another name before it has found the old session and says `init`.
        said = [str(event["session_id"]) for event in self._events if event.get("session_id")]
        return said[-1] if said else ""

    def wait(self, timeout: float = 120.0) -> Finished:
        """Wait for the end; seconds. A client that takes longer is killed."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            finished = self.kill()
            raise ClientTimedOut(
                f"The client did not end within {timeout:g} s and was killed; its last words: {self._last_words()}",
                hint="Look at the hooks it was running: one that never returns holds the client up.",
            ) from None
        else:
            finished = self._finished()
        return finished

    def kill(self) -> Finished:
        """Kill -9 the client with every process below it, hooks and shells included, so that nothing can tidy up."""
        self._killed = self.running
        if self._killed:
            processes.kill_tree(self.pid)
        self._process.wait()
        return self._finished()

    def _reading(self, stream: IO[bytes] | None, hear: Any) -> threading.Thread:
        def read() -> None:
            for line in stream or ():
                hear(line)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def _hear(self, line: bytes) -> None:
        with contextlib.suppress(msgspec.MsgspecError):
            self._events.append(msgspec.json.decode(line, type=dict[str, Any]))

    def _last_words(self) -> str:
        return repr(self._events[-1])[:400] if self._events else "none"

    def _finished(self) -> Finished:
        for reader in self._readers:
            reader.join(5)
        end = _last_result(self._events)
        return Finished(
            exit_code=self._process.returncode,
            killed=self._killed,
            result=str(end.get("result", "")),
            subtype=str(end.get("subtype", "")),
            reason=str(end.get("terminal_reason", "")),
            hooks=hooks_seen(self._events),
            tool_results=tool_results(self._events),
            stderr="".join(self._errors),
        )


def _last_result(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    results = [event for event in events if event.get("type") == "result"]
    return results[-1] if results else {}


def hooks_seen(events: Sequence[dict[str, Any]]) -> tuple[HookSeen, ...]:
    """The hook answers among a client's lines."""
    return tuple(
        HookSeen(
            event=str(event.get("hook_event", "")),
            name=str(event.get("hook_name", "")),
            exit_code=event.get("exit_code"),
            outcome=str(event.get("outcome", "")),
            stdout=str(event.get("stdout", "")),
            stderr=str(event.get("stderr", "")),
        )
        for event in events
        if event.get("subtype") == "hook_response"
    )


def tool_results(events: Sequence[dict[str, Any]]) -> tuple[ToolResult, ...]:
    """What the client told the model came of its calls."""
    contents = [event["message"].get("content") for event in events if event.get("type") == "user"]
    return tuple(
        ToolResult(str(block.get("tool_use_id")), text_of(block.get("content")), bool(block.get("is_error")))
        for content in contents
        if isinstance(content, list)
        for block in content
        if isinstance(block, dict) and block.get("type") == "tool_result"
    )
