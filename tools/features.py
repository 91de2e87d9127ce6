"""Lists each feature with the tests that try it with the real tool, and which features have none."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "tests" / "features.toml"


def main() -> int:
    """Print the table; exit 1 when a feature names tests of which none is collected."""
    features = tomllib.loads(TABLE.read_text())
    collected = collected_in(sorted({path for feature in features.values() for path in feature.get("tests", ())}))
    broken = []
    for id_, feature in features.items():
        count = sum(collected.get(path, 0) for path in feature.get("tests", ()))
        told = f"{count} tests with {feature['tool']}" if count else "no test with the real tool"
        print(f"{id_:5} {feature['name']:36} {told}")
        broken += [f"{id_} {path}" for path in feature.get("tests", ()) if not collected.get(path)]
    for problem in broken:
        print(f"no test is collected: {problem}", file=sys.stderr)
    return 1 if broken else 0


def collected_in(paths: Sequence[str]) -> Mapping[str, int]:
    """How many tests pytest collects in each of `paths`."""
    options = ("--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    command = (sys.executable, "-m", "pytest", *options, *paths)
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    ids = [line for line in output.splitlines() if "::" in line]
    return {path: sum(id_.startswith((f"{path}::", f"{path}/")) for id_ in ids) for path in paths}


if __name__ == "__main__":
    sys.exit(main())
