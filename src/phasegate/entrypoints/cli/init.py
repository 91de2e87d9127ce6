"""`phasegate init`: put hooks, skill, block and settings into a repository, after showing the difference if asked."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import rich_click as click

from phasegate import wiring
from phasegate.agents import claude_code, claude_health
from phasegate.agents.claude_command import SETTINGS_FILES, Scope, hook_command, refuse_ephemeral
from phasegate.context import block
from phasegate.engine import custody
from phasegate.entrypoints import adopting, ci
from phasegate.entrypoints.cli import installed, managed, output, questions, server_hook
from phasegate.entrypoints.cli.session import actor, json_option, only_people
from phasegate.entrypoints.demo.real_client import ClientNotFound
from phasegate.errors import Exit, Failure
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import SettingsTrusted, ViewRendered
from phasegate.settings import Render, Settings, Tests
from phasegate.store.sqlite import SqliteLog
from phasegate.workspace import files, git, git_hooks, installing, neighbours, place
from phasegate.workspace.git_hooks import HookChange
from phasegate.workspace.installing import Edit, Wish
from phasegate.workspace.policy_files import in_force as in_force_of
from phasegate.workspace.policy_files import named_files
from phasegate.workspace.settings_file import first_settings, read_settings

VIEWS = (*block.FILES.values(), installing.SKILL)
"""Files of ours that a run must not take for an agent's doing."""


class Conflict(Failure):
    """What was asked for contradicts what is there."""

    code = "init-conflict"


class HookDoesNotStart(Failure):
    """The hook command fails, so a client that calls it would refuse everything."""

    code = "hook-does-not-start"
    exit_code = Exit.CANNOT_TELL


class LedgerGone(Failure):
    """The clone says where its ledger is, and nothing is there."""

    code = "ledger-gone"
    exit_code = Exit.CANNOT_TELL


class Asked(msgspec.Struct, frozen=True):
    """The options of `init`."""

    scope: Scope | None = None
    required: bool = False
    render: Render | None = None
    allow_ephemeral: bool = False
    suites: Mapping[str, Tests] = {}
    ci: bool = False


class Plan(msgspec.Struct, frozen=True):
    """All that `init` is about to do in one work tree."""

    scope: Scope
    settings: Settings
    trusted: wiring.Trusted
    edits: tuple[Edit, ...]


@click.command()
@click.option("--scope", type=click.Choice(["me", "team"]), help="Hooks for you alone (the default), or shared in git.")
@click.option("--required", is_flag=True, help="With --scope team: refuse writes of colleagues who lack phasegate.")
@click.option("--agent", type=click.Choice(["claude"]), default="claude", help="Whose hooks.")
@click.option("--render", type=click.Choice(["claude_md", "local", "off"]), help="Where the state is shown.")
@click.option("--here", is_flag=True, help="Make this folder a project of its own, as in a monorepo.")
@click.option("--yes", is_flag=True, help="Ask nothing: take the default of every question.")
@click.option("--baseline/--no-baseline", default=None, help="Run the tests now, to know what is red, flaky, covered.")
@click.option(
    "--ci", "for_ci", is_flag=True, help="Also write tools/ci/headless.sh and a GitHub workflow that calls it."
)
@click.option("--git-hooks", "for_git", is_flag=True, help="Also look for secrets before every commit.")
@click.option("--pre-receive", metavar="DIR", help="Only this: let the bare repository DIR judge what is pushed to it.")
@click.option("--managed", "for_all", is_flag=True, help="Force the hooks in every repository of this machine instead.")
@click.option("--to", default="", metavar="DIR", help="With --managed: write below DIR, to package it.")
@click.option("--dry-run", is_flag=True, help="Show the difference and write nothing.")
@click.option("--allow-ephemeral", is_flag=True, hidden=True)
@json_option
def init(
    scope: Scope | None, required: bool, agent: str, render: Render | None, here: bool, yes: bool,
    baseline: bool | None, for_ci: bool, for_git: bool, pre_receive: str | None, for_all: bool, to: str, dry_run: bool,
    allow_ephemeral: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Set up phasegate in this repository: settings, hooks of your agent, a skill, a block in CLAUDE.md.

    It looks at what is there (languages, test suites, hooks, agents), asks at most three questions, and with a baseline
    records how the repository is now. A folder that has a phasegate.toml is a project of its own, with plan, suites and
    baseline; `--here` makes one. Run it again whenever you like: it only does what is missing.

    Example: phasegate init --dry-run
    """
    if to and not for_all:
        raise click.UsageError("--to says where --managed writes.")
    if for_all:
        return managed.put_in(to, dry_run=dry_run, allow_ephemeral=allow_ephemeral, as_json=as_json)
    if shutil.which("git") is None:
        raise git.GitMissing("git is not on the PATH.", hint="Install git, and repeat.")
    if pre_receive is not None:
        return server_hook.install(pre_receive, dry_run=dry_run, as_json=as_json)
    where = (
        place.at(git.locate(os.getcwd()), os.path.realpath(os.getcwd())) if here else neighbours.nearest(os.getcwd())
    )
    there = _is_set_up(where)
    if not dry_run and there:
        only_people("Setting up what is there already")
    if not dry_run and (where.prefix or place.has_projects(where.common)):
        only_people("Making a project of a folder, or of a clone that has one already,")
    # Where the settings were taken out, the repository is met anew.
    known = there and os.path.lexists(os.path.join(where.root, place.SETTINGS))
    meeting = questions.met(where, questions.Wishes(scope, yes, dry_run or as_json, baseline, known))
    plan = planned(where, Asked(meeting.scope, required, render, allow_ephemeral, meeting.suites, for_ci))
    hooks = git_hooks.putting_in(where, _program()) if for_git else []
    notices: list[str] = []
    if not dry_run:
        _refuse_unwritable(where)
        with _watching(where):
            newly_trusted = carry_out(where, plan)
            git_hooks.carry_out(hooks)
        notices = [
            *_trusting(plan, newly_trusted),
            *questions.about_suites(where, plan.settings),
            *_notices(where, plan),
        ]
    taken = _baseline(where) if meeting.baseline and not dry_run else None
    _tell(where, plan, hooks, meeting, notices, taken, dry_run=dry_run, as_json=as_json)
    return Exit.OK


@contextlib.contextmanager
def _watching(where: git.Place) -> Iterator[None]:
    """What is written meanwhile is a person's doing, for a run that watches these files."""
    try:
        project = wiring.open_project(where.root, os.environ)
    except Failure:  # nothing is set up yet, so nothing is watched
        yield
        return
    try:
        desk = wiring.RealDesk(project, actor())
        before = desk.custody.digests()
        yield
        custody.renewed(desk, before, "a person ran `phasegate init`")
    finally:
        project.close()


def _baseline(where: git.Place) -> questions.Known:
    """How the repository is now, recorded and in words."""
    project = wiring.open_project(where.root, os.environ)
    try:
        desk = wiring.RealDesk(project, actor())
        return questions.known(desk, *adopting.take_baseline(desk, lambda said: output.progress(f"phasegate: {said}")))
    finally:
        project.close()


def _is_set_up(where: git.Place) -> bool:
    """Whether there is anything whose trust could be abused; where there is nothing, an agent may set it up."""
    there = (place.pointer_path(where.common, where.prefix), os.path.join(where.root, place.SETTINGS))
    return any(map(os.path.lexists, there)) or place.registered(where, os.environ) is not None


# --- planning ---------------------------------------------------------------------------------------------------------


def planned(where: git.Place, asked: Asked) -> Plan:
    """What `init` would do in `where`; nothing is written. Raises a `Failure` for whatever stands against it."""
    content = installing.read(where.root, place.SETTINGS)
    if content is None:
        content = first_settings(_project_id(where), asked.render, asked.suites)
    settings = read_settings(content, path=place.SETTINGS)
    if asked.render not in (None, settings.render):
        raise Conflict(f'{place.SETTINGS} says render = "{settings.render}".', hint="Change it there, and repeat.")
    scope = asked.scope or ("team" if has_hooks(where.root, "team") else "me")
    wish = Wish(
        content, settings.render, scope == "team", SETTINGS_FILES[scope], _command(where, scope, asked),
        tuple(file for other, file in SETTINGS_FILES.items() if other != scope and has_hooks(where.root, other)),
        ci.shipped() if asked.ci else {},
    )  # fmt: skip
    edits = installing.putting_in(where, wish, install=installed_in, uninstall=uninstalled)
    in_force, workflow = in_force_of(where.root, content, os.environ)
    in_force = msgspec.structs.replace(in_force, elsewhere=neighbours.elsewhere(where))
    beside = wiring.settings_digests(where.root, named_files(where.root, content, in_force, os.environ))
    trusted = wiring.Trusted(in_force, workflow, installing.digest(content), beside)
    return Plan(scope, settings, trusted, tuple(edits))


def _project_id(where: git.Place) -> str:
    """The id this clone's ledger knows already, else a new one."""
    try:
        pointer = place.read_pointer(where)
    except place.PointerUnreadable:
        pointer = None
    return pointer.project if pointer is not None else str(uuid.uuid4())


def _command(where: git.Place, scope: Scope, asked: Asked) -> tuple[str, ...] | None:
    """The command of the hooks, seen to start; None when a team's hooks are in force as the team chose them."""
    if scope == "me" and has_hooks(where.root, "team"):
        raise Conflict(f"{SETTINGS_FILES['team']} has phasegate's hooks already; yours would run a second time.",
                       hint="Use `phasegate init --scope team`.")  # fmt: skip
    if asked.required and scope == "me":
        raise Conflict("--required is about colleagues.", hint="Add `--scope team`.")
    if scope == "team" and asked.scope is None and not claude_health.missing_hooks(where.root):
        return None
    if scope == "me" and not asked.allow_ephemeral:
        refuse_ephemeral(sys.executable)
    command = hook_command(scope, executable=sys.executable, required=asked.required)
    # Asked about a place without a project: what is wrong with this one's ledger must not keep `init` from mending it.
    problem = installed.hook_problem(command, os.sep)
    if problem:
        hint = "Install phasegate as a tool of its own: `uv tool install PATH-TO-CHECKOUT`."
        raise HookDoesNotStart(f"The hook command fails: {problem}.", hint=hint)
    return command


def _program() -> str:
    """Our own program by its path, as a hook of one's own calls it: git's PATH may be another."""
    return os.path.join(os.path.dirname(sys.executable), "phasegate")


def has_hooks(root: str, scope: Scope) -> bool:
    """Whether the settings of a scope hold a hook of ours."""
    path = SETTINGS_FILES[scope]
    text = installing.decoded(installing.read(root, path), path)
    return text is not None and uninstalled(path, text) != text


def installed_in(path: str, text: str | None, command: Sequence[str]) -> str:
    with naming(path):
        return claude_code.install(text, command)


def uninstalled(path: str, text: str) -> str | None:
    """The settings `text` of the file `path` without our hooks; None when nothing else was ever in it."""
    with naming(path):
        return claude_code.uninstall(text)


@contextlib.contextmanager
def naming(path: str) -> Iterator[None]:
    """Put the file's name before what is wrong in it."""
    try:
        yield
    except Failure as failure:
        raise type(failure)(f"{path}: {failure.message}", hint=failure.hint) from failure


# --- doing ------------------------------------------------------------------------------------------------------------


def _refuse_unwritable(where: git.Place) -> None:
    for folder in (where.root, where.common, where.directory):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise files.NotWritable(f"{folder} cannot be written.", hint="Make it writable (a mount may be read-only).")


def carry_out(where: git.Place, plan: Plan) -> bool:
    """Ledger and trust first, then the files, the hooks last: whatever interrupts leaves nothing half in force.

    Returns whether these settings were trusted for the first time.
    """
    try:
        project = _opened(where, plan.trusted)
        try:
            newly_trusted = _record(project, plan)
        finally:
            project.close()
        if plan.edits:
            installing.put_in(where, plan.edits)
        return newly_trusted
    except OSError as problem:
        what = f"{problem.filename or where.root}: {problem.strerror or problem}"
        raise files.NotWritable(f"{what}.", hint="Make it writable or free some space, and repeat.") from problem


def _opened(where: git.Place, trusted: wiring.Trusted) -> wiring.Project:
    """The project with its ledger: found, found again, or new."""
    try:
        pointer = place.read_pointer(where)
    except place.PointerUnreadable:
        pointer = None
    if pointer is None and (pointer := _lost(where, trusted.settings.project)) is not None:
        place.write_pointer(where, pointer)
    if pointer is None:
        return wiring.begin_ledger(where, trusted.settings.project, trusted, os.environ)
    pointer_path = place.pointer_path(where.common, where.prefix)
    if pointer.project != trusted.settings.project:
        raise Conflict(
            f"{place.SETTINGS} is of project {trusted.settings.project}, this clone's ledger of {pointer.project}.",
            hint=f'Write project = "{pointer.project}" there, or move {pointer_path} away.',
        )
    directory = place.ledger_directory(pointer, os.environ)
    if not os.path.isdir(directory):
        raise LedgerGone(
            f"The ledger of this clone is not at {directory}.",
            hint="Put it back, or set XDG_STATE_HOME as it was. If it is lost, remove "
            f"{pointer_path} and repeat: a new ledger begins.",
        )
    return wiring.open_project(where.root, os.environ)


def _lost(where: git.Place, project: str) -> place.Pointer | None:
    """The ledger that was born for this clone, when the file that says which is unreadable or gone."""
    folder = os.path.join(place.state_home(os.environ), project)
    for ledger in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        pointer = place.Pointer(project, ledger, where.common)
        with contextlib.suppress(Failure):
            log = SqliteLog(os.path.join(place.ledger_directory(pointer, os.environ), "ledger.db"))
            try:
                born = next(log.read(), None)
            finally:
                log.close()
            if born is not None and msgspec.json.decode(born.body or b"{}").get("home") == where.common:
                return pointer
    return None


def _record(project: wiring.Project, plan: Plan) -> bool:
    """The person's trust, whether it is new, and which files are about to be ours."""
    desk = wiring.RealDesk(project, actor())
    state = desk.state()
    facts: list[Fact] = []
    if project.trusted != plan.trusted:
        wiring.trust(project.directory, plan.trusted)
    if state.trusted != plan.trusted.digest:
        facts.append(SettingsTrusted(plan.trusted.digest))
    root = project.where.root
    views = {files.contained(root, path) for path in VIEWS}
    for edit in plan.edits:
        if edit.base == root and edit.path in views and edit.after is not None:
            facts.append(ViewRendered(root, edit.path, installing.digest(edit.after)))
    if facts:
        desk.record(facts, relying_on=None)
    return any(isinstance(fact, SettingsTrusted) for fact in facts)


# --- telling ----------------------------------------------------------------------------------------------------------


def _tell(
    where: git.Place, plan: Plan, hooks: Sequence[HookChange], meeting: questions.Meeting, notices: list[str],
    taken: questions.Known | None, *, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    changes: list[Edit | HookChange] = [*plan.edits, *hooks]
    if as_json:
        output.give({
            "root": where.root, "project": plan.settings.project, "scope": plan.scope, "dry_run": dry_run,
            "changed": [named(where, edit) for edit in changes], "notices": notices,
            "difference": installing.difference(plan.edits) + git_hooks.difference(hooks) if dry_run else "",
            "found": meeting.survey, "baseline": taken,
        })  # fmt: skip
        return
    if not changes:
        output.say("phasegate is set up here already; nothing was changed.")
    elif dry_run:
        output.say(
            installing.difference(plan.edits)
            + git_hooks.difference(hooks)
            + "\nNothing was written: this was a dry run."
        )
    else:
        output.say(f"phasegate is set up in {where.root}:")
        for edit in changes:
            output.say(f"  {'new    ' if edit.before is None else 'changed'} {named(where, edit)}")
    for line in taken.lines if taken is not None else ():
        output.say(f"- {line}")
    for notice in notices:
        output.say(f"- {notice}")


def named(where: git.Place, edit: Edit | HookChange) -> str:
    """The path of an edit as a person at the root would write it."""
    return os.path.relpath(os.path.join(edit.base, edit.path), where.root)


def _trusting(plan: Plan, newly: bool) -> Iterator[str]:
    """Said when the person just trusted settings that were there before; above all which command they name."""
    if newly and all(edit.path != place.SETTINGS for edit in plan.edits):
        suites = plan.settings.all_suites().values()
        commands = [f"`{' '.join(words)}`" for tests in suites for words in (tests.prepare, tests.command) if words]
        named = f", which runs the tests by {' and '.join(commands)}" if commands else ""
        yield f"You trust {place.SETTINGS} as it is now{named}."


def _notices(where: git.Place, plan: Plan) -> Iterator[str]:
    without = ""
    try:
        found = installed.any_client()
        if installed.advisory(found):
            yield installed.advisory(found)
    except ClientNotFound as failure:
        without = f"{failure.message} {failure.hint}"
    if plan.edits:
        yield from _about_scope(where, plan)
    if plan.scope == "team" and shutil.which("phasegate") is None:
        yield "`phasegate` is not on your PATH, so these hooks do nothing yet: `uv tool install PATH-TO-CHECKOUT`."
    if installing.read(where.root, plan.settings.plan) is None:
        yield f'There is no plan at {plan.settings.plan} yet: `phasegate plan new "WHAT TO BUILD"`.'
    else:
        yield (
            'Next: `phasegate start`, then `claude "Continue the plan." --allowedTools "Bash(phasegate:*)"`; '
            "the option lets the agent run phasegate's commands without asking you each time."
        )
    if without:
        yield without


def _about_scope(where: git.Place, plan: Plan) -> Iterator[str]:
    if plan.scope == "team":
        yield (
            "The ignore lines are in .gitignore. Commit it with .claude/ and phasegate.toml; until then a new clone or "
            "work tree has no hooks."
        )
        return
    yield "The hooks are yours alone: the ignore lines in .git/info/exclude keep them out of git."
    if where.directory != where.common or os.path.isdir(os.path.join(where.common, "worktrees")):
        yield "Each work tree of this clone has hooks of its own: run `phasegate init` in the others as well."
