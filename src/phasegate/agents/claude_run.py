"""Claude Code run with nobody at the terminal: the words that start it, and what the lines it prints come to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from phasegate.ledger.driving import ClientEnding, Tokens

LARGEST_LINE: Final = 8 * 1024 * 1024
"""Bytes of a line that are still read; what is longer only shows that the client lives."""

LARGEST_SAID: Final = 1000
MOST_MESSAGES: Final = 20_000
BIGGEST: Final = 10**15
"""Counts above this are no counts; milliseconds until the year 33658 fit."""

BASE_RULES: Final = ("Bash(phasegate:*)",)
"""What a client that is driven alone may do without asking, beside editing files: call phasegate."""

MODE: Final = "acceptEdits"
"""Edits need no prompt, for phasegate judges each; anything else that no rule allows is refused by the client."""

DENIED: Final = ("authentication_failed", "billing_error", "oauth_org_not_allowed", "model_not_found")
"""Errors, as the client calls them, that no waiting mends."""

CANNOT_MEND: Final = (401, 402, 403, 404)

WITHHELD: Final = ("CLAUDECODE", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_PID", "CLAUDE_PROJECT_DIR")
"""Marks of a client around us, which its child would take for its own."""


class Start(msgspec.Struct, frozen=True):
    """How to start the client: either a new `session` or one to `resume`; `budget_usd` 0 means none.

    `around` is the work tree of a project that lies below its root: files there may be edited too.
    """

    program: str
    prompt: str
    session: str
    rules: tuple[str, ...] = BASE_RULES
    resume: bool = False
    model: str = ""
    budget_usd: float = 0.0
    around: str = ""


class Ending(msgspec.Struct, frozen=True):
    """How a client ended, in its own last words, with what this process of it used; see `ClientEnded`."""

    how: ClientEnding
    said: str = ""
    session: str = ""
    turns: int = 0
    cost_usd: float = 0.0
    tokens: Tokens = Tokens()
    until_ms: int = 0


class Spent(msgspec.Struct, frozen=True):
    """What a session had used before: a client that resumes it counts that in."""

    cost_usd: float = 0.0
    tokens: Tokens = Tokens()


def argv(start: Start) -> list[str]:
    """The command line. The rules come last: that option takes every word that follows it, as the folders' does."""
    words = [start.program, "-p", start.prompt, "--resume" if start.resume else "--session-id", start.session]
    words += ["--output-format", "stream-json", "--verbose", "--include-partial-messages"]
    words += ["--add-dir", start.around] if start.around else []
    words += ["--permission-mode", MODE]
    words += ["--model", start.model] if start.model else []
    words += ["--max-budget-usd", f"{start.budget_usd:.4f}"] if start.budget_usd else []
    return [*words, "--allowedTools", *start.rules]


def environment(around: Mapping[str, str], *, commands: str) -> dict[str, str]:
    """The person's own, in which `phasegate` is found in the folder `commands`, and the client keeps its version."""
    kept = {name: value for name, value in around.items() if name not in WITHHELD and not name.startswith("GIT_")}
    path = os.pathsep.join((commands, kept.get("PATH", os.defpath)))
    return kept | {"DISABLE_AUTOUPDATER": "1", "PATH": path}


# --- reading ----------------------------------------------------------------------------------------------------------


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0


class _ModelUsage(msgspec.Struct, rename="camel"):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0


def _tokens(usage: _Usage | _ModelUsage) -> Tokens:
    return Tokens(
        _count(usage.input_tokens), _count(usage.output_tokens),
        _count(usage.cache_read_input_tokens), _count(usage.cache_creation_input_tokens),
    )  # fmt: skip


class _Message(msgspec.Struct):
    id: str = ""
    model: str = ""
    usage: _Usage | None = None


class _StreamEvent(msgspec.Struct):
    type: str = ""
    message: _Message | None = None
    usage: _Usage | None = None


class _Limit(msgspec.Struct, rename="camel"):
    status: str = ""
    resets_at: float = 0


Fields = dict[str, msgspec.Raw]


class Reader:
    """Reads the client's lines one by one; `ending` says what they came to. Nothing it is given makes it fail."""

    def __init__(self, before: Spent = Spent()) -> None:  # noqa: B008
        self.session = ""
        self.doing = ""
        self._before = before
        self._usage: dict[str, Tokens] = {}
        self._open = ""
        self._limit_ms = 0
        self._result: Fields | None = None
        self._problem = ""

    @property
    def turns(self) -> int:
        """Answers of the model so far, each whole."""
        return len(self._usage)

    @property
    def tokens(self) -> Tokens:
        """What the client used so far."""
        told = self._of_models()
        return told if told is not None else total(self._usage.values())

    def hear(self, line: bytes) -> None:
        """Take one line of the client's stdout."""
        if len(line) > LARGEST_LINE:
            return
        try:
            fields = msgspec.json.decode(line, type=Fields)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        self.session = _text(fields, "session_id")[:100] or self.session
        match _text(fields, "type"):
            case "assistant":
                self._assistant(fields)
            case "stream_event":
                self._event(_as(fields, "event", _StreamEvent) or _StreamEvent())
            case "rate_limit_event":
                self._limit(_as(fields, "rate_limit_info", _Limit) or _Limit())
            case "system" if _text(fields, "subtype") == "api_retry":
                status = int(_number(fields, "error_status"))
                self.doing = f"tries again ({_text(fields, 'error')[:40]}{f', {status}' if status else ''})"
            case "result":
                self._result = fields

    def _assistant(self, fields: Fields) -> None:
        self.doing = ""
        if _text(fields, "error"):
            self._problem = _text(fields, "error")
            return
        message = _as(fields, "message", _Message)
        if message is not None and message.model != "<synthetic>" and len(self._usage) < MOST_MESSAGES:
            known = self._usage.get(message.id, Tokens())
            self._usage[message.id] = _most(known, _tokens(message.usage or _Usage()))

    def _event(self, event: _StreamEvent) -> None:
        if event.type == "message_start" and event.message is not None:
            self._open = event.message.id
        elif event.type == "message_delta" and event.usage is not None and self._open in self._usage:
            self._usage[self._open] = _most(self._usage[self._open], _tokens(event.usage))

    def _limit(self, limit: _Limit) -> None:
        if limit.status == "rejected":
            self._limit_ms = _count(limit.resets_at * 1000)

    def _of_models(self) -> Tokens | None:
        if self._result is None:
            return None
        models = _as(self._result, "modelUsage", dict[str, _ModelUsage])
        return _less(total(map(_tokens, models.values())), self._before.tokens) if models else None

    # --- the end ------------------------------------------------------------------------------------------------------

    def ending(self, exit_code: int, *, errors: str = "", ours: ClientEnding | None = None) -> Ending:
        """How it ended; `errors` is the end of its stderr, `ours` why we ended it, if we did."""
        how, said = self._how(exit_code, errors)
        until = self._limit_ms if how == "usage_limit" else 0
        return Ending(ours or how, said[:LARGEST_SAID], self.session, self.turns, self._cost(), self.tokens, until)

    def _cost(self) -> float:
        if self._result is None:
            return 0.0
        return min(max(0.0, _number(self._result, "total_cost_usd") - self._before.cost_usd), 1e9)

    def _how(self, exit_code: int, errors: str) -> tuple[ClientEnding, str]:
        if self._result is None:
            by = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
            return "died", f"{by} before it said a result{': ' if errors else ''}{errors[-300:]}"
        said = _text(self._result, "result") or "; ".join(_as(self._result, "errors", list[str]) or ())
        if not _as(self._result, "is_error", bool) or _text(self._result, "subtype").startswith("error_max"):
            return "ended", said
        return self._refused(), said

    def _refused(self) -> ClientEnding:
        assert self._result is not None
        named, status = _text(self._result, "api_error"), int(_number(self._result, "api_error_status"))
        if named == "usage_limit_reached" or (status == 429 and self._limit_ms):
            return "usage_limit"
        if status == 529 or _text(self._result, "api_error_type") == "overloaded_error":
            return "overloaded"
        if status == 429:
            return "rate_limited"
        if named == "connection_failed":
            return "network"
        return "denied" if self._problem in DENIED or status in CANNOT_MEND else "api_error"


def total(used: Any) -> Tokens:
    """The sum of tokens."""
    items: Sequence[Tokens] = tuple(used)
    return Tokens(
        sum(one.input for one in items), sum(one.output for one in items),
        sum(one.cache_read for one in items), sum(one.cache_written for one in items),
    )  # fmt: skip


def _less(one: Tokens, other: Tokens) -> Tokens:
    pairs = zip(msgspec.structs.astuple(one), msgspec.structs.astuple(other), strict=True)
    return Tokens(*(max(0, more - less) for more, less in pairs))


def _most(one: Tokens, other: Tokens) -> Tokens:
    return Tokens(*map(max, msgspec.structs.astuple(one), msgspec.structs.astuple(other)))


def _count(value: float) -> int:
    return int(min(max(0, value), BIGGEST)) if value == value else 0


def _as(fields: Fields, key: str, kind: Any) -> Any:
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return msgspec.json.decode(fields[key], type=kind) if key in fields else None
    return None


def _text(fields: Fields, key: str) -> str:
    return _as(fields, key, str) or ""


def _number(fields: Fields, key: str) -> float:
    value = _as(fields, key, float)
    return value if isinstance(value, float) and abs(value) <= BIGGEST else 0.0
