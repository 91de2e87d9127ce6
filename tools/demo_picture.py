"""Draws `docs/images/demo.svg`, the terminal of `phasegate demo`, by running it: nothing in the picture is made up."""

from __future__ import annotations

import os
import pty
import re
import shutil
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

TARGET = Path(__file__).parent.parent / "docs" / "images" / "demo.svg"
COLUMNS = 112
LAST_LINE = "The plan is complete"


def main() -> int:
    """Run the demo on a terminal of its own and draw what it shows, up to the summary."""
    shown = _on_a_terminal([shutil.which("phasegate") or "phasegate", "demo"])
    if LAST_LINE not in shown:
        print(shown[-2000:], file=sys.stderr)
        return 1
    lines = shown.replace("\r\n", "\n").splitlines()
    end = next(at for at, row in enumerate(lines) if LAST_LINE in row) + 3
    rows = [row for row in lines[:end] if not row.startswith("phasegate: ")]
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    console.print(Text("$ uv run phasegate demo", style="bold"))
    console.print(Text.from_ansi("\n".join(rows)))
    # Without the web font the picture names, nothing is fetched to show it.
    frame = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    picture = console.export_svg(title="phasegate demo", theme=DIMMED_MONOKAI, code_format=frame, unique_id="demo")
    TARGET.write_text(picture)
    return 0


def _on_a_terminal(command: list[str]) -> str:
    """What `command` writes to a terminal."""
    pieces: list[bytes] = []

    def read(descriptor: int) -> bytes:
        pieces.append(os.read(descriptor, 4096))
        return pieces[-1]

    os.environ["TERM"] = "xterm-256color"
    pty.spawn(command, read)
    return b"".join(pieces).decode(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
