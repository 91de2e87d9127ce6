"""`phasegate plan import`: draft phases from lists that are there already, as a difference that a person accepts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import rich_click as click

from phasegate.entrypoints.cli import output, plan_sources
from phasegate.entrypoints.cli.plan_change import difference, text_of, write_plan
from phasegate.entrypoints.cli.session import desk, json_option, only_people, version_option
from phasegate.errors import Exit
from phasegate.plain import line, paragraph
from phasegate.workflow.importing.draft import FORMS, Form, LeftOut
from phasegate.workflow.importing.merge import Merged, merge
from phasegate.workflow.plan import KINDS, Kind

LONGEST_DIFFERENCE = 2_000_000


@click.command("import")
@click.argument("source", metavar="FILE|DIR|-")
@click.option("--as", "form", type=click.Choice(FORMS), help="Read it as this; default: as its path and words say.")
@click.option("--kind", type=click.Choice(KINDS), help="The kind of every new phase; default: as its heading says.")
@click.option("--link", default="", metavar="URL", help="Where a text on standard input comes from, for the links.")
@click.option("--todo-comments", is_flag=True, help="Read TODO and FIXME comments of source files too.")
@click.option("--dry-run", is_flag=True, help="Show the difference and write nothing.")
@click.option("--yes", is_flag=True, help="Accept the difference without being asked.")
@json_option
@version_option
def import_(
    source: str,
    form: Form | None,
    kind: Kind | None,
    link: str,
    todo_comments: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    if_version: int | None,
) -> int:
    """Draft phases from a README, a TODO list, a check list, an issue, spec-kit or OpenSpec tasks; show the difference.

    In a folder it finds these itself. Each task gets a link to its source; nothing is invented, and what was not taken
    is listed with its line. Reading the same source again adds only what is new in it.

    Example: phasegate plan import specs --dry-run
    """
    with desk(if_version) as opened:
        path, state = opened.settings.plan, opened.state()
        content = opened.files.read(path)
        before = text_of(path, content) if content is not None else ""
        if source == "-":
            read = plan_sources.read_stdin(form, link)
        else:
            read = plan_sources.read_path(
                opened.worktree, os.path.join(os.getcwd(), source), form, plan=path, todo_comments=todo_comments
            )
        merged = merge(before, path, read.drafts, kind=kind)
        missing = (*read.left_out, *merged.left_out)
        shown = difference(before, merged.text, path) if merged.phases else ""
        if not as_json:
            _show(read, merged, missing, shown)
        accepted = bool(merged.phases) and not dry_run and (yes or (not as_json and _asked(path, merged)))
        if accepted:
            only_people("Accepting an imported plan")
            state = write_plan(opened, state, merged.text.encode())
    if as_json:
        output.give(_as_value(path, read, merged, missing, shown) | {"written": accepted, "version": state.position})
    elif accepted:
        first = merged.phases[0].id
        output.say(f"phasegate: {path} gained {_counted(merged)}. Begin with `phasegate start`.\n"
                   f"  Kinds decide the gates: correct one with `phasegate plan kind {first} KIND`.")  # fmt: skip
    return Exit.OK if accepted or dry_run or not merged.phases else _not_written(as_json)


def _asked(path: str, merged: Merged) -> bool:
    """Ask at a terminal; elsewhere nobody can answer."""
    if not (os.isatty(0) and os.isatty(1)):
        return False
    return click.confirm(f"Write {_counted(merged)} into {path}?", default=False)


def _not_written(as_json: bool) -> int:
    if not as_json:
        how = "" if os.isatty(0) else " There is no terminal to ask at: accept with --yes."
        output.say(f"phasegate: nothing was written.{how}")
    return Exit.OK if os.isatty(0) and not as_json else Exit.WAITING_FOR_PERSON


# -- showing ----------------------------------------------------------------------------------------------------------


def _show(read: plan_sources.Read, merged: Merged, missing: Sequence[LeftOut], shown: str) -> None:
    for draft in read.drafts:
        tasks = [task for phase in draft.phases for task in phase.tasks]
        done = sum(task.done for task in tasks)
        output.say(f"Found {line(draft.source.label)} ({draft.source.form}): {_number(len(draft.phases), 'phase')}, "
                   f"{_number(len(tasks), 'task')}{f', {done} of them done' if done else ''}.")  # fmt: skip
    if shown:
        output.say(f"\n{paragraph(shown, LONGEST_DIFFERENCE).rstrip()}\n")
    if missing:
        output.say("Not in the draft:")
        for text in _grouped(missing):
            output.say(f"  {text}")
    if not merged.phases:
        output.say("phasegate: there is nothing new in it for the plan.")


def _grouped(missing: Sequence[LeftOut]) -> Iterator[str]:
    """One line for each reason in each source, with the lines it is about; a single one with its words."""
    groups: dict[tuple[str, str], list[LeftOut]] = {}
    for one in missing:
        groups.setdefault((one.label, one.why), []).append(one)
    for (label, why), ones in groups.items():
        numbers = sorted({one.line for one in ones if one.line})
        said = f": {line(ones[0].text, 80)}" if len(ones) == 1 and ones[0].text != label else ""
        yield f"{line(label)}{':' + _ranges(numbers) if numbers else ''}  {line(why)}{said}"


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers as people write them: 3-5,9."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _counted(merged: Merged) -> str:
    tasks = sum(len(phase.tasks) for phase in merged.phases)
    return f"{_number(len(merged.phases), 'phase')} with {_number(tasks, 'task')}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _as_value(
    path: str, read: plan_sources.Read, merged: Merged, missing: Sequence[LeftOut], shown: str
) -> dict[str, object]:
    return {
        "path": path,
        "sources": [{"label": d.source.label, "form": d.source.form, "phases": len(d.phases)} for d in read.drafts],
        "draft": [
            {
                "id": phase.id, "title": phase.title, "kind": phase.kind, "blocked_by": phase.blocked_by,
                "tasks": [{"text": task.text,  "source": task.label or phase.source,
                           "line": task.line} for task in phase.tasks],
            }
            for phase in merged.phases
        ],
        "difference": shown,
        "left_out": missing,
    }  # fmt: skip
