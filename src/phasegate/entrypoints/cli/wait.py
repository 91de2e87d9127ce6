"""`phasegate wait`: wait for the runner at work, then say what it showed."""

from __future__ import annotations

import rich_click as click

from phasegate.entrypoints.cli.check import PATIENCE, wait_and_report
from phasegate.entrypoints.cli.session import desk, json_option


@click.command()
@click.option("--seconds", type=float, default=PATIENCE, show_default=True, help="How long to wait at most.")
@json_option
def wait(seconds: float, as_json: bool) -> int:
    """Wait until the tests that are running have ended.

    Example: phasegate wait
    """
    with desk() as opened:
        return wait_and_report(opened, seconds, as_json=as_json)
