"""Where a headless browser is on this machine; in CI a missing one fails, elsewhere it is skipped aloud."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "there is no chromium: `just browser` installs it where apt does, or put one on the PATH"


def chromium() -> str:
    """The program of the browser."""
    found = next(filter(None, map(shutil.which, NAMES)), "")
    if not found:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return found


def shown(page: Path, folder: Path) -> str:
    """What the page has become after its scripts ran, in a browser that cannot reach anything."""
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=20000",
               f"--user-data-dir={folder}", "--proxy-server=127.0.0.1:1", "--dump-dom")  # fmt: skip
    done = subprocess.run(
        [chromium(), *options, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout
