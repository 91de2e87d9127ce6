"""The typed facts that rules may ask of a tool call, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

import msgspec

from phasegate.rules.conditions import CannotEvaluate
from phasegate.rules.rule import Call, Value

TABLE: Mapping[str, tuple[str, str]] = {
    "call.does": ("text", f"what the tool can do: {', '.join(get_args(Call))}"),
    "call.tool": ("text", "the name of the tool as the client has it; not known of a change found in the tree"),
    "call.agent": ("text", "`main`, or the kind of the subagent that calls"),
    "call.paths": ("texts", "the files that an edit names, or the one found changed, relative to the root"),
    "call.classes": ("texts", "their classes: tests, source, docs, config, plan, own"),
    "call.command": ("text", "the shell command; empty for any other call"),
    "call.bytes": ("number", "bytes that an edit would write, as far as they are in the call"),
    "run.active": ("flag", "whether a run drives here now"),
}
"""Name, type and meaning of each."""


class CallAtHand(msgspec.Struct, frozen=True):
    """A tool call, or a change found in the tree, and the run that it falls into; None: not known."""

    does: str
    tool: str | None = None
    agent: str | None = None
    paths: tuple[str, ...] | None = ()
    classes: tuple[str, ...] | None = ()
    command: str | None = None
    size: int | None = None
    active: bool | None = False
    phase: str | None = ""
    kind: str | None = ""
    lane: str | None = ""
    step: str | None = ""
    mode: str | None = ""

    def read(self, name: str) -> Value | None:
        """The value of a fact; CannotEvaluate when there is none of that name."""
        if name not in READ:
            raise CannotEvaluate(f"there is no fact {name!r} of a tool call")
        return READ[name](self)


READ: Mapping[str, Callable[[CallAtHand], Value | None]] = {
    "call.does": lambda call: call.does,
    "call.tool": lambda call: call.tool,
    "call.agent": lambda call: call.agent,
    "call.paths": lambda call: call.paths,
    "call.classes": lambda call: call.classes,
    "call.command": lambda call: call.command,
    "call.bytes": lambda call: call.size,
    "run.active": lambda call: call.active,
    "phase": lambda call: call.phase,
    "kind": lambda call: call.kind,
    "lane": lambda call: call.lane,
    "step": lambda call: call.step,
    "mode": lambda call: call.mode,
}
