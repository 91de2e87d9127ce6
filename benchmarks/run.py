"""Measures what phasegate costs, each figure beside a baseline of the same run and the goal it should stay under.

    uv run python benchmarks/run.py [BENCHMARK ...] [--full | --smoke] [--record NAME]

The usual tier takes some five minutes, `--full` some twenty; `--smoke` only shows that everything runs. Figures of a
loaded machine are of use as ratios alone. `--record` keeps them in `benchmarks/results/`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import digests
import hook_calls
import ledgers
import msgspec
import private_runs
import secret_search
import whole_run
from figures import Report, record, table


class Tier(msgspec.Struct, frozen=True):
    """How much is measured: rounds of each benchmark, and the sizes of what it is measured on."""

    name: str
    hook_rounds: int
    events: dict[str, int]
    digest_rounds: int
    trees: tuple[int, ...]
    ledger_rounds: int
    ledger_events: int
    sessions: int
    cycles: int
    private_rounds: int
    packages: int
    secret_rounds: int
    secret_bytes: int


LONG = {"10 events": 10, "100,000 events": 100_000}
SMOKE = Tier("smoke", 1, {"10 events": 10}, 1, (200,), 1, 200, 1, 1, 1, 1, 1, 100_000)
USUAL = Tier("usual", 4, LONG, 4, (14_000,), 4, 2_000, 1, 4, 2, 5, 3, 2_000_000)
FULL = Tier("full", 40, LONG, 15, (14_000, 40_000), 20, 20_000, 8, 12, 4, 5, 10, 10_000_000)

BENCHMARKS: dict[str, Callable[[Path, Tier], list[Report]]] = {
    "hooks": lambda base, tier: hook_calls.run(base, rounds=tier.hook_rounds, events=tier.events),
    "digests": lambda base, tier: digests.run(base, rounds=tier.digest_rounds, sizes=tier.trees),
    "ledgers": lambda base, tier: ledgers.run(base, rounds=tier.ledger_rounds, events=tier.ledger_events),
    "secrets": lambda base, tier: secret_search.run(base, rounds=tier.secret_rounds, size=tier.secret_bytes),
    "sessions": lambda base, tier: whole_run.run(base, rounds=tier.sessions, cycles=tier.cycles),
    "private": lambda base, tier: private_runs.run(base, rounds=tier.private_rounds, suites=tier.packages),
}


def main() -> None:
    """Run the benchmarks that are named, print what they found and keep it when asked."""
    options = _options()
    tier = FULL if options.full else SMOKE if options.smoke else USUAL
    reports: list[Report] = []
    for name in options.benchmarks or BENCHMARKS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="phasegate-benchmark-", ignore_cleanup_errors=True) as folder:
            found = BENCHMARKS[name](Path(folder).resolve(), tier)
        for report in found:
            print(table(report), flush=True)
        print(f"({name}: {time.monotonic() - began:.0f} s)\n", flush=True)
        reports += found
    if options.record:
        print(f"Kept in {record(reports, name=options.record, tier=tier.name)}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "benchmarks", nargs="*", metavar="BENCHMARK", help=f"of {', '.join(BENCHMARKS)}; all by default"
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="more rounds on larger repositories")
    size.add_argument("--smoke", action="store_true", help="one round on tiny ones")
    parser.add_argument("--record", metavar="NAME", help="keep the figures in benchmarks/results/<UTC date>-NAME.json")
    options = parser.parse_args()
    unknown = set(options.benchmarks) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
