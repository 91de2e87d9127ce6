"""The `phasegate` program: hook calls take the short way, everything else goes to the command line."""

from __future__ import annotations

import sys

from phasegate.entrypoints import streams

INTERRUPTED = 130
"""`errors.Exit.INTERRUPTED`, for an interrupt that comes before anything is imported."""


def main() -> int:
    """Run the command in `sys.argv` and return its exit code."""
    if len(sys.argv) > 1 and sys.argv[1] == "hook":
        from phasegate.entrypoints import hook

        hook.main(sys.argv[2:])
    try:
        streams.hold()
        streams.outlive_readers()
        from phasegate.entrypoints.cli import app

        return app.run()
    except KeyboardInterrupt:
        return INTERRUPTED
