# Every task of the project. `uv run just` lists the recipes; `uv run just check` is what CI runs.

export UV_NO_PROGRESS := "1"
# The tests start thousands of Pythons, some of which may not keep what they compile.
export UV_COMPILE_BYTECODE := "1"
tier := env("PHASEGATE_TIER", "pull-request")

# List the recipes.
_default:
    @just --list --unsorted

# Run the tests of a pull request; arguments go to pytest (`just test tests/ledger -k fold`).
test *arguments: sync
    uv run --no-sync pytest -n auto --dist worksteal {{arguments}}

# Everything CI demands, cheapest first.
check: sync lint types rooms docs (test)

# Install the browser that the proof page is tried in, where there is none and apt can.
browser:
    command -v chromium >/dev/null || command -v google-chrome >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }

# Bring the environment in line with pyproject.toml.
sync:
    uv sync --quiet --all-groups

# Formatting and lint, without changing a file.
lint:
    uv run --no-sync ruff format --check
    uv run --no-sync ruff check

# Static types, strictly.
types:
    uv run --no-sync mypy

# Imports between rooms go down only, and the core touches nothing outside the process.
rooms:
    uv run --no-sync lint-imports --no-logo

# Generated documents are as the code says.
docs:
    uv run --no-sync python tools/list_dependencies.py --check
    uv run --no-sync python tools/result_tables.py --check
    uv run --no-sync phasegate docs check
    uv run --no-sync python tools/features.py >/dev/null

# Format the code and mend what ruff can mend.
fmt:
    uv run --no-sync ruff check --fix --exit-zero --quiet
    uv run --no-sync ruff format

# The fuzz targets at their long size.
fuzz *arguments: sync
    PHASEGATE_TIER=release uv run --no-sync pytest --timeout 3600 tests/fuzz {{arguments}}

# Before a release: all tests at full size, then the long harnesses, whose counts add up in reliability/results/.
release-tier seed="1": sync
    PHASEGATE_TIER=release uv run --no-sync pytest --timeout 7200 -n auto --dist worksteal
    uv run --no-sync python reliability/kill_writers.py --kills 10000 --seed {{seed}} --record
    uv run --no-sync python reliability/power_loss.py --states 100000 --seed {{seed}} --record
    uv run --no-sync python reliability/quiet.py --calls 4000 --seed {{seed}} --record
    uv run --no-sync python reliability/adoption.py --anew --record
    uv run --no-sync python tools/result_tables.py
    uv run --no-sync python reliability/bombs.py --record
    uv run --no-sync python reliability/mutants.py --record
    just evasion --record
    just nights 20 {{seed}}

# Nights alone with the real client and everything that goes wrong; they add up in reliability/results/.
nights count="5" seed="1": sync
    uv run --no-sync python reliability/night.py --nights {{count}} --seed {{seed}} --record

# Attacks with honest twins, played and judged; `--record` keeps the score, which the pages then tell.
evasion *arguments:
    uv run --no-sync python evasion/run.py {{arguments}}

# Take out every refusal, one at a time, and ask whether a test notices.
mutants *arguments: sync
    uv run --no-sync python reliability/mutants.py {{arguments}}

# Measure what hooks, digests and whole runs cost, against baselines of the same run.
bench *arguments: sync
    uv run --no-sync python benchmarks/run.py {{arguments}}

# Which feature is tried with the real tool behind it, and which is not.
features:
    uv run --no-sync python tools/features.py

# Run the demo and draw what it shows for the README.
picture:
    uv run --no-sync python tools/demo_picture.py

# Begin a gate: its file, its line in the catalogue and its test.
new-gate name:
    uv run --no-sync python tools/new_gate.py {{name}}

# Pin the newest version of every dependency in pyproject.toml, and install them.
renew-constraints: && sync dependencies
    uv run --no-sync python tools/renew_constraints.py

# Write docs/dependencies.md: the licence of everything that is installed.
dependencies:
    uv run --no-sync python tools/list_dependencies.py
