"""`phasegate policy`: check `phasegate.toml` and the workflow it names, and trust them as they are now."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import rich_click as click

from phasegate import wiring
from phasegate.engine import custody
from phasegate.engine.views import refresh
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.disputes import disputed
from phasegate.entrypoints.cli.policy_docs import docs
from phasegate.entrypoints.cli.policy_report import report
from phasegate.entrypoints.cli.policy_trying import simulate, test
from phasegate.entrypoints.cli.session import desk, json_option, only_people, version_option
from phasegate.errors import Exit, Failure
from phasegate.ledger.facts import SettingsTrusted
from phasegate.ledger.state import State
from phasegate.plain import line
from phasegate.policy.composing import loosened
from phasegate.policy.reading import PolicyInvalid
from phasegate.rules.rule import Rules
from phasegate.wiring import Trusted
from phasegate.workflow.definition import Workflow
from phasegate.workflow.toml import DefinitionInvalid, write_workflow
from phasegate.workspace import git, installing, neighbours, place, policy_files
from phasegate.workspace.settings_file import SettingsInvalid

DIFFERENCE_SHOWN = 200
"""Lines of a workflow's difference that are shown."""


class NoSettings(Failure):
    """There is no `phasegate.toml`."""

    code = "no-settings"
    exit_code = Exit.USAGE


class OtherProject(Failure):
    """`phasegate.toml` names another project than the ledger of this clone."""

    code = "other-project"
    exit_code = Exit.USAGE


class WorkflowInUse(Failure):
    """A run stands at a step that the new workflow does not have."""

    code = "workflow-in-use"
    exit_code = Exit.USAGE


class Found(msgspec.Struct, frozen=True):
    """Something wrong in a file, at a line, and why."""

    path: str
    line: int
    reason: str


@click.group()
def policy() -> None:
    """The settings of this repository: what they say, and which of them a person trusts.

    Example: phasegate policy check
    """


for command in (disputed, test, simulate, docs, report):
    policy.add_command(command)


@policy.command()
@json_option
def check(as_json: bool) -> int:
    """Read phasegate.toml and the workflow it names; say what is wrong, and what a person has not trusted yet.

    Exit 1 when anything is wrong.

    Example: phasegate policy check
    """
    where = place.locate(os.getcwd())
    found: list[Found] = []
    rows: list[str] | None = None
    try:
        present, in_force = _present(where), _in_force(where)
        rows = _difference(in_force, present) if in_force is not None else None
    except (SettingsInvalid, DefinitionInvalid, PolicyInvalid) as failure:
        found = list(_problems(failure))
    if as_json:
        output.give({"problems": found, "difference": rows, "trusted": rows == [] and not found})
    else:
        _tell_checked(found, rows)
    return Exit.GATE_FAILED if found else Exit.OK


@policy.command()
@json_option
@version_option
def trust(as_json: bool, if_version: int | None) -> int:
    """Put phasegate.toml and the workflow it names into force, as they are now, after showing what changes.



    Example: phasegate policy trust
    """
    only_people("`phasegate policy trust`")
    with desk(if_version) as opened:
        present = _present(opened.project.where)
        state = opened.state()
        _refuse_other(opened.project.pointer.project, present)
        _refuse_in_use(state, present.workflow)
        rows = _difference(opened.project.trusted, present)
        if rows or _files(opened.project.trusted) != _files(present) or state.trusted != present.digest:
            state = opened.record([SettingsTrusted(present.digest)], relying_on=state)
            before = opened.custody.digests()
            wiring.trust(opened.project.directory, present)
            custody.renewed(opened, before, "a person trusted the settings")
    with desk() as anew:
        version = refresh(anew, anew.state()).position
    if as_json:
        output.give({"trusted": present.digest, "difference": rows, "version": version})
        return Exit.OK
    for row in rows:
        output.say(row)
    output.say(f"phasegate: {place.SETTINGS} is trusted as it is now ({present.digest[:12]}); "
               f"{'what is shown above is in force' if rows else 'nothing changed in what it says'}.")  # fmt: skip
    return Exit.OK


# -- reading ----------------------------------------------------------------------------------------------------------


def _present(where: git.Place) -> Trusted:
    """What the files in the work tree say now."""
    content = installing.read(where.root, place.SETTINGS)
    if content is None:
        raise NoSettings(f"{where.root} has no {place.SETTINGS}.", hint="Run `phasegate init` there.")
    settings, workflow = policy_files.in_force(where.root, content, os.environ)
    in_force = msgspec.structs.replace(settings, elsewhere=neighbours.elsewhere(where))
    beside = wiring.settings_digests(where.root, policy_files.named_files(where.root, content, settings, os.environ))
    return Trusted(in_force, workflow, installing.digest(content), beside)


def _in_force(where: git.Place) -> Trusted | None:
    """What a person trusted last in this clone; None in a clone that has no ledger."""
    pointer = place.read_pointer(where)
    return wiring.read_trusted(place.ledger_directory(pointer, os.environ)) if pointer is not None else None


def _files(trusted: Trusted) -> tuple[str, dict[str, str]]:
    return trusted.digest, trusted.beside


def _refuse_other(project: str, present: Trusted) -> None:
    if present.settings.project != project:
        raise OtherProject(
            f"{place.SETTINGS} is of project {present.settings.project!r}; the ledger of this clone of {project!r}.",
            hint="Put the project's id back; it names the ledger.",
        )


def _refuse_in_use(state: State, workflow: Workflow) -> None:
    steps, kinds = {step.name for step in workflow.steps}, {kind.name for kind in workflow.kinds}
    for run in state.runs.values():
        if run.status != "ended" and (run.step not in steps or (run.phase and state.kind_of(run.phase) not in kinds)):
            raise WorkflowInUse(
                f"The run in {run.worktree} is at step {run.step} of a {state.kind_of(run.phase)} phase, "
                f"which workflow {workflow.name!r} does not have.",
                hint="Keep that step and kind in the workflow until the run has left them.",
            )


def _problems(failure: Failure) -> Iterator[Found]:
    """The problems a failure lists, one `PATH:LINE: REASON` a line."""
    for text in failure.message.splitlines():
        told = re.fullmatch(r"(.+?):(\d+): (.*)", text)
        if told:
            yield Found(told[1], int(told[2]), told[3])


# -- showing ----------------------------------------------------------------------------------------------------------


def _difference(before: Trusted, after: Trusted) -> list[str]:
    """What `after` says differently: a row for each setting, then the workflow as a difference of its definition."""
    old, new = dict(_flat(msgspec.to_builtins(before.settings))), dict(_flat(msgspec.to_builtins(after.settings)))
    rows = [
        f"{key}: {_value(old, key)} -> {_value(new, key)}"
        for key in sorted(old | new)
        if old.get(key, msgspec.UNSET) != new.get(key, msgspec.UNSET) and not key.startswith(("rules.", "policy.modes"))
    ]
    rows += _of_rules(before.settings.rules, after.settings.rules)
    was, now = (write_workflow(trusted.workflow).splitlines() for trusted in (before, after))
    changed = list(difflib.unified_diff(was, now, "workflow in force", "workflow now", lineterm="", n=2))
    left = len(changed) - DIFFERENCE_SHOWN
    return rows + changed[:DIFFERENCE_SHOWN] + ([f"... and {left} more lines"] if left > 0 else [])


def _of_rules(before: Rules, after: Rules) -> list[str]:
    """What the rules of `after` demand more, then, marked, what they demand less."""
    less = loosened(before, after)
    known = {rule.id: rule for rule in before.rules}
    rows = [f"rule {r.id}: new, {r.mode}s" for r in after.rules if r.id not in known]
    rows += [
        f"rule {r.id}: {known[r.id].mode} -> {r.mode}"
        for r in after.rules
        if r.id in known and known[r.id].mode != r.mode and not any(each.startswith(f"rule {r.id}:") for each in less)
    ]
    rows += [
        f"built-in {key}: {before.mode_of(key)} -> {after.mode_of(key)}"
        for key in sorted(before.modes)
        if before.mode_of(key) != after.mode_of(key) and not any(each.startswith(f"built-in {key}:") for each in less)
    ]
    if before.owners != after.owners or before.people != after.people:
        rows.append("who owns which files, or who is behind a handle, is another")
    return [*rows, *(f"DEMANDS LESS: {each}" for each in less)]


def _flat(value: dict[str, Any], lead: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield from _flat(item, f"{lead}{key}.")
        else:
            yield f"{lead}{key}", item


def _value(flat: dict[str, Any], key: str) -> str:
    return line(msgspec.json.encode(flat[key]).decode(), 200) if key in flat else "(none)"


def _tell_checked(found: list[Found], rows: list[str] | None) -> None:
    for problem in found:
        output.say(f"{problem.path}:{problem.line}: {problem.reason}")
    if found:
        output.say("phasegate: what was trusted last stays in force until these lines are mended.")
        return
    for row in rows or ():
        output.say(row)
    if rows is None:
        output.say("phasegate: nothing is wrong. This clone is not set up: `phasegate init`.")
    elif rows:
        output.say("phasegate: nothing is wrong; what is shown above is not in force: `phasegate policy trust`.")
    else:
        output.say("phasegate: nothing is wrong, and it is what you trusted.")
