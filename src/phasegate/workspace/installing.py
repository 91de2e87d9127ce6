"""What `init` puts into a work tree and `uninstall` takes out again: all planned as edits first, then carried out."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import ClassVar

import msgspec

from phasegate.context import block
from phasegate.errors import Failure
from phasegate.settings import CI, Render
from phasegate.workspace import files
from phasegate.workspace.git import Place
from phasegate.workspace.place import RECEIPT, SETTINGS, receipt_path

SKILL = ".claude/skills/phasegate/SKILL.md"
EXCLUDE = "info/exclude"
LARGEST = 16 * 1024 * 1024

IGNORE_BEGIN, IGNORE_END = b"# phasegate:begin", b"# phasegate:end"
IGNORED = ("/state/agent_state.json", "/.claude/cache/", "/logs/errors/")

OWN_NAMES = {
    *(line[1:] for line in IGNORED), *block.FILES.values(), ".claude/settings.json", ".claude/settings.local.json",
}  # fmt: skip
"""What a project can have ignored, relative to its root."""

LINES = re.compile(r"[^\n]*\n|[^\n]+")

SKILL_MARK = "<!-- written by phasegate -->"
SKILL_TEXT = f"""\
---
name: phasegate
description: Get the instruction for the present step of the plan, or work on the step named. Use it when a hook of \
phasegate names a step, when you are told to continue the plan, and after any refusal by phasegate.
argument-hint: "[step]"
---

{SKILL_MARK}

You are asked to do this step of the plan: $ARGUMENTS

1. Run `phasegate next --prompt` and do what it says, and only that. It knows the present step; if it names another
   step than the one above, it is right.
2. When a call is refused, read the reason; `phasegate why` tells it again. Do not look for a way around it.
3. End the step by `phasegate done`. It says what is still missing, or which step is next.
"""


class BrokenMarks(Failure):
    """A file has half a block of ours, so that nobody can tell where it ends."""

    code: ClassVar[str] = "broken-marks"


class NotText(Failure):
    """A file that should be text cannot be edited as such."""

    code: ClassVar[str] = "not-text"


class NotOurs(Failure):
    """A file stands where ours belongs, and it is not ours."""

    code: ClassVar[str] = "not-ours"


class Edit(msgspec.Struct, frozen=True):
    """One file below `base`, a directory: its bytes before and after; None where there is no file."""

    base: str
    path: str
    before: bytes | None
    after: bytes | None


class Receipt(msgspec.Struct, frozen=True):
    """What `init` made in a work tree: new files and folders (absolute), and digests of what it wrote whole."""

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    digests: dict[str, str] = {}


Uninstall = Callable[[str, str], str | None]
"""Path and text of a client's settings file, to the text without our hooks; None when they were all there was."""


class Wish(msgspec.Struct, frozen=True):
    """What to put in: the settings file, where ignore lines and hooks go, and files that are written as a `whole`."""

    settings: bytes
    render: Render
    team: bool
    hooks: str
    command: tuple[str, ...] | None
    no_hooks: tuple[str, ...] = ()
    whole: dict[str, bytes] = {}


# --- putting in -------------------------------------------------------------------------------------------------------


def putting_in(
    where: Place,
    wish: Wish,
    *,
    install: Callable[[str, str | None, Sequence[str]], str],
    uninstall: Uninstall,
) -> list[Edit]:
    """The edits that fulfil `wish`, those of the hooks last; files that are right already are left out.

    `install` and `uninstall` edit the client's settings, given path and text. Nothing is written.
    """
    ignored = IGNORED + ((f"/{wish.hooks}",) if not wish.team else ())
    ignored += (f"/{block.FILES['local']}",) if wish.render == "local" else ()
    edits = [
        _edit(where.root, SETTINGS, lambda _: wish.settings),
        _edit(where.root, SKILL, _skill),
        *_ignoring(where, ignored, wish.team),
    ]
    if wish.render in block.FILES:
        edits.append(_edit(where.root, block.FILES[wish.render], lambda found: _with_block(found, wish.render)))
    edits += [_edit(where.root, path, partial(_unhooked, path, uninstall)) for path in wish.no_hooks]
    edits += [_edit(where.root, path, partial(_theirs_or, content)) for path, content in wish.whole.items()]
    if wish.command is not None:
        command = wish.command
        edits.append(
            _edit(
                where.root, wish.hooks, lambda found: install(wish.hooks, decoded(found, wish.hooks), command).encode()
            )
        )
    return [edit for edit in edits if edit.before != edit.after]


def _edit(base: str, path: str, change: Callable[[bytes | None], bytes | None]) -> Edit:
    """The edit of the file that `path` leads to."""
    before = read(base, path)
    return Edit(base, _resolved(base, path), before, change(before))


def read(base: str, path: str) -> bytes | None:
    """The bytes of the file that `path` leads to; None when nothing is there."""
    at = _resolved(base, path)
    return files.read_exactly(base, at, LARGEST) if files.state_of(base, at) is not None else None


def _resolved(base: str, path: str) -> str:
    at = files.contained(base, path)
    if at is None:
        raise files.OutsideRoot(f"{path!r} leads out of {base}.", hint="Replace the link by a directory or a file.")
    folder = os.path.dirname(os.path.join(base, at))
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        raise files.Occupied(f"{folder} is not a directory.", hint="Move away what stands there, and repeat.")
    return at


def _theirs_or(content: bytes, found: bytes | None) -> bytes:
    """What a person made of a file that we write once is theirs."""
    return content if found is None else found


def _skill(found: bytes | None) -> bytes:
    if found is not None and SKILL_MARK.encode() not in found:
        raise NotOurs(f"{SKILL} is there and was not written by phasegate.", hint="Give that skill another name.")
    return SKILL_TEXT.encode()


def _with_block(found: bytes | None, render: Render) -> bytes:
    path, document = block.FILES[render], found or b""
    _refuse_unmarked(path, document, block.BEGIN, block.END)
    if block.BEGIN in document:
        return document
    shown = block.with_block(document, block.idle_lines())
    if block.without_block(shown) != document:
        raise NotText(f"{path} ends in half a line break.", hint="Let it end in a line break or a letter.")
    return shown


def _refuse_unmarked(path: str, document: bytes, begin: bytes, end: bytes) -> None:
    if b"\0" in document:
        raise NotText(f"{path} is not text that can be added to.", hint="Save it as UTF-8.")
    marks = [document.count(begin), document.count(end)]
    if marks == [0, 0] or (marks == [1, 1] and document.index(begin) < document.index(end)):
        return
    first = min(at for at in (document.find(begin), document.find(end)) if at >= 0)
    line = document.count(b"\n", 0, first) + 1
    raise BrokenMarks(
        f"{path}:{line}: the marks of phasegate's block are not one pair.",
        hint=f"Remove the lines `{begin.decode()}` and `{end.decode()}` and what is between them.",
    )


def decoded(found: bytes | None, path: str) -> str | None:
    """The text of a file; None when there is none."""
    try:
        return None if found is None else found.decode()
    except UnicodeDecodeError as problem:
        line = (found or b"")[: problem.start].count(b"\n") + 1
        raise NotText(f"{path}:{line}: it is not UTF-8.", hint="Save it as UTF-8.") from problem


# --- ignore lines -----------------------------------------------------------------------------------------------------


def _ignoring(where: Place, lines: Sequence[str], team: bool) -> Iterator[Edit]:
    """For a team the lines are shared; for one person they stay in the clone."""
    if not team:
        lines = _and_known(where, [f"/{where.prefix}{line[1:]}" for line in lines])
    wanted = b"\n".join([IGNORE_BEGIN, *(line.encode() for line in lines), IGNORE_END])
    for base, path, here in ((where.root, ".gitignore", team), (where.common, EXCLUDE, not team)):
        if here:
            yield _edit(base, path, partial(_with_lines, path, wanted))
        elif team:
            yield _edit(base, path, lambda found: None if found is None else _without_lines(found))


def _and_known(where: Place, lines: Sequence[str]) -> list[str]:
    """With the lines that other projects of the same work tree have there already."""
    found = read(where.common, EXCLUDE) or b""
    block = found.partition(IGNORE_BEGIN)[2].partition(IGNORE_END)[0].decode("utf-8", "replace").split("\n")
    known = [line.rstrip("\r") for line in block if line.strip()]
    own = {f"/{where.prefix}{name}" for name in OWN_NAMES}
    return [*(line for line in known if line not in own and line not in lines), *lines]


def _with_lines(path: str, wanted: bytes, found: bytes | None) -> bytes:
    document = found or b""
    _refuse_unmarked(path, document, IGNORE_BEGIN, IGNORE_END)
    begin, end = document.find(IGNORE_BEGIN), document.find(IGNORE_END)
    newline = _newline(document[max(begin, 0) :])
    wanted = wanted.replace(b"\n", newline)
    if begin >= 0:
        return document[:begin] + wanted + document[end + len(IGNORE_END) :]
    return document + newline + wanted + newline if document else wanted + newline


def _newline(text: bytes) -> bytes:
    """How the first line of `text` ends; of a block of ours, how `_with_lines` ended all of its lines."""
    return b"\r\n" if text.partition(b"\n")[0].endswith(b"\r") else b"\n"


def _without_lines(document: bytes) -> bytes:
    begin, end = document.find(IGNORE_BEGIN), document.find(IGNORE_END)
    if not 0 <= begin < end:
        return document
    newline = _newline(document[begin:])
    before, after = document[:begin], document[end + len(IGNORE_END) :]
    return before.removesuffix(newline) + after.removeprefix(newline)


# --- taking out -------------------------------------------------------------------------------------------------------


def taking_out(where: Place, hooks: Iterable[str], uninstall: Uninstall) -> list[Edit]:
    """The edits that take out what `init` put in, hooks first; what a person changed since stays."""
    receipt = read_receipt(where)
    edits = [_edit(where.root, path, partial(_unhooked, path, uninstall)) for path in hooks]
    for path in block.FILES.values():
        edits.append(_stripped(where.root, path, block.without_block, receipt))
    edits.append(_stripped(where.root, ".gitignore", _without_lines, receipt))
    if not _installed_elsewhere(where):
        edits.append(_stripped(where.common, EXCLUDE, _without_lines, receipt))
    edits += [_edit(where.root, path, partial(_unless_changed, path, receipt)) for path in (SKILL, SETTINGS, *CI)]
    return [edit for edit in edits if edit.before != edit.after]


def _unhooked(path: str, uninstall: Uninstall, found: bytes | None) -> bytes | None:
    text = decoded(found, path)
    if text is None:
        return None
    left = uninstall(path, text)
    return left.encode() if left is not None else None


def _stripped(base: str, path: str, strip: Callable[[bytes], bytes], receipt: Receipt | None) -> Edit:
    """The file without our block; gone when nothing is left of a file that was not there before."""
    edit = _edit(base, path, lambda found: None if found is None else strip(found))
    ours = receipt is None or os.path.join(edit.base, edit.path) in receipt.files
    emptied = edit.after == b"" and edit.before != b""
    return msgspec.structs.replace(edit, after=None) if emptied and ours else edit


def _unless_changed(path: str, receipt: Receipt | None, found: bytes | None) -> bytes | None:
    if found is None:
        return None
    known = {digest(SKILL_TEXT.encode())} if path == SKILL else set()
    known |= {receipt.digests[path]} if receipt is not None and path in receipt.digests else set()
    return None if digest(found) in known else found


def _installed_elsewhere(where: Place) -> bool:
    """Whether another work tree of this clone still needs the lines they share."""
    trees = os.path.join(where.common, "worktrees")
    others = [
        where.common,
        *(os.path.join(trees, name) for name in (os.listdir(trees) if os.path.isdir(trees) else ())),
    ]
    ours = os.path.join(where.directory, receipt_path(where))
    stem, ending = os.path.splitext(RECEIPT)
    receipts = (
        os.path.join(other, name)
        for other in others
        for name in (os.listdir(other) if os.path.isdir(other) else ())
        if name.startswith(stem) and name.endswith(ending)
    )
    return any(receipt != ours for receipt in receipts)


def digest(content: bytes) -> str:
    """SHA-256 as hex."""
    return hashlib.sha256(content).hexdigest()


# --- carrying out -----------------------------------------------------------------------------------------------------


def put_in(where: Place, edits: Sequence[Edit]) -> None:
    """Carry out what `putting_in` planned; what is made is remembered first, so that a killed `init` can be undone."""
    folders = missing_folders(edits)
    before = read_receipt(where)
    _keep_receipt(where, _receipt(before or Receipt(), edits, folders))
    try:
        _carry_out(edits)
    except BaseException:
        _remove_empty(folders)
        _keep_receipt(where, before)
        raise


def take_out(where: Place, edits: Sequence[Edit]) -> None:
    """Carry out what `taking_out` planned, and remove the folders `init` made as far as they are empty."""
    receipt = read_receipt(where)
    _carry_out(edits)
    made = [os.path.join(where.root, name) for name in (".claude", ".claude/skills", ".claude/skills/phasegate")]
    if receipt is not None or edits:
        _remove_empty(receipt.folders if receipt is not None else made)
    _keep_receipt(where, None)


def _carry_out(edits: Sequence[Edit]) -> None:
    """Write every edit in order; when one fails or somebody interrupts, put back those before it."""
    done: list[Edit] = []
    try:
        for edit in edits:
            done.append(edit)
            _write(edit.base, edit.path, edit.after)
    except BaseException:
        for edit in reversed(done):
            with suppress(Failure, OSError):
                _write(edit.base, edit.path, edit.before)
        raise


def _write(base: str, path: str, content: bytes | None) -> None:
    if content is None:
        files.remove(base, path)
    else:
        files.place(base, path, content)


def missing_folders(edits: Iterable[Edit]) -> tuple[str, ...]:
    """The folders (absolute) that the edits will make, outer ones first."""
    found: set[str] = set()
    for edit in edits:
        folder = os.path.dirname(os.path.join(edit.base, edit.path))
        while edit.after is not None and not os.path.isdir(folder):
            found.add(folder)
            folder = os.path.dirname(folder)
    return tuple(sorted(found))


def _remove_empty(folders: Iterable[str]) -> None:
    """Remove those of `folders` that are empty, inner ones first."""
    for folder in sorted(folders, reverse=True):
        with suppress(OSError):
            os.rmdir(folder)


def difference(edits: Iterable[Edit]) -> str:
    """The edits as one unified difference."""
    return "".join(_difference(edit) for edit in edits)


def _difference(edit: Edit) -> str:
    old, new = (LINES.findall((side or b"").decode("utf-8", "replace")) for side in (edit.before, edit.after))
    name = edit.path if not edit.path.startswith("info/") else f".git/{edit.path}"
    names = ("/dev/null" if edit.before is None else f"a/{name}", "/dev/null" if edit.after is None else f"b/{name}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(old, new, *names)
    )


# --- the receipt ------------------------------------------------------------------------------------------------------


def read_receipt(where: Place) -> Receipt | None:
    """What was made here; None when `init` never ran, or what it left cannot be read."""
    try:
        with open(os.path.join(where.directory, receipt_path(where)), "rb") as file:
            return msgspec.json.decode(file.read(1 << 20), type=Receipt)
    except (OSError, msgspec.DecodeError):
        return None


def _receipt(old: Receipt, edits: Sequence[Edit], folders: Sequence[str]) -> Receipt:
    """What was made so far and what the edits will make."""
    made = tuple(os.path.join(edit.base, edit.path) for edit in edits if edit.before is None)
    whole = {edit.path: digest(edit.after or b"") for edit in edits if edit.path in (SKILL, SETTINGS, *CI)}
    return Receipt(
        tuple(dict.fromkeys((*old.files, *made))), tuple(dict.fromkeys((*old.folders, *folders))), old.digests | whole
    )


def _keep_receipt(where: Place, receipt: Receipt | None) -> None:
    _write(where.directory, receipt_path(where), msgspec.json.encode(receipt) if receipt is not None else None)
