#!/bin/sh
# phasegate without anybody at a terminal, as a CI job calls it. Written by `phasegate init --ci`; yours to change.
#
#   tools/ci/headless.sh test      judge this checkout: tests, coverage, secrets, references; no agent
#   tools/ci/headless.sh verify    judge it against the commit it grew from
#   tools/ci/headless.sh drive     let the agent work through the plan under limits (more words go to `phasegate drive`)
#
# Results are written below $PHASEGATE_OUTPUT (default: phasegate-results): result.json, junit.xml, results.sarif; by
# `verify` also phasegate.bundle and proof.html, which show integrity only until somebody signs the bundle.
# Where phasegate is not installed it is, from $PHASEGATE_SOURCE (a path or an address that pip takes), into a folder of
# its own. What is judged is the project it is called in: the nearest folder with a phasegate.toml, else the whole
# repository. Exit codes: 0 ok, 1 a gate failed, 2 usage, 3 a bug, 5 waiting for a person, 6 a limit, 7 cannot tell.

set -eu

usage() {
    sed -n '4,6s/^#   //p' "$0" >&2
    exit 2
}

say() {
    printf 'headless: %s\n' "$*" >&2
}

# Go to the nearest folder with settings, else to the root.
enter_project() {
    top=$(git rev-parse --show-toplevel)
    folder=$(pwd -P)
    until [ "$folder" = "$top" ] || [ "$folder" = / ] || [ -f "$folder/phasegate.toml" ]; do
        folder=$(dirname "$folder")
    done
    cd "$folder"
}

# Set `phasegate` to a command that runs, installing it where there is none.
find_phasegate() {
    if [ -n "${PHASEGATE:-}" ]; then
        phasegate=$PHASEGATE
    elif command -v phasegate >/dev/null 2>&1; then
        phasegate=phasegate
    else
        install_phasegate
    fi
    "$phasegate" --version >&2 || {
        say "$phasegate does not start"
        exit 7
    }
}

install_phasegate() {
    if [ -z "${PHASEGATE_SOURCE:-}" ]; then
        say "phasegate is not installed; set PHASEGATE_SOURCE to what pip should install, or put it on the PATH"
        exit 7
    fi
    own_place
    if [ ! -x "$place/bin/phasegate" ]; then
        say "installing phasegate from $PHASEGATE_SOURCE into $place"
        python3 -m venv "$place" >&2
        "$place/bin/python" -m pip install --quiet "$PHASEGATE_SOURCE" >&2 || {
            say "phasegate could not be installed"
            exit 7
        }
    fi
    phasegate=$place/bin/phasegate
}

# Set `place` to a folder that nobody else can write to: what lies there is run.
own_place() {
    cache=${XDG_CACHE_HOME:-${HOME:-}/.cache}
    if [ -z "${PHASEGATE_PLACE:-}" ] && [ -z "${XDG_CACHE_HOME:-}" ] && [ ! -d "${HOME:-}" ]; then
        say "HOME is no folder; set PHASEGATE_PLACE to a folder of your own"
        exit 7
    fi
    place=${PHASEGATE_PLACE:-$cache/phasegate-headless}
    (umask 077 && mkdir -p "$place")
    if [ -z "$(find "$place/." -prune -user "$(id -u)" ! -perm -020 ! -perm -002)" ]; then
        say "$place belongs to somebody else, or others may write to it; set PHASEGATE_PLACE to a folder of your own"
        exit 7
    fi
}

# Run the command given, with its JSON in result.json; its exit code is ours.
run() {
    code=0
    "$@" >"$output/result.json.new" || code=$?
    mv "$output/result.json.new" "$output/result.json"
    say "exit code $code; results are in $output"
    exit "$code"
}

[ $# -ge 1 ] || usage
what=$1
shift
case $what in test | verify | drive) ;; *) usage ;; esac

enter_project
find_phasegate
output=${PHASEGATE_OUTPUT:-phasegate-results}
mkdir -p "$output"
# Results belong to nobody's commit.
[ -e "$output/.gitignore" ] || printf '*\n' >"$output/.gitignore"

case $what in
test) run "$phasegate" check --standalone --json --junit "$output/junit.xml" --sarif "$output/results.sarif" "$@" ;;
verify)
    # What was exported of ledgers is judged, too, where the remote lets us have it.
    git fetch -q origin '+refs/phasegate/ledgers/*:refs/phasegate/ledgers/*' 2>/dev/null ||
        say "no exported ledgers could be fetched from origin"
    run "$phasegate" verify --json --junit "$output/junit.xml" --sarif "$output/results.sarif" \
        --bundle-out "$output/phasegate.bundle" --proof "$output/proof.html" "$@"
    ;;
drive) run "$phasegate" drive --json "$@" ;;
esac
