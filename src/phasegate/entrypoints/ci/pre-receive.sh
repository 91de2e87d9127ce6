#!/bin/sh
# Lets a push into a protected branch only if `phasegate verify` passes. Written by `phasegate init --pre-receive`.
#
# Whatever goes wrong refuses the push with a sentence. It runs the tests of what is pushed, as the user of this server.
# Where the kernel lets it, they run apart: no network, no other process, the repositories and the user's home read-only.
# The memory, the disk and the rest of what that user may do are not kept from them: let it own nothing else, or let
# phasegate.program be a script that runs phasegate in a container.
#
# git config phasegate.protected REF   a branch that is judged; may be repeated (default: the branch of HEAD)
# git config phasegate.program FILE    phasegate itself (default: the one on the PATH)
# git config phasegate.seconds N       how long judging one branch may take (default: 900)
# git config phasegate.apart HOW       yes: refuse where that cannot be; no: do not; default: where it can be
# git config phasegate.keep NAME       a variable that phasegate gets beside PATH and LANG; may be repeated
#
# Refs of exported ledgers only grow. Tags and other branches pass unjudged.

set -eu

say() {
    printf 'phasegate: %s\n' "$*" >&2
}

refuse() {
    say "$1"
    say "  $2"
    exit 1
}

git_directory=$(cd "$(git rev-parse --git-dir)" && pwd -P)
pushed_objects=${GIT_OBJECT_DIRECTORY:-$git_directory/objects}
work=$(mktemp -d "${TMPDIR:-/tmp}/phasegate-push.XXXXXX")
passed=
# shellcheck disable=SC2154 # set in the trap itself
trap 'code=$?; rm -rf "$work"; [ "$passed" = yes ] && exit 0; [ "$code" = 1 ] || say "the push is refused: it could not be judged"; exit 1' EXIT
trap 'exit 130' INT TERM HUP

cat >"$work/pushed"

program=$(git config phasegate.program || echo phasegate)
seconds=$(git config phasegate.seconds || echo 900)
default=$(git symbolic-ref -q HEAD || echo refs/heads/main)
apart=$(git config phasegate.apart || echo try)
keep=$(git config --get-all phasegate.keep || :)
repositories=${git_directory%/*}
[ -n "$repositories" ] || repositories=$git_directory
home=${HOME:-/}
[ -d "$home" ] && [ "$home" != / ] || home=$repositories
cache=${XDG_CACHE_HOME:-$home/.cache}
protected=$(git config --get-all phasegate.protected || echo "$default")

is_zero() {
    case $1 in *[!0]*) return 1 ;; esac
}

is_protected() {
    printf '%s\n' "$protected" | grep -qxF -- "$1"
}

# Neither deleted nor rewound: what was once there stays.
only_grows() {
    is_zero "$2" && refuse "$3 is not deleted: it is kept by this server." "Ask whoever runs it."
    if ! is_zero "$1" && ! git merge-base --is-ancestor "$1" "$2"; then
        refuse "$3 is not rewritten: ${2} does not follow ${1}." "Rebase on what is there, and push without force."
    fi
}

# A repository of its own for git and phasegate: the pushed objects are in quarantine, where no ref can be made.
lay_out() {
    rm -rf "$work/tree"
    (
        # shellcheck disable=SC2046 # names of variables
        unset $(git rev-parse --local-env-vars) GIT_QUARANTINE_PATH
        git init -q --template= "$work/tree"
        printf '%s\n%s\n' "$pushed_objects" "$git_directory/objects" >"$work/tree/.git/objects/info/alternates"
        cd "$work/tree"
        is_zero "$2" || git update-ref refs/remotes/origin/base "$2"
        git --git-dir="$git_directory" for-each-ref --format='%(objectname) %(refname)' refs/phasegate/ledgers/ >"$work/refs"
        while read -r old new ref; do
            case $ref in refs/phasegate/ledgers/*) echo "$new $ref" >>"$work/refs" ;; esac
        done <"$work/pushed"
        while read -r commit ref; do
            git update-ref "$ref" "$commit"
        done <"$work/refs"
        git checkout -q --detach "$1"
    ) || refuse "what was pushed cannot be laid out." "Look at the disk of this server."
}

# What runs in namespaces of its own: first it mounts read-only what tests must not write, then it gives up every
# capability by which they could change that. A shell stays as the first process: no signal of theirs reaches that one.
# shellcheck disable=SC2016 # expanded by the shell within
shut_in='
set -e
work=$1 repositories=$2 home=$3
shift 3
for folder in "$repositories" "$home" "$work"; do mount --bind "$folder" "$folder"; done
for folder in "$repositories" "$home"; do mount -o remount,bind,ro "$folder"; done
if command -v ip >/dev/null; then ip link set lo up || :; fi
cd "$work/tree"
code=0
setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@" || code=$?
exit "$code"
'

# Run a command apart from this server, or as it is, with few variables and at most so long; its exit code is ours.
run() {
    mode=$1
    shift
    mkdir -p "$work/home" "$work/tmp" "$work/tree"
    for name in LANG LC_ALL $keep; do
        if value=$(printenv "$name"); then set -- "$name=$value" "$@"; fi
    done
    set -- env -i PATH="$PATH" HOME="$work/home" TMPDIR="$work/tmp" XDG_CACHE_HOME="$cache" "$@"
    if [ "$mode" = apart ]; then
        set -- unshare --map-root-user --mount --net --ipc --pid --fork --kill-child --mount-proc \
            sh -c "$shut_in" sh "$work" "$repositories" "$home" "$@"
    fi
    if command -v timeout >/dev/null; then set -- timeout -k 10 "$seconds" "$@"; fi
    (cd "$work/tree" && exec "$@" </dev/null)
}

# How tests run on this server: `apart`, or `here` where that is allowed.
choose() {
    if [ "$apart" != no ] && run apart true >/dev/null 2>&1; then
        how=apart
    elif [ "$apart" = yes ]; then
        refuse "this server cannot run tests apart from itself." "Ask whoever runs it: unshare and setpriv do it."
    else
        how=here
    fi
}

judge() {
    run "$how" "$program" "$@" >&2
}

# The commit that a new branch is compared with: where the default branch is, if it is anywhere.
base_of() {
    if is_zero "$1"; then git rev-parse -q --verify "$default^{commit}" || echo 0; else echo "$1"; fi
}

judge_branch() {
    choose
    base=$(base_of "$1")
    lay_out "$2" "$base"
    code=0
    if is_zero "$base"; then
        say "$3 is the first of this repository: it is judged by itself"
        judge check --standalone || code=$?
    else
        judge verify --base "$base" || code=$?
    fi
    case $code in
    0) ;;
    1) refuse "$3 is refused: a gate failed." "Mend what is named above, and push again." ;;
    7) refuse "$3 is refused: phasegate cannot tell." "Mend what is named above; what a person has to read comes in by them." ;;
    124 | 137) refuse "$3 is refused: judging took longer than $seconds s, or was killed." "Ask whoever runs this server." ;;
    126 | 127) refuse "$3 is refused: phasegate is not installed here, or does not start." "Ask whoever runs this server." ;;
    *) refuse "$3 is refused: phasegate ended with code $code." "Ask whoever runs this server." ;;
    esac
}

command -v "$program" >/dev/null ||
    refuse "the push is refused: there is no $program here." "Ask whoever runs this server to install phasegate."

while read -r old new ref <&3; do
    case $ref in
    refs/phasegate/ledgers/*) only_grows "$old" "$new" "$ref" ;;
    esac
    if is_protected "$ref"; then
        only_grows "$old" "$new" "$ref"
        judge_branch "$old" "$new" "$ref"
    fi
done 3<"$work/pushed"
passed=yes
