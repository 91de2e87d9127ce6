"""The door that clients knock at for every tool call: a process that lives for milliseconds and wastes none of them."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

from phasegate.entrypoints import streams

REFUSAL = (
    b'{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny","permissionDecisionReason":'
    b'"phasegate cannot start, so nothing is changed. Install it anew, or take its hooks out: `phasegate uninstall`."}}'
)
"""Said when not even the code that words answers can be loaded; a client obeys it only where a tool is asked for."""


def main(arguments: list[str]) -> NoReturn:
    """`phasegate hook CLIENT`: answer the call on stdin, and be gone."""
    gc.disable()  # The process is over before garbage could matter; looking for it would take a tenth of its time.
    streams.hold()
    try:
        _import_msgspec()
        from phasegate.entrypoints import hook_call

        status = hook_call.main(arguments)
        sys.stderr.flush()
    except BaseException as problem:  # a damaged installation, an interrupt: whatever it is, no call may pass by it
        status = _refuse(problem)
    os._exit(status)  # Answers are written unbuffered, the ledger is closed: nothing is left for an orderly exit to do.


def _refuse(problem: BaseException) -> int:
    """Refuse without any code but this file's; returns the exit code."""
    try:
        os.write(2, f"phasegate cannot answer this call: {type(problem).__name__}.\n".encode())
        os.write(1, REFUSAL)
    except OSError:
        pass  # nobody listens; the exit code is left to say it
    return 1


def _import_msgspec() -> None:
    """Import msgspec without `typing_extensions`: no type of ours needs it, and it costs as much as msgspec itself."""
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        import msgspec  # noqa: F401
    finally:
        del sys.modules["typing_extensions"]


if __name__ == "__main__":
    main(sys.argv[1:])
