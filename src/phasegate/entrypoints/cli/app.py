"""Every command by name; a command's module is imported when it is called, and expected failures end in words."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import Any

import rich_click as click
from click import exceptions

from phasegate.entrypoints.cli import output
from phasegate.errors import Exit, Failure
from phasegate.wiring import VERSION

COMMANDS: dict[str, dict[str, str]] = {
    "Start": {"init": "init", "uninstall": "uninstall", "demo": "demo", "doctor": "doctor"},
    "Work": {
        "plan": "plan", "start": "start", "pause": "pause", "resume": "pause", "drive": "drive", "next": "next",
        "done": "done", "wait": "wait", "note": "note", "answer": "answer", "takeover": "takeover",
    },
    "Look": {
        "lookback": "lookback", "status": "status", "why": "why", "report": "report", "log": "log",
        "diagram": "diagram",
    },
    "Prove": {
        "check": "check", "record": "record", "evidence": "evidence", "waiver": "waiver", "policy": "policy",
        "verify": "verify",
    },
    "Code": {"docs": "docs"},
}  # fmt: skip
"""The commands in the order people need them, each with the module in this folder that has it."""

HIDDEN = {"hook": "hook"}


class Commands(click.RichGroup):
    """The group of all commands; each is imported only when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        modules = {name: module for group in COMMANDS.values() for name, module in group.items()} | HIDDEN
        if cmd_name not in modules:
            return None
        module = importlib.import_module(f"phasegate.entrypoints.cli.{modules[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        near = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
        if near and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="phasegate")
@click.option("-v", "--verbose", count=True, help="Log more; twice for everything. See also PHASEGATE_LOG.")
@click.pass_context
def phasegate(ctx: click.Context, verbose: int) -> None:
    """Drive a coding agent through a plan; a phase closes only on evidence that phasegate recorded itself.

    Begin with `phasegate demo` to watch it, or `phasegate init` in a repository of yours.
    """
    ctx.obj = {"verbose": verbose}


def run(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code of the contract in `errors.Exit`."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        _refuse_unreadable(_ours(given))
        result: Any = phasegate.main(args=arguments, prog_name="phasegate", standalone_mode=False)
        return int(result) if isinstance(result, int) else Exit.OK
    except exceptions.Exit as ended:
        return ended.exit_code
    except exceptions.Abort:
        return Exit.INTERRUPTED
    except exceptions.ClickException as problem:
        problem.show()
        return Exit.USAGE
    except Failure as failure:
        output.fail(failure, as_json="--json" in _ours(given))
        return failure.exit_code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception as bug:
        if isinstance(bug, FileNotFoundError) and not _is_somewhere():
            gone = FolderGone("The folder you are in is gone.", hint="`cd` to one that exists, and repeat.")
            output.fail(gone, as_json="--json" in _ours(given))
            return gone.exit_code
        output.bug(bug)
        return Exit.BUG


class FolderGone(Failure):
    """The folder that the command was called in was removed meanwhile."""

    code = "folder-gone"
    exit_code = Exit.USAGE


def _is_somewhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _ours(arguments: list[str]) -> list[str]:
    """The words that are for us: what follows `--` belongs to the command that `record` runs."""
    return arguments[: arguments.index("--") if "--" in arguments else None]


def _refuse_unreadable(arguments: list[str]) -> None:
    """Bytes that are no UTF-8 cannot be recorded: refuse them before anything is done."""
    for word in arguments:
        try:
            word.encode()
        except UnicodeEncodeError as problem:
            raise exceptions.UsageError(f"{word!a} is not UTF-8.") from problem
