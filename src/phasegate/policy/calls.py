"""What a client tells us through a hook, and what we may answer, in our words; `agents/` translates both ways."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
from typing import Literal

import msgspec

Does = Literal["read", "edit", "shell", "subagent", "mcp", "other"]
"""What a tool can do to the tree: `read` never writes, `edit` writes paths it names, the others may write unseen."""

Source = Literal["startup", "resume", "clear", "compact", "fork"]


class Caller(msgspec.Struct, frozen=True):
    """The client session, and inside it the subagent ("" = the main agent), that a hook call comes from.

    `pid` is the client's process where it made the call itself (0: unknown), `age_ms` how long the hook's own runs.
    """

    client: str
    session: str
    cwd: str
    version: str = ""
    pid: int = 0
    agent: str = ""
    agent_kind: str = ""
    age_ms: int = 0


class ToolUse(msgspec.Struct, frozen=True):
    """One tool call: `paths` as the client gave them; `text` is what an edit would write, or a shell command."""

    id: str
    tool: str
    does: Does
    paths: tuple[str, ...] = ()
    text: str = ""


class SessionOpened(msgspec.Struct, frozen=True, tag=True):
    """A client session began, was resumed, cleared or compacted."""

    caller: Caller
    source: str


class PromptGiven(msgspec.Struct, frozen=True, tag=True):
    """The person (or `drive`) gave a prompt."""

    caller: Caller
    text: str


class ToolAsked(msgspec.Struct, frozen=True, tag=True):
    """The agent is about to use a tool; the only call that can be refused without trace in the tree."""

    caller: Caller
    use: ToolUse


class ToolReturned(msgspec.Struct, frozen=True, tag=True):
    """A tool came back; `ok` is false when it failed, `error` then says how."""

    caller: Caller
    use: ToolUse
    ok: bool
    error: str = ""


class TurnEnding(msgspec.Struct, frozen=True, tag=True):
    """The main agent wants to stop; `again` when a refusal of ours already continued this turn."""

    caller: Caller
    again: bool
    said: str = ""


class SubagentEnding(msgspec.Struct, frozen=True, tag=True):
    """A subagent wants to stop."""

    caller: Caller
    again: bool


class Compacting(msgspec.Struct, frozen=True, tag=True):
    """The client is about to summarise the conversation."""

    caller: Caller
    trigger: str


class ConfigChanging(msgspec.Struct, frozen=True, tag=True):
    """A settings file of the client changed on disk; a refusal keeps the old hooks in force for this session."""

    caller: Caller
    source: str
    path: str


class SessionClosed(msgspec.Struct, frozen=True, tag=True):
    """The client session is over."""

    caller: Caller
    reason: str


Call = (
    SessionOpened
    | PromptGiven
    | ToolAsked
    | ToolReturned
    | TurnEnding
    | SubagentEnding
    | Compacting
    | ConfigChanging
    | SessionClosed
)


class Silent(msgspec.Struct, frozen=True, tag=True):
    """Nothing to say. Saying "allow" would skip the person's own permission prompts; silence does not."""


class Inform(msgspec.Struct, frozen=True, tag=True):
    """Context for the model, at the end of a turn words for the person; the call goes on as it would have."""

    text: str


class Refuse(msgspec.Struct, frozen=True, tag=True):
    """No: the tool call or configuration change does not happen, and `reason` says what would be permitted."""

    reason: str
    rule: str


class KeepGoing(msgspec.Struct, frozen=True, tag=True):
    """The turn may not end: `reason` is the next instruction, as text to the model."""

    reason: str


Answer = Silent | Inform | Refuse | KeepGoing
