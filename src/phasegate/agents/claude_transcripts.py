"""Finds the transcripts Claude Code left of a repository, and reads them in our words; damaged lines are counted."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, BinaryIO, Literal

import msgspec

from phasegate.plain import TERMINAL
from phasegate.report.lookback.seen import At, Claim, Cost, Edit, Event, Key, Prompt, Ran, Scan, Session, Unread

SLUG = 200
"""Characters of a folder's name after which the client cuts it and appends a hash."""

IDLE = 300.0
"""Seconds without a line after which nobody was at work."""

LAST = 1 << 16
"""Bytes at the end of a transcript among which the last words about its cost are looked for."""

EDITS = ("Edit", "Write", "MultiEdit", "NotebookEdit")
_SKIPPED = re.compile(rb'"type":"(?:api-request|api-request-blob|api-request-shape|file-history-\w+)"')


_SESSION = re.compile(r"[0-9A-Fa-f-]{36}")


class Caps(msgspec.Struct, frozen=True):
    """What is read at most."""

    line: int = 8 << 20
    lines: int = 200_000
    file: int = 256 << 20
    total: int = 1 << 30
    files: int = 2000
    text: int = 200_000
    """Characters kept of one text; all of it is scanned for keys."""


class Transcript(msgspec.Struct, frozen=True):
    """A session's file and those of its subagents."""

    path: str
    subagents: tuple[str, ...]
    modified: float


def transcripts_home(environment: Mapping[str, str]) -> str:
    """Where the client keeps its transcripts."""
    home = environment.get("CLAUDE_CONFIG_DIR") or os.path.join(
        environment.get("HOME") or os.path.expanduser("~"), ".claude"
    )
    return os.path.join(home, "projects")


def slug(path: str) -> str:
    """The folder name the client gives to a working directory: all but ASCII letters and digits become dashes."""
    return "".join(
        "-" * (2 if ord(char) > 0xFFFF else 1) if not (char.isascii() and char.isalnum()) else char for char in path
    )


def find(home: str, roots: Sequence[str], since: float, caps: Caps, unread: list[Unread]) -> list[Transcript]:
    """The sessions that began in one of `roots` or below, written after `since`, oldest first.

    The folder's name is ambiguous (`/a-b` and `/a/b`), so the directory the transcript itself names decides.
    """
    slugs = [slug(root)[:SLUG] for root in roots]
    try:
        folders = sorted(os.listdir(home))
    except OSError:
        return []
    near = [name for name in folders if any(name == s or name.startswith((s + "-", s)) for s in slugs)]
    found = [t for name in near for t in in_folder(os.path.join(home, name)) if _began_in(t.path, roots, caps)]
    return _newest(found, since, caps, unread)


def given(path: str, since: float, caps: Caps, unread: list[Unread]) -> list[Transcript]:
    """The sessions a person named: one file, or all below a folder."""
    if os.path.isfile(path):
        return [_transcript(path)]
    found = in_folder(path)
    for folder, names, _ in os.walk(path):
        names[:] = sorted(name for name in names if name != "subagents")
        found += [t for name in names for t in in_folder(os.path.join(folder, name))]
    return _newest(found, since, caps, unread)


def in_folder(folder: str) -> list[Transcript]:
    """The sessions that lie in one folder."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".jsonl") and not name.startswith("agent-"))
    except OSError:
        return []
    return [_transcript(os.path.join(folder, name)) for name in names if os.path.isfile(os.path.join(folder, name))]


def _transcript(path: str) -> Transcript:
    folder = os.path.join(path.removesuffix(".jsonl"), "subagents")
    below = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith(".jsonl")]
    return Transcript(path, tuple(sorted(below)), os.stat(path).st_mtime)


def _newest(found: list[Transcript], since: float, caps: Caps, unread: list[Unread]) -> list[Transcript]:
    recent = sorted((t for t in found if t.modified >= since), key=lambda t: (t.modified, t.path))
    if len(recent) > caps.files:
        unread.append(Unread("transcripts", f"more than {caps.files}: the newest were read", len(recent) - caps.files))
    return recent[-caps.files :]


def _began_in(path: str, roots: Sequence[str], caps: Caps) -> bool:
    try:
        with open(path, "rb") as file:
            for _ in range(50):
                record = _decoded(file.readline(caps.line))
                where = record.get("cwd") if record else None
                if isinstance(where, str):
                    return inside(where, roots)
    except OSError:
        return False
    return False


def inside(path: str, roots: Sequence[str]) -> bool:
    """Whether `path` is one of `roots` or lies below one."""
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)


def read(transcript: Transcript, roots: Sequence[str], scan: Scan, caps: Caps, unread: list[Unread]) -> Session:
    """One session with its subagents, whatever the bytes are; what was not read goes to `unread`."""
    folder = os.path.dirname(transcript.path)
    readers = [_Reader(path, os.path.relpath(path, folder), roots, scan, caps, main=path == transcript.path)
               for path in (transcript.path, *transcript.subagents)]  # fmt: skip
    for reader in readers:
        reader.read()
        unread += reader.unread()
    main = readers[0]
    events = sorted((event for reader in readers for event in reader.events), key=lambda event: event.time)
    times = sorted(time for reader in readers for time in reader.times)
    active, idle = _at_work(times, {event.time for event in main.events if isinstance(event, Prompt) and event.own})
    tokens = [sum(column) for column in zip(*(reader.tokens() for reader in readers), strict=True)]
    cost = Cost(main.usd, tokens[0], tokens[1], tokens[2], active, idle)
    keys = tuple({key.fingerprint: key for reader in reversed(readers) for key in reversed(reader.keys)}.values())
    whole = not any(reader.damaged or reader.cut for reader in readers) and not main.launched_unseen(len(readers) - 1)
    name = os.path.basename(transcript.path).removesuffix(".jsonl")
    first, last = (times[0], times[-1]) if times else (transcript.modified, transcript.modified)
    return Session(name, At(main.name, 1), first, last, tuple(events), keys[::-1], cost, whole)


def _at_work(times: Sequence[float], prompts: set[float]) -> tuple[float, float]:
    """Seconds at work and idle: a gap is idle when it is long, or ends with a person's prompt."""
    active = idle = 0.0
    for before, after in pairwise(times):
        if after - before > IDLE or after in prompts:
            idle += after - before
        else:
            active += after - before
    return active, idle


class _Reader:
    """One file as a stream of lines."""

    def __init__(self, path: str, name: str, roots: Sequence[str], scan: Scan, caps: Caps, *, main: bool) -> None:
        self.path, self.name, self.roots, self.scan, self.caps, self.main = path, name, roots, scan, caps, main
        self.events: list[Event] = []
        self.times: list[float] = []
        self.keys: list[Key] = []
        self.usd: float | None = None
        self.damaged = 0
        self.cut = ""
        self._usage: dict[str, tuple[int, int, int]] = {}
        self._calls: dict[str, tuple[str, dict[str, Any], At]] = {}
        self._said: Claim | None = None
        self._launched = 0
        self._time = 0.0

    def read(self) -> None:
        try:
            with open(self.path, "rb") as file:
                for number, line in self._lines(file):
                    record = None if _SKIPPED.search(line[:200]) else _decoded(line)
                    if record is not None:
                        self._record(record, number)
                    elif line.strip() and not _SKIPPED.search(line[:200]):
                        self.damaged += 1
        except OSError as problem:
            self.cut = problem.strerror or "unreadable"
        self._ended()

    def unread(self) -> list[Unread]:
        found = [Unread(f"lines of {self.name}", "damaged or too long", self.damaged)] if self.damaged else []
        return [*found, Unread(f"the rest of {self.name}", self.cut)] if self.cut else found

    def tokens(self) -> tuple[int, int, int]:
        columns = list(zip(*self._usage.values(), strict=True)) or [(), (), ()]
        return sum(columns[0]), sum(columns[1]), sum(columns[2])

    def launched_unseen(self, seen: int) -> bool:
        """Whether more subagents were started than left a transcript: what they did is not known."""
        return self._launched > seen

    def _lines(self, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
        done = 0
        for number in range(1, self.caps.lines + 2):
            line = file.readline(self.caps.line)
            if not line:
                return
            done += len(line)
            if number > self.caps.lines or done > self.caps.file:
                self.cut = f"longer than {self.caps.lines} lines or {self.caps.file >> 20} MiB"
                return
            if not line.endswith(b"\n") and len(line) == self.caps.line:
                self.damaged += 1
                while (rest := file.readline(self.caps.line)) and not rest.endswith(b"\n"):
                    done += len(rest)
                continue
            yield number, line

    def _record(self, record: dict[str, Any], number: int) -> None:
        at = At(self.name, number)
        self._time = _time(record.get("timestamp")) or self._time
        match record.get("type"):
            case "user" | "assistant" as who:
                self.times.append(self._time)
                message = record.get("message")
                if isinstance(message, dict):
                    self._message(who, record, message, at)
            case "cost-state":
                usd = _dollars(record)
                self.usd = self.usd if usd is None else usd
            case "attachment":
                hook = record.get("attachment")
                if isinstance(hook, dict) and str(hook.get("type")).startswith("hook_"):
                    self._ran(at, _text(hook.get("command")), "", _text(hook.get("stdout")))

    def _message(self, who: str, record: dict[str, Any], message: dict[str, Any], at: At) -> None:
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for block in blocks if isinstance(blocks, list) else []:
            if not isinstance(block, dict):
                continue
            match block.get("type"):
                case "text" if who == "user":
                    self._asked(record, _text(block.get("text")), at)
                case "text":
                    self._spoke(message, _text(block.get("text")), at)
                case "tool_use":
                    self._called(block, at)
                case "tool_result":
                    self._returned(record, block, at)
        self._count(message)

    def _asked(self, record: dict[str, Any], text: str, at: At) -> None:
        """A prompt; what the client puts in by itself (notes, hook reasons, summaries) ends no turn of a person."""
        self._scanned(text, at, "a prompt")
        origin = record.get("origin")
        own = not (record.get("isMeta") or record.get("isCompactSummary") or isinstance(origin, dict) or not self.main)
        self._ended()
        self.events.append(Prompt(at, text[: self.caps.text], self._time, own and not text.startswith("<")))

    def _spoke(self, message: dict[str, Any], text: str, at: At) -> None:
        self._scanned(text, at, "the agent's words")
        if message.get("stop_reason") in (None, "end_turn", "stop_sequence") and self.main and text.strip():
            self._said = Claim(at, text[: self.caps.text], self._time)

    def _ended(self) -> None:
        if self._said is not None:
            self.events.append(self._said)
        self._said = None

    def _called(self, block: dict[str, Any], at: At) -> None:
        self._said = None
        given = block.get("input")
        given = given if isinstance(given, dict) else {}
        name, call = str(block.get("name")), str(block.get("id"))
        self._scanned("\n".join(_texts(given)), at, f"a call of {name[:40]}")
        self._launched += self.main and name in ("Task", "Agent")
        if len(self._calls) < 10_000:
            self._calls[call] = (name, given, at)

    def _returned(self, record: dict[str, Any], block: dict[str, Any], at: At) -> None:
        text = _text(block.get("content"))
        name, given, called = self._calls.pop(str(block.get("tool_use_id")), ("", {}, at))
        self._scanned(text, at, f"what {name[:40] or 'a tool'} returned")
        failed = block.get("is_error") is True
        if name in EDITS and not failed:
            self._edited(name, given, record.get("toolUseResult"), called)
        elif name == "Bash":
            background = bool(given.get("run_in_background"))
            self._ran(called, _text(given.get("command")), "" if background else "failed" if failed else "ok", text)
        elif name.startswith("mcp__"):
            self._ran(called, name, "", text)

    def _ran(self, at: At, command: str, ended: Literal["ok", "failed", ""], output: str) -> None:
        output = TERMINAL.sub("", output)
        kept = output if len(output) <= 20_000 else output[:4000] + "\n" + output[-16_000:]
        self.events.append(Ran(at, command[:20_000], ended, kept, self._time))

    def _edited(self, name: str, given: dict[str, Any], result: Any, at: At) -> None:
        path = _text(given.get("file_path") or given.get("notebook_path"))
        within = inside(path, self.roots)
        root = next((root for root in self.roots if inside(path, [root])), "")
        short = path[len(root) :].lstrip("/") if root else path
        before, after, whole = _versions(name, given, result if isinstance(result, dict) else {})
        whole = whole and max(len(before), len(after)) <= self.caps.text
        self.events.append(
            Edit(at, short, before[: self.caps.text], after[: self.caps.text], whole, self._time, within)
        )

    def _count(self, message: dict[str, Any]) -> None:
        usage, name = message.get("usage"), message.get("id")
        if isinstance(usage, dict) and isinstance(name, str) and len(self._usage) < 100_000:
            read = [
                usage.get(key)
                for key in ("input_tokens", "cache_creation_input_tokens", "output_tokens", "cache_read_input_tokens")
            ]
            put, made, out, cached = (n if isinstance(n, int) and 0 <= n < 1 << 40 else 0 for n in read)
            self._usage[name] = (put + made, out, cached)

    def _scanned(self, text: str, at: At, where: str) -> None:
        if len(self.keys) < 1000:
            self.keys += [Key(at, found.rule, found.fingerprint, where) for found in self.scan(text)]


def _versions(name: str, given: dict[str, Any], result: dict[str, Any]) -> tuple[str, str, bool]:
    """A file before and after an edit: whole, where the client kept what stood there before; else the part replaced."""
    original = result.get("originalFile")
    if name == "Write":
        known = isinstance(original, str) or result.get("type") == "create"
        return original if isinstance(original, str) else "", _text(given.get("content")), known
    pairs = given.get("edits") if isinstance(given.get("edits"), list) else [given]
    edits = [(_text(e.get("old_string")), _text(e.get("new_string")), bool(e.get("replace_all")))
             for e in pairs or [] if isinstance(e, dict)]  # fmt: skip
    if isinstance(original, str) and edits and name != "NotebookEdit":
        after, applied = original, True
        for old, new, everywhere in edits:
            applied = applied and bool(old) and old in after
            after = after.replace(old, new) if everywhere else after.replace(old, new, 1)
        return original, after, applied and result.get("userModified") is not True
    return "\n".join(old for old, _, _ in edits), "\n".join(new for _, new, _ in edits), False


def cost_of(home: str, session: str) -> float:
    """US dollars that a session names last in its transcript, all its processes together; 0.0 when it names none.

    A client that is asked to end writes them there and prints no result; one that is killed writes nothing.
    """
    if not _SESSION.fullmatch(session):
        return 0.0
    for path in glob.glob(os.path.join(glob.escape(home), "*", f"{session}.jsonl")):
        for line in reversed(_end_of(path).splitlines()):
            record = _decoded(line)
            if record is not None and record.get("type") == "cost-state":
                return _dollars(record) or 0.0
    return 0.0


def _end_of(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LAST))
            return file.read(LAST)
    except OSError:
        return b""


def _dollars(record: dict[str, Any]) -> float | None:
    usd = record.get("totalCostUSD")
    return float(usd) if isinstance(usd, int | float) and 0 <= usd < 1e9 else None


def _decoded(line: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(value: Any) -> str:
    """The text of a value of the Messages API: as it is, or its text blocks."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(
            block["text"] for block in value if isinstance(block, dict) and isinstance(block.get("text"), str)
        )
    return ""


def _texts(value: Any, depth: int = 6) -> list[str]:
    """Every text within a tool's input."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in _texts(item, depth - 1)] if depth else []


def _time(value: Any) -> float:
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
