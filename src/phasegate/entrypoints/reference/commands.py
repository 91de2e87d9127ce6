"""`cli.md`: every command with its help, its options and its example, from the tree of commands itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

import click

from phasegate.entrypoints.reference.markdown import page

INTRODUCTION = """Every command takes `-h`. `--json` prints JSON for scripts; `--if-version N` changes nothing
unless the ledger is at position N. What a command ends with is in [exit codes](exit-codes.md), what it may say when it
cannot go on in [errors](errors.md)."""


def commands(groups: Mapping[str, Mapping[str, click.Command]]) -> str:
    """The page for commands under the headings people see them under."""
    blocks = [INTRODUCTION]
    for title, members in groups.items():
        if members:
            blocks.append(f"## {title}")
            for name, command in members.items():
                blocks += _entry(command, f"phasegate {name}")
    return page("Commands", *blocks)


def _entry(command: click.Command, path: str) -> Iterator[str]:
    """A command, and those below it when it is a group."""
    about, example = told(command)
    yield f"### `{path}`"
    if isinstance(command, click.Group):
        yield about
        for name in sorted(command.commands):
            yield from _entry(command.commands[name], f"{path} {name}")
        return
    arguments = " ".join(map(_argument, command.params)).split()
    options = [row for param in command.params if (row := _option(param))]
    if arguments:
        yield f"`{' '.join([path, '[OPTIONS]' * bool(options), *arguments])}`".replace("  ", " ")
    yield about
    yield "\n".join(options)
    yield f"Example: `{example}`" if example else ""


def told(command: click.Command) -> tuple[str, str]:
    """What the help says, and the example it ends with ("" when it has none)."""
    about, _, example = inspect.cleandoc(command.help or "").partition("Example:")
    return about.strip(), " ".join(example.split()).strip("`")


def _argument(param: click.Parameter) -> str:
    if not isinstance(param, click.Argument):
        return ""
    choices = getattr(param.type, "choices", None)
    shown = "|".join(choices) if choices else (param.metavar or (param.name or "").upper())
    bracketed = shown if param.required or shown.startswith("[") else f"[{shown}]"
    return bracketed if param.nargs == 1 or "..." in bracketed else f"{bracketed}..."


def _option(param: click.Parameter) -> str:
    if not isinstance(param, click.Option) or param.hidden:
        return ""
    value = "" if param.is_flag or param.count else f" {_value(param)}"
    names = ", ".join(f"`{name}{value}`" for name in [*param.opts, *param.secondary_opts])
    given = param.default if isinstance(param.default, str | int | float) and not param.is_flag else ""
    default = f" Default: `{given}`." if given != "" else ""
    return f"- {names}: {(param.help or '') + default}".replace(":  ", ": ").rstrip(": ")


def _value(param: click.Option) -> str:
    choices = getattr(param.type, "choices", None)
    return "|".join(choices) if choices else (param.metavar or param.type.name.upper())
