"""Our hooks in Claude Code's settings files: put in and taken out by position, every other byte left as it was.

What the edit leaves behind tells how it was made. A bracket of ours is followed by a line break, as the client's own
writer does it; where the person's empty `{}` or `[]` was filled, what we put in follows its bracket directly. So taking
out knows which containers were theirs.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from phasegate.agents.json_text import Part, opening_of, parse, parts
from phasegate.errors import Failure

OURS: Final = (("phasegate", "hook", "claude"), ("phasegate.entrypoints.hook", "claude"))
"""How the command line of a hook of ours ends: as console script, and as module of an interpreter."""

SECONDS: Final[Mapping[str, int]] = {
    "SessionStart": 30,
    "UserPromptSubmit": 30,
    "PreToolUse": 60,
    "PostToolUse": 60,
    "PostToolUseFailure": 60,
    "Stop": 60,
    "SubagentStop": 60,
    "PreCompact": 30,
    "ConfigChange": 30,
    "SessionEnd": 10,
}
"""The events we register for, and how long the client waits; without a figure of ours SessionEnd would get 1.5 s."""

BLOCKS_ON_FAILURE: Final = ("PreToolUse", "ConfigChange")
"""Events that must not pass when we fail. A prompt is not among them: nobody is to be locked out of their client."""


class UnusableSettings(Failure):
    """A settings file is JSON, but not settings that the client would read; one bad entry voids all of its hooks."""

    code: ClassVar[str] = "unusable-settings"


# --- what we put in ---------------------------------------------------------------------------------------------------


def hooks_for(command: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The `hooks` object that calls `command` (program and arguments, no shell) for every event of ours."""
    return {event: [{"hooks": [_entry(command, event)]}] for event in SECONDS}


def _entry(command: Sequence[str], event: str) -> dict[str, Any]:
    program, *arguments = command
    entry = {"type": "command", "command": program, "args": arguments, "timeout": SECONDS[event]}
    return entry | ({"onFailure": "block"} if event in BLOCKS_ON_FAILURE else {})


def is_ours(entry: Any) -> bool:
    """Whether a hook entry calls phasegate, in exec form or written as one shell command."""
    if not isinstance(entry, dict):
        return False
    words = (*_words(entry.get("command")), *_strings(entry.get("args")))
    named = (*(word.rpartition("/")[2] for word in words[-3:-2]), *words[-2:])
    return any(named[-len(ending) :] == ending for ending in OURS)


def _words(command: Any) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command)) if isinstance(command, str) else ()
    except ValueError:
        return ()


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


# --- putting in -------------------------------------------------------------------------------------------------------


class Style(msgspec.Struct, frozen=True):
    """How a file is laid out: its line end, and one step of its indentation."""

    newline: str
    step: str

    @classmethod
    def of(cls, text: str) -> Style:
        indented = re.search(r'^([ \t]+)["{\[]', text, re.MULTILINE)
        return cls("\r\n" if "\r\n" in text else "\n", indented.group(1) if indented else "  ")

    def render(self, value: Any, *, depth: int) -> str:
        written = json.dumps(value, indent=self.step, ensure_ascii=False)
        return written.replace("\n", self.newline + self.step * depth)


def install(text: str | None, command: Sequence[str]) -> str:
    """The settings `text` with our hooks, older ones of ours replaced; None: there is no file yet.

    Raises `UnreadableJson` or `UnusableSettings`; a file that has our hooks already comes back as it is.
    """
    wanted = hooks_for(command)
    if text is not None:
        _refuse_unusable(text)
        if _ours_in(parse(text)) == wanted:
            return text
        text = uninstall(text)
    if text is None:
        return json.dumps({"hooks": wanted}, indent=2, ensure_ascii=False) + "\n"
    return _insert(text, wanted)


def _refuse_unusable(text: str) -> None:
    problems = validate(text)
    if problems:
        raise UnusableSettings(
            "Claude Code would not read these settings: " + "; ".join(problems) + ".",
            hint="Put the entries right (one bad entry voids all hooks of a file), then run the command again.",
        )


def _ours_in(settings: Any) -> dict[str, list[dict[str, Any]]]:
    groups = {event: [group for group in groups if _is_our_group(group)] for event, groups in _events(settings)}
    return {event: found for event, found in groups.items() if found}


def _events(settings: Any) -> Iterator[tuple[str, list[Any]]]:
    hooks = settings.get("hooks", {})
    return ((event, groups) for event, groups in hooks.items() if isinstance(groups, list))


def _is_our_group(group: Any) -> bool:
    return isinstance(group, dict) and any(map(is_ours, group.get("hooks", ())))


def _insert(text: str, wanted: Mapping[str, list[dict[str, Any]]]) -> str:
    style, root = Style.of(text), opening_of(text)
    hooks = _last(parts(text, root), "hooks")
    if hooks is None:
        return _add(text, root, [f'"hooks": {style.render(wanted, depth=1)}'], style, depth=1)
    found = parts(text, hooks.value)
    fresh = {event: groups for event, groups in wanted.items() if _last(found, event) is None}
    written = [f'"{event}": {style.render(groups, depth=2)}' for event, groups in fresh.items()]
    text = _add(text, hooks.value, written, style, depth=2)
    # From the back, so that the places further up stay where they are.
    for member in sorted(found, key=lambda member: -member.value):
        if member.key in wanted and member is _last(found, member.key):
            groups = [style.render(group, depth=3) for group in wanted[member.key]]
            text = _add(text, member.value, groups, style, depth=3)
    return text


def _last(members: Sequence[Part], key: str) -> Part | None:
    """The member that counts: of two with one key the client takes the last."""
    return next((member for member in reversed(members) if member.key == key), None)


def _add(text: str, opening: int, written: Sequence[str], style: Style, *, depth: int) -> str:
    """`text` with more members or items at the end of a container, or directly behind the bracket of an empty one."""
    if not written:
        return text
    there = parts(text, opening)
    lead = style.newline + style.step * depth
    block = f",{lead}".join(written)
    at, block = (there[-1].end, f",{lead}{block}") if there else (opening + 1, block)
    return text[:at] + block + text[at:]


# --- taking out -------------------------------------------------------------------------------------------------------


class Level(msgspec.Struct, frozen=True):
    """A container on the way to our entries: which parts lead on, and whether it goes whole with those that go."""

    leads: Callable[[str, Part], bool]
    goes: Callable[[int, Sequence[Part], Sequence[bool]], bool]


Cuts = list[tuple[int, int]]


def uninstall(text: str) -> str | None:
    """The settings `text` without our hooks; None when they were all that was ever in it. Raises `UnreadableJson`."""
    if not isinstance(parse(text), dict):
        return text
    cuts = _cuts(text, opening_of(text), LEVELS)
    if cuts is None:
        return None
    for start, end in sorted(cuts, reverse=True):
        text = text[:start] + text[end:]
    return text


def _cuts(text: str, opening: int, levels: Sequence[Level]) -> Cuts | None:
    """What to cut from the container at `opening`; None when it goes whole."""
    level, *inner = levels
    there = parts(text, opening)
    below = [_cuts_in(text, part, inner) if level.leads(text, part) else [] for part in there]
    gone = [cuts is None for cuts in below]
    if there and level.goes(opening, there, gone):
        return None
    return [cut for cuts in below for cut in cuts or ()] + _spans(opening, there, gone)


def _cuts_in(text: str, part: Part, inner: Sequence[Level]) -> Cuts | None:
    return _cuts(text, part.value, inner) if inner else None


def _spans(opening: int, there: Sequence[Part], gone: Sequence[bool]) -> Cuts:
    """The text of the parts that go, each with the comma before it; the first that stay keep what stood before them."""
    stays = gone.index(False) if False in gone else len(gone)
    cuts = [(there[at - 1].end, there[at].end) for at in range(stays, len(there)) if gone[at]]
    if stays == 0:
        return cuts
    return [(there[0].start, there[stays].start) if stays < len(there) else (opening + 1, there[-1].end), *cuts]


def _in_our_brackets(opening: int, there: Sequence[Part], gone: Sequence[bool]) -> bool:
    return all(gone) and there[0].start > opening + 1


def _with_any(opening: int, there: Sequence[Part], gone: Sequence[bool]) -> bool:
    return any(gone)


def _with_all(opening: int, there: Sequence[Part], gone: Sequence[bool]) -> bool:
    return all(gone)


LEVELS: Final = (
    Level(lambda text, part: part.key == "hooks" and text[part.value] == "{", _in_our_brackets),  # the settings
    Level(lambda text, part: text[part.value] == "[", _in_our_brackets),  # events
    Level(lambda text, part: text[part.value] == "{", _in_our_brackets),  # the groups of one
    Level(lambda text, part: part.key == "hooks" and text[part.value] == "[", _with_any),  # a group
    Level(lambda text, part: is_ours(parse(text[part.value : part.end])), _with_all),  # its entries
)


# --- what the client demands ------------------------------------------------------------------------------------------


class _Hook(msgspec.Struct, tag_field="type", rename="camel"):
    only: str = msgspec.field(default="", name="if")
    timeout: Annotated[float, msgspec.Meta(gt=0)] = 1
    status_message: str = ""
    once: bool = False


class _Command(_Hook, tag="command", kw_only=True):
    command: str
    args: list[str] = []
    shell: Literal["bash", "powershell"] = "bash"
    on_failure: Literal["continue", "block"] = "continue"
    in_background: bool = msgspec.field(default=False, name="async")
    async_rewake: bool = False


class _Http(_Hook, tag="http", kw_only=True):
    url: Annotated[str, msgspec.Meta(pattern="^[A-Za-z][A-Za-z0-9+.-]*:.")]
    headers: dict[str, str] = {}
    allowed_env_vars: list[str] = []
    on_failure: Literal["continue", "block"] = "continue"


class _McpTool(_Hook, tag="mcp_tool", kw_only=True):
    server: str
    tool: str
    input: dict[str, Any] = {}


class _Prompt(_Hook, tag="prompt", kw_only=True):
    prompt: str
    model: str = ""
    continue_on_block: bool = False


class _Agent(_Hook, tag="agent", kw_only=True):
    prompt: str
    model: str = ""


class _Group(msgspec.Struct):
    hooks: list[_Command | _Http | _McpTool | _Prompt | _Agent]
    matcher: str = ""


def validate(text: str) -> tuple[str, ...]:
    """What the client would not accept in the hooks of `text`, each with its place. Raises `UnreadableJson`."""
    settings = parse(text)
    if not isinstance(settings, dict):
        return ("the file is not an object",)
    hooks = settings.get("hooks", {})
    if not isinstance(hooks, dict):
        return ("`hooks` is not an object",)
    return tuple(problem for event, groups in hooks.items() for problem in _problems(f"hooks.{event}", groups))


def _problems(place: str, groups: Any) -> Iterator[str]:
    if not isinstance(groups, list):
        yield f"`{place}` is not a list"
        return
    for at, group in enumerate(groups):
        try:
            msgspec.convert(group, _Group)
        except msgspec.ValidationError as problem:
            yield f"`{place}[{at}]`: {problem}"
