"""Which files `phasegate plan import` reads, and what they say, within limits on size and number."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator

from msgspec import Struct

from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import readable
from phasegate.errors import Exit, Failure
from phasegate.plain import line
from phasegate.workflow.importing import comments, openspec, readers, recognise
from phasegate.workflow.importing.draft import Draft, Form, LeftOut, Source
from phasegate.workspace import files, git

LARGEST = 1024 * 1024
MOST_FILES = 300
MOST_COMMENTED = 20_000

_TASKS = ("specs/*", ".specify/specs/*", "openspec/changes/*", "changes/*")
_ORDER: tuple[Form, ...] = ("readme", "todo", "checklist", "issue", "spec-kit", "openspec")


class NothingToImport(Failure):
    """What was named is not there, or nothing in it is of a form that is read."""

    code = "nothing-to-import"
    exit_code = Exit.USAGE


class Read(Struct, frozen=True):
    """What was read: a draft of each source, and the files that were found but not read."""

    drafts: tuple[Draft, ...]
    left_out: tuple[LeftOut, ...] = ()


def read_stdin(form: Form | None, link: str) -> Read:
    """The text on standard input: an issue unless said otherwise."""
    data = sys.stdin.buffer.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise files.TooLarge(f"Standard input is larger than {LARGEST} bytes.", hint="Import a part of it.")
    if not data.strip():
        raise NothingToImport("Standard input is empty.", hint="Pipe a text, as in `gh issue view 7 | phasegate plan "
                              "import -`.")  # fmt: skip
    text = data.decode("utf-8", "replace")
    label = link or "standard input"
    return Read((readers.draft(Source(label, text, form or "issue", link)),))


def read_path(root: str, path: str, form: Form | None, *, plan: str, todo_comments: bool) -> Read:
    """What the file or folder at `path` says; `plan` itself is no source."""
    inside = files.contained(root, path)
    if inside is None:
        raise files.OutsideRoot(f"{readable(path)} lies outside of {root}.",
                                hint=f"Pipe it: `phasegate plan import - < {readable(path)}`.")  # fmt: skip
    folder = os.path.join(root, inside)
    if os.path.isfile(folder):
        found, skipped = [inside], list[LeftOut]()
    elif os.path.isdir(folder):
        found, skipped = _in_folder(root, "" if inside == "." else inside)
    else:
        raise NothingToImport(f"There is no {readable(path)}.", hint="Name a file, a folder, or - for standard input.")
    found = [one for one in found if one != plan]
    drafts, left = _drafted(root, found[:MOST_FILES], form)
    left += [LeftOut(one, 0, one, f"more than {MOST_FILES} files") for one in found[MOST_FILES:]]
    if todo_comments:
        output.progress("phasegate: searching the source files for TODO and FIXME comments")
        drafts.append(comments.draft(_commented(root, inside)))
    if not drafts and not left and not skipped:
        raise NothingToImport(
            f"Nothing in {readable(path)} is of a form that is read: README, TODO, ROADMAP or check list as Markdown "
            "or plain text, specs/*/tasks.md, openspec/changes/*/tasks.md.",
            hint="Name the file itself, or see `phasegate plan import --help`.",
        )
    if not drafts:
        first = (*left, *skipped)[0]
        raise NothingToImport(f"{line(first.label)} was not imported: {first.why}.",
                              hint="Save it as UTF-8 Markdown or plain text, or say with --as what it is.")  # fmt: skip
    return Read(tuple(drafts), (*skipped, *left))


def _drafted(root: str, paths: list[str], form: Form | None) -> tuple[list[Draft], list[LeftOut]]:
    drafts: list[Draft] = []
    left: list[LeftOut] = []
    for path in paths:
        try:
            text = files.read_capped(root, path, LARGEST).decode("utf-8")
        except UnicodeDecodeError:
            left.append(LeftOut(path, 0, path, "is not UTF-8"))
            continue
        except Failure as failure:
            left.append(LeftOut(path, 0, path, failure.message))
            continue
        known = form or recognise.form_of(path, text)
        if known is None:
            left.append(LeftOut(path, 0, path, f"no importer reads {os.path.splitext(path)[1]} files"))
            continue
        draft = readers.draft(Source(path, text, known, path, recognise.group_of(path)))
        drafts.append(openspec.with_why(draft, _beside(root, path, "proposal.md")) if known == "openspec" else draft)
    return sorted(drafts, key=lambda draft: _ORDER.index(draft.source.form)), left


def _beside(root: str, path: str, name: str) -> str:
    try:
        return files.read_capped(root, os.path.join(os.path.dirname(path), name), LARGEST).decode("utf-8", "replace")
    except Failure:
        return ""


def _in_folder(root: str, folder: str) -> tuple[list[str], list[LeftOut]]:
    """The paths, relative to the root, of what may be a plan in a folder; and what is passed over."""
    found: list[str] = []
    skipped: list[LeftOut] = []
    for place in (folder, os.path.join(folder, "docs")):
        found += [one for one in _names(root, place, directories=False) if recognise.ROOT_FILES.match(_last(one))]
    alone = ("*",) if _last(folder) in ("specs", "changes") else ()
    for pattern in (*_TASKS, *alone):
        above = os.path.join(folder, os.path.dirname(pattern)) if os.path.dirname(pattern) else folder
        for change in _names(root, above, directories=True):
            tasks = f"{change}/tasks.md"
            if _last(change) == "archive":
                skipped.append(LeftOut(change, 0, change, "archived changes are done"))
            elif os.path.isfile(os.path.join(root, tasks)):
                found.append(tasks)
            elif os.path.isfile(os.path.join(root, change, "proposal.md")):
                skipped.append(LeftOut(f"{change}/proposal.md", 0, change, "a proposal without a tasks.md"))
    return list(dict.fromkeys(found)), skipped


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _names(root: str, folder: str, *, directories: bool) -> list[str]:
    """The files, or folders, in `folder` by name; links are neither."""
    try:
        with os.scandir(os.path.join(root, folder)) as entries:
            names = [
                entry.name for entry in entries
                if (entry.is_dir(follow_symlinks=False) if directories else entry.is_file(follow_symlinks=False))
            ]  # fmt: skip
    except OSError:
        return []
    return [os.path.join(folder, name) for name in sorted(names, key=_by_number)]


def _by_number(name: str) -> tuple[object, ...]:
    return tuple((int(part), "") if part.isdigit() else (10**9, part) for part in re.split(r"(\d{1,9})", name))


def _commented(root: str, inside: str) -> Iterator[Source]:
    """The source files that git knows or would add, beneath `inside`: text of a size that people write."""
    with tempfile.TemporaryDirectory() as scratch:
        listed = git.run(
            ["-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", inside],
            environment=git.clean_environment(), scratch=scratch,
        ).output  # fmt: skip
    for name in sorted(set(listed.split(b"\0")[:-1]))[:MOST_COMMENTED]:
        path = os.fsdecode(name)
        if path.lower().endswith((".md", ".markdown", ".rst", ".txt", ".lock", ".svg", ".json", ".min.js")):
            continue
        try:
            data = files.read_capped(root, path, LARGEST)
        except Failure:
            continue
        if b"\0" not in data and any(mark.encode() in data for mark in comments.MARKS):
            yield Source(readable(path), data.decode("utf-8", "replace"), "todo")
