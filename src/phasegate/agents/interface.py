"""What a coding-agent client must offer to be driven: its hook payloads in our words, our answers in its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.policy.calls import Answer, Call

LARGEST_PAYLOAD = 32 * 1024 * 1024
"""Bytes of one hook payload; read one more than this from stdin, so that `read` can tell."""


class Reply(msgspec.Struct, frozen=True):
    """What the hook process prints, each stream in one write, and the code it exits with."""

    stdout: bytes = b""
    stderr: bytes = b""
    exit: int = 0


class UnreadableCall(Failure):
    """A payload that we cannot read; `moment` is the client's name of its event, where that much was legible."""

    code: ClassVar[str] = "unreadable-call"
    exit_code: ClassVar[Exit] = Exit.CANNOT_TELL

    def __init__(self, message: str, *, hint: str, moment: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.moment = moment


class UnknownMoment(UnreadableCall):
    """The client called for an event that phasegate does not register for."""

    code: ClassVar[str] = "unknown-moment"


class Client(Protocol):
    """One client. A module can be one: the functions below, and `name`."""

    @property
    def name(self) -> str:
        """The word after `phasegate hook`, and `Caller.client`."""

    def root_hint(self, env: Mapping[str, str], cwd: str) -> str:
        """Where to look for the project: the directory the client was opened in, wherever its agent has gone since."""

    def read(self, stdin: bytes, env: Mapping[str, str]) -> Call | None:
        """The call in our words; None when the client calls for something of its own. Raises `UnreadableCall`."""

    def write(self, call: Call, answer: Answer) -> Reply:
        """The answer to `call` as the client obeys it; it never grants what the person has not."""

    def crashed(self, moment: str | None, failure: Failure, *, env: Mapping[str, str], first: bool) -> Reply:
        """What to say when we cannot decide: refuse what can do harm, let the rest pass, and say so when `first`."""

    def install(self, text: str | None, command: Sequence[str]) -> str:
        """The settings file `text` (None: there is none) with our hooks in it. Raises `Failure`, changing nothing."""

    def uninstall(self, text: str) -> str | None:
        """The settings file `text` as it was without our hooks; None when nothing else was ever in it."""
