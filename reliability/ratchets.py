"""Runs the ratchets over the history of repositories: how often they speak, and of what, for a person to judge.

`uv run python reliability/ratchets.py --commits 150 REPOSITORY...` prints one line for each weakening; the last line is
JSON with the counts. A repository is a clone, bare or not.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator

from phasegate.ratchets.look import concerns, look
from phasegate.ratchets.weakening import Change, Looked
from phasegate.report.lookback.seen import Commit
from phasegate.workspace import git, history


def main() -> int:
    """Look at the newest commits of each repository that touch what the ratchets compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repositories", nargs="+")
    parser.add_argument("--commits", type=int, default=150, help="commits of each repository that touch tests")
    parser.add_argument("--told", action="store_true", help="also what is only told, and shuts nothing")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    counts: Counter[str] = Counter()
    for repository in asked.repositories:
        for commit, looked in looked_at(repository, asked.commits):
            counts["commits"] += 1
            weak = [each for each in looked.found if not each.told]
            counts["commits_spoken_of"] += bool(weak)
            counts["commits_unknown"] += bool(looked.unread)
            name = os.path.basename(os.path.dirname(os.path.normpath(repository)))
            head = f"{name} {commit.id[:10]} {commit.message.splitlines()[0][:60] if commit.message else ''}"
            for each in looked.found:
                counts[each.kind] += 1
                if asked.told or not each.told:
                    print(f"{head} | {each.kind} {each.path}:{each.line} {each.words[:330]}")
            for unread in looked.unread:
                print(f"{head} | unread {unread.path}: {unread.why}")
    print(json.dumps(dict(counts)))
    return 0


def looked_at(repository: str, most: int) -> Iterator[tuple[Commit, Looked]]:
    """The newest commits that touch what is compared, with what the ratchets say of each."""
    path = os.path.abspath(repository)
    place = git.Place(path, path, path)
    caps = history.Caps(commits=most * 12, total=4 << 30)
    touching = [
        commit
        for commit in history.commits(place, 0.0, caps, history.Skipped(), lambda done, of: None)
        if any(concerns(change.path) and change.before is not None for change in commit.changes)
    ]
    for commit in touching[-most:]:
        yield commit, look(_changes(commit))


def _changes(commit: Commit) -> Iterator[Change]:
    for change in commit.changes:
        before = change.before.encode("utf-8", "surrogatepass") if change.before is not None else None
        after = change.after.encode("utf-8", "surrogatepass") if change.after is not None else None
        if change.before_path != change.path:  # a rename is a file that went and one that came
            yield Change(change.before_path, before, None)
            before = None
        yield Change(change.path, before, after)


if __name__ == "__main__":
    sys.exit(main())
