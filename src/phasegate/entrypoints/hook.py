"""The door that clients knock at for every tool call: a process that lives for milliseconds and wastes none of them."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def main(arguments: list[str]) -> NoReturn:
    """`phasegate hook CLIENT`: answer the call on stdin, and be gone."""
    gc.disable()  # The process is over before garbage could matter; looking for it would take a tenth of its time.
    _import_msgspec()
    from phasegate.entrypoints import hook_call

    status = hook_call.main(arguments)
    sys.stderr.flush()
    os._exit(status)  # Answers are written unbuffered, the ledger is closed: nothing is left for an orderly exit to do.


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
