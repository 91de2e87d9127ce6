"""What renderers are handed besides the page: where files are, and what each reference names."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from phasegate.report.values import File

Linked = Callable[[File], str]
"""The address of a file as seen from where the page will lie, safe within quotes; "" when there is none."""


class Told(msgspec.Struct, frozen=True):
    """What a reference names: when it was recorded, on the reader's clock, and what in a sentence."""

    when: str
    what: str
