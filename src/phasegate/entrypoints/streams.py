"""Closed standard streams become /dev/null, so that no file of ours gets their number, and with it what we print."""

from __future__ import annotations

import os
import sys


def hold() -> None:
    """Open what is missing of descriptors 0, 1 and 2, and give Python a stream for each."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(descriptor, True)
    if sys.stdin is None:
        sys.stdin = open(0)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", buffering=1)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", buffering=1)  # noqa: SIM115
