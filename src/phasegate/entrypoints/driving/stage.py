"""Where a drive works: a branch and a work tree of its own, with hooks, environment and plan; or one begun before."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Callable, Iterator

import msgspec

from phasegate.agents import claude_health
from phasegate.agents.claude_command import SETTINGS_FILES, Scope, hook_command
from phasegate.context import block
from phasegate.engine.advance import next_phase
from phasegate.engine.driving import uncommitted
from phasegate.entrypoints.cli.start import begin, know_baseline, nothing_left, read_plan, refuse_second
from phasegate.errors import Exit, Failure
from phasegate.gates.baseline_known import UNTESTED
from phasegate.ledger.driving import DriveEnded, DriveStarted, Limits
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import PhaseDeferred, RunEnded, ViewRendered
from phasegate.ledger.state import DriveRecord, State
from phasegate.settings import Settings
from phasegate.wiring import RealDesk, open_project
from phasegate.workspace import branches, git, installing, place, processes
from phasegate.workspace.names import Names

TREES = "trees"
"""Below the ledger's directory: private, writable, in nobody's way, and outside the tree that is digested."""

OURS = (
    place.SETTINGS, *block.FILES.values(), ".claude", "state", "investigations", "archive/investigations",
    "logs/errors",
)  # fmt: skip
"""Files and folders that phasegate writes itself."""

PREPARED = "Bring in the plan and phasegate's files"

LEAVE_ENVIRONMENT = ("UV_NO_SYNC", "1")
"""An environment that is shared must not be made to point at this work tree by a `uv run`."""

Say = Callable[[str], None]


class TreeNotClean(Failure):
    """A drive in the person's own work tree would commit what they have not."""

    code = "tree-not-clean"
    exit_code = Exit.USAGE


class DriveAtWork(Failure):
    """Another supervisor drives in this clone."""

    code = "drive-at-work"
    exit_code = Exit.USAGE


class Stage(msgspec.Struct, frozen=True):
    """Where a drive works, on which branch since which commit; `new` when it was made just now."""

    worktree: str
    branch: str
    base: str
    new: bool = True
    goes_on: str = ""


def scratch_of(opened: RealDesk) -> str:
    """A private directory for what git prints."""
    path = os.path.join(opened.project.directory, "checks")
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def repository_of(opened: RealDesk) -> branches.Repository:
    """git in the work tree of the desk."""
    return branches.Repository(opened.worktree, scratch_of(opened), opened.project.where.prefix)


# --- one begun before -------------------------------------------------------------------------------------------------


def unfinished(state: State) -> DriveRecord | None:
    """The newest drive whose run is not over, or not committed, so that its branch and work tree are gone on with."""
    for drive in reversed(state.drives.values()):
        run = state.runs.get(state.current.get(drive.worktree, ""))
        if run is None or run.mode != "drive" or drive.attempt_of or not os.path.isdir(drive.worktree):
            continue
        if run.status != "ended" or uncommitted(state, run):
            return drive
    return None


def tidy(opened: RealDesk, state: State) -> State:
    """End what nobody can go on with: runs whose work tree is gone, drives whose supervisor is, and its client."""
    facts: list[Fact] = []
    for run in state.runs.values():
        if run.mode == "drive" and run.status != "ended" and not os.path.isdir(run.worktree):
            facts.append(RunEnded(run.id, "stopped"))
    for drive in state.drives.values():
        if drive.attempt_of and not drive.outcome and processes.born(drive.pid) == drive.born:
            processes.kill_tree(drive.pid)  # its parent is gone, for that one alone may call us
        if not drive.outcome and processes.born(drive.pid) != drive.born:
            if drive.client_pid and processes.born(drive.client_pid) == drive.client_born:
                processes.kill_tree(drive.client_pid)
            said = "its supervisor was killed; another drive goes on with its branch"
            facts.append(DriveEnded(drive.id, "failed", said, Exit.CANNOT_TELL))
    _clear_unknown(opened, state)
    return opened.record(facts, relying_on=None) if facts else state


def _clear_unknown(opened: RealDesk, state: State) -> None:
    """Remove work trees of drives that were killed before they had begun anything, and hold no work."""
    folder, repository = _trees(opened), repository_of(opened)
    known = {drive.worktree for drive in state.drives.values()} | {run.worktree for run in state.runs.values()}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        tree = os.path.join(folder, name)
        branch = f"phasegate/{name}"
        if not any(f"{worktree}/".startswith(f"{tree}/") for worktree in known) and _holds_nothing(repository, branch):
            repository.remove_tree(tree, branch)


def _holds_nothing(repository: branches.Repository, branch: str) -> bool:
    """Whether a branch has no commit beside the person's and the one that a drive begins with."""
    ran = repository.run("log", "--format=%s", f"HEAD..refs/heads/{branch}", "--", accept=(0, 128))
    return ran.status == 0 and set(ran.output.decode("utf-8", "replace").splitlines()) <= {PREPARED}


def _trees(opened: RealDesk) -> str:
    """Where the work trees of drives lie, as the ledger names them: with no link on the way."""
    return os.path.realpath(os.path.join(opened.project.directory, TREES))


# --- a new one --------------------------------------------------------------------------------------------------------


def lay_out(opened: RealDesk, state: State, say: Say, *, here: bool) -> Stage:
    """A branch and a work tree for the drive; with `here` the person's own."""
    repository = repository_of(opened)
    base, changed = grounds(opened, state, here=here)
    if here:
        return Stage(opened.worktree, repository.branch(), base)
    if changed:
        say(f"{len(changed)} changed paths of this work tree are not committed and not taken along")
    name = f"{datetime.datetime.now():%Y-%m-%d}-{os.urandom(3).hex()}"
    tree = os.path.join(_trees(opened), name)
    stage = Stage(os.path.join(tree, opened.project.where.prefix).rstrip("/"), f"phasegate/{name}", base)
    repository.add_tree(tree, stage.branch, base)
    try:
        _furnish(opened, stage, tree, say)
    except BaseException:
        repository.remove_tree(tree, stage.branch)
        raise
    return stage


def grounds(opened: RealDesk, state: State, *, here: bool) -> tuple[str, tuple[str, ...]]:
    """The commit a drive would begin at, and the changed paths it would leave out. Raises where none can begin."""
    repository = repository_of(opened)
    repository.refuse_nameless()
    base = repository.head()
    changed = tuple(path for path in repository.dirty() if not is_ours(opened.settings, path))
    if here:
        refuse_second(opened, state)
    if here and changed:
        raise TreeNotClean(
            f"{len(changed)} paths are changed and not committed ({', '.join(changed[:3])}).",
            hint="Commit or stash them, or leave out --here: a drive then works in a tree of its own.",
        )
    return base, changed


def is_ours(settings: Settings, path: str) -> bool:
    """A file that phasegate put there, or the plan, which is taken along."""
    return path == settings.plan or any(path == ours or path.startswith(f"{ours}/") for ours in OURS)


def _furnish(opened: RealDesk, stage: Stage, tree: str, say: Say) -> None:
    """Give the new work tree what a checkout lacks: environments, the plan and the settings as they are, hooks."""
    where = opened.project.where
    wanted = [above + path for above in _levels(where.prefix) for path in opened.settings.drive.provide]
    ignored = repository_of(opened).ignored([*wanted, *(f"{path}/x" for path in wanted)])
    for path in wanted:
        if path not in ignored and f"{path}/x" not in ignored:
            continue
        if branches.provide(where.top, tree, Names(where.prefix).path(path)):
            say(f"{path} is shared with this work tree")
    for path in _taken_along(opened):
        target = os.path.join(stage.worktree, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(os.path.join(opened.worktree, path), target)
    install(opened, stage.worktree)


def _levels(prefix: str) -> list[str]:
    """From the project up to the root of the work tree: "", `../`, `../../`. An environment may lie at any of them."""
    return ["../" * up for up in range(prefix.count("/") + 1)]


def _taken_along(opened: RealDesk) -> Iterator[str]:
    """The plan, and the settings as far as they are those that a person trusted."""
    if opened.files.read(opened.settings.plan) is not None:
        yield opened.settings.plan
    content = installing.read(opened.worktree, place.SETTINGS)
    if content is not None and installing.digest(content) == opened.project.trusted.digest:
        yield place.SETTINGS


def install(opened: RealDesk, worktree: str) -> None:
    """Hooks, skill and block, as `phasegate init` puts them in; what a person trusted stays as it is."""
    from phasegate.entrypoints.cli import init  # `status` asks this module only which drive is unfinished

    where = place.at(git.locate(worktree), os.path.realpath(worktree))
    scope: Scope = "team" if init.has_hooks(opened.worktree, "team") else "me"
    settings = installing.read(worktree, place.SETTINGS) or b""
    missing = bool(claude_health.missing_hooks(worktree))
    command = hook_command(scope, executable=_executable()) if missing else None
    wish = installing.Wish(settings, opened.settings.render, scope == "team", SETTINGS_FILES[scope], command)
    edits = installing.putting_in(where, wish, install=init.installed_in, uninstall=init.uninstalled)
    shown = [
        ViewRendered(worktree, edit.path, installing.digest(edit.after))
        for edit in edits
        if edit.base == worktree and edit.path in init.VIEWS and edit.after is not None
    ]
    if shown:
        opened.record(shown, relying_on=None)
    installing.put_in(where, edits)


def _executable() -> str:
    import sys

    return sys.executable


# --- the run ----------------------------------------------------------------------------------------------------------


def enter(opened: RealDesk, stage: Stage) -> RealDesk:
    """A desk in the work tree of the drive, on behalf of whoever started it."""
    if stage.worktree == opened.worktree:
        return opened
    os.environ.setdefault(*LEAVE_ENVIRONMENT)
    return RealDesk(open_project(stage.worktree, os.environ), opened.actor)


def begin_run(
    desk: RealDesk, stage: Stage, drive: str, limits: Limits, *, baseline: bool, only: str = "", attempt_of: str = ""
) -> State:
    """Read the plan, know the tests as they are, commit what was brought in, and begin the run of this drive.

    With `only` no other phase than that is worked on.
    """
    state = read_plan(desk, desk.state())
    if only:
        state = _leave_others(desk, state, only)
    phase = next_phase(state, desk.worktree)
    if phase is None:
        raise nothing_left(state, desk)
    if baseline and state.kind_of(phase.id) not in UNTESTED:
        know_baseline(desk, state)
    _prepare(desk, stage)
    begun = started(desk, stage, drive, limits)
    desk.record([msgspec.structs.replace(begun, attempt_of=attempt_of, phase=only)], relying_on=None)
    return begin(desk, desk.state(), mode="drive")


def _leave_others(desk: RealDesk, state: State, only: str) -> State:
    others = [phase.id for phase in state.plan if phase.id != only and not state.is_closed(phase.id)]
    why = f"this is an attempt at phase {only} alone"
    return desk.record([PhaseDeferred(phase, "", why, "", "") for phase in others], relying_on=state)


def started(desk: RealDesk, stage: Stage, drive: str, limits: Limits) -> DriveStarted:
    """The fact that this process supervises a drive there."""
    pid = os.getpid()
    return DriveStarted(drive, desk.worktree, stage.branch, stage.base, limits, pid, processes.born(pid))


def _prepare(desk: RealDesk, stage: Stage) -> None:
    """Commit what was brought in, so that the commit of a phase holds what the phase changed and no more."""
    repository = repository_of(desk)
    brought = [path for path in repository.dirty() if is_ours(desk.settings, path)]
    if brought:
        repository.commit(PREPARED, shown=idle_block(desk))


def idle_block(desk: RealDesk) -> dict[str, bytes]:
    """The file with the rendered block as a commit holds it: saying nothing of a run."""
    path = block.FILES.get(desk.settings.render)
    if path is None:
        return {}
    path = desk.files.relative(path) or path
    document = desk.files.read(path)
    return {} if document is None else {path: block.with_block(document, block.idle_lines())}


def clear_away(opened: RealDesk, stage: Stage) -> None:
    """Remove a work tree and a branch that came to nothing."""
    if stage.new and stage.worktree != opened.worktree:
        tree = place.at(git.locate(stage.worktree), stage.worktree).top
        repository_of(opened).remove_tree(tree, stage.branch)
