"""Judges a clean checkout again with no agent and no ledger: is it no worse than the commit that it grew from?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from phasegate.attestation.anchors import Anchor
from phasegate.collectors.interface import NoTestCommand, TestCommandNotStarted
from phasegate.engine.advance import observe
from phasegate.engine.moments import outside
from phasegate.entrypoints import checking, scanning
from phasegate.entrypoints.adopting import take_baseline
from phasegate.entrypoints.archives_seen import archives_stay
from phasegate.entrypoints.ledgers_seen import Change, Seen, look
from phasegate.entrypoints.standalone import beside, opened, settings_of
from phasegate.errors import Exit, Failure
from phasegate.gates.catalog import at_place
from phasegate.gates.interface import Verdict, some
from phasegate.gates.standing import asked_of, changed_lines, standing
from phasegate.ledger.event import Actor
from phasegate.rules.rule import VERIFY
from phasegate.settings import CI, JUDGING, matches
from phasegate.wiring import RealDesk
from phasegate.workspace import files, git, neighbours, place
from phasegate.workspace.branches import Repository, provide

GUESSES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
"""What a branch is compared with where nobody says: the first of them that is there and is not itself."""

Say = Callable[[str], None]
Then = Callable[[RealDesk, tuple[Verdict, ...]], None]


class NotClean(Failure):
    """The checkout holds changes that are in no commit."""

    code = "not-clean"


class NoBase(Failure):
    """There is no commit to compare with."""

    code = "no-base"
    exit_code = Exit.CANNOT_TELL


class Judged(Struct, frozen=True):
    """The verdicts about `head` against `base` (commits), and what exported ledgers say of them."""

    base: str
    head: str
    verdicts: tuple[Verdict, ...]
    project: str = ""
    seen: Seen = Seen()


class Given(Struct, frozen=True):
    """What `verify` is told: what to compare with, exported ledgers beside those in the clone, heads kept elsewhere."""

    base: str = ""
    ledgers: tuple[str, ...] = ()
    anchors: tuple[Anchor, ...] = ()


def judge(where: git.Place, actor: Actor, given: Given, say: Say, then: Then) -> Judged:
    """Run everything on base and checkout; `then` is told the verdicts, with the desk of the latter."""
    with tempfile.TemporaryDirectory(prefix="phasegate-") as folder:
        repository = Repository(where.root, folder, where.prefix)
        head, base = _clean_head(repository), merge_base(repository, given.base)
        laid_out = _laid_out(repository, base, folder, where.prefix)
        project = opened(laid_out, folder, replace(settings_of(laid_out), elsewhere=neighbours.elsewhere(laid_out)))
        try:
            tree = repository.said("rev-parse", f"{base}^{{tree}}")
            settings = project.trusted.settings
            if files.state_of(laid_out.root, place.SETTINGS) is None:  # then its id was made up just now
                settings = replace(settings, project=settings_of(where).project)
            change = Change(repository, base, head, where.prefix, settings)
            seen = look(change, where.top, folder, given.ledgers, given.anchors)
            _before(RealDesk(project, actor), where, tree, say)
            after = RealDesk(beside(project, where), actor)
            after.record(seen.waivers, relying_on=None)
            stay = settings_stay(repository, base, head, where.prefix)
            verdicts = (stay, *archives_stay(change), *_after(after, tree, say), *seen.verdicts)
            then(after, verdicts)
        finally:
            project.close()
        return Judged(base, head, verdicts, change.settings.project, seen)


def _before(desk: RealDesk, where: git.Place, tree: str, say: Say) -> None:
    """Record how the base is, in an environment borrowed from the checkout."""
    for path in desk.settings.drive.provide:
        provide(where.root, desk.worktree, path)
    taken, why_not = take_baseline(desk, lambda said: say(f"before: {said}"))
    if why_not:
        say(f"before: {why_not}")
    desk.record([replace(taken, tree=tree)], relying_on=None)


def _after(desk: RealDesk, tree: str, say: Say) -> tuple[Verdict, ...]:
    for scanner in desk.settings.scanners:
        scanning.scan(desk, scanner, lambda said: say(f"now: {said}"))
    why_not = None
    try:
        checking.check_here(desk, lambda said: say(f"now: {said}"), since=tree)
    except (NoTestCommand, TestCommandNotStarted) as failure:
        why_not = failure
    state, seen = observe(desk, desk.state())
    standing_now = standing(asked_of(desk.settings), state, seen.subject, desk.today())
    return (
        *(checking.explained(verdict, why_not) for verdict in standing_now),
        changed_lines(state, seen.subject, desk.settings),
        *at_place(VERIFY, outside(desk, state, seen)),
    )


def settings_stay(repository: Repository, base: str, head: str, prefix: str = "") -> Verdict:
    """Does the change leave alone what judges it, and what will judge the next, in every folder of the work tree?"""
    changed = [path for path in _paths(repository, "diff-tree", base, head) if matches(path, JUDGING)]
    if not changed:
        return Verdict("settings", "pass", ("no settings change",))
    first = not any(matches(path, JUDGING) for path in _paths(repository, "ls-tree", base))
    if first and {*changed} <= {f"{prefix}{place.SETTINGS}", *CI}:
        why = f"phasegate comes with this change, which is judged without {some(changed)}"
        return Verdict("settings", "pass", (why,))
    return Verdict(
        "settings", "unknown", (f"what judges the next change is itself changed: {some(changed)}",),
        "Let a person read it, in a change of its own, and bring it in by their own right.",
    )  # fmt: skip


def _paths(repository: Repository, asked: str, *commits: str) -> list[str]:
    """The files that git lists, relative to the root of the work tree."""
    listing = repository.run(asked, "-r", "-z", "--name-only", *commits).output
    return [os.fsdecode(path) for path in listing.split(b"\0") if path]


def merge_base(repository: Repository, named: str) -> str:
    """The commit that HEAD and `named` have in common; without a name, the first of GUESSES that is another commit."""
    head = repository.head()
    for name in (named,) if named else GUESSES:
        ran = repository.run("merge-base", "HEAD", "--end-of-options", name, accept=(0, 1, 128))
        found = ran.output.decode().strip()
        if ran.status == 0 and (named or found != head):
            return found
    if named:
        raise NoBase(f"HEAD has no commit in common with {named}.", hint="Fetch it (a shallow clone has no history).")
    raise NoBase(
        "There is nothing to compare HEAD with.", hint="Name a commit or branch: `phasegate verify --base REF`."
    )


def _clean_head(repository: Repository) -> str:
    dirty = repository.dirty()
    if dirty:
        raise NotClean(
            f"The checkout holds changes that are in no commit: {some(dirty)}.",
            hint="Commit them, or judge the commit elsewhere: `git worktree add ../clean HEAD && cd ../clean`.",
        )
    return repository.head()


def _laid_out(repository: Repository, commit: str, folder: str, prefix: str) -> git.Place:
    """The same project in a checkout of `commit` of its own, sharing the objects of the repository."""
    target = os.path.join(folder, "base")
    repository.run("clone", "-q", "--shared", "--no-checkout", ".", target, seconds=600.0)
    laid_out = Repository(target, folder)
    laid_out.run("checkout", "-q", "--detach", commit, seconds=600.0)
    project = os.path.join(target, prefix).rstrip("/")
    os.makedirs(project, exist_ok=True)
    return place.at(git.locate(target), project)
