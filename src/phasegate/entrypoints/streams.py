"""Standard streams that hold: closed ones become /dev/null, and a reader that goes away ends no command."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def hold() -> None:
    """Open what is missing of descriptors 0, 1 and 2, and give Python a stream for each.

    No file of ours may get their number, and with it what we print.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(descriptor, True)
    if sys.stdin is None:
        sys.stdin = open(0)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115


def outlive_readers() -> None:
    """Let what nobody reads on (`| head`) go nowhere, instead of ending a command halfway with another exit code."""
    sys.stdout, sys.stderr = _unheeding(sys.stdout), _unheeding(sys.stderr)


def _unheeding(stream: TextIO) -> TextIO:
    raw = _Unheeding(stream.fileno(), "w", closefd=False)
    by_line = stream.isatty() or stream is sys.stderr
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=by_line)


class _Unheeding(io.FileIO):
    """A descriptor that is /dev/null from the moment its reader is gone."""

    def write(self, content: ReadableBuffer, /) -> int:
        try:
            return super().write(content)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return super().write(content)
