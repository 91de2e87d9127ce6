"""What a change of a watched file comes to: which of its lines bend how work is judged, and which are anybody's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import msgspec

MOST_SHOWN = 300
"""Characters of one line of evidence."""

PUT_BACK = re.compile(
    r"\.claude/settings(?:\.local)?\.json"
    r"|\.git/(?:info/.*|phasegate/.*)|.*/trusted\.json"
)
"""What is phasegate's own, or keeps work out of sight: put back where one call alone can have changed it."""

HARMLESS_SECTIONS = frozenset(
    "advice branch color column fetch gc gui init lfs log maintenance pull push rebase rerere stash tag user".split()
)
HARMLESS_OF_A_REMOTE = frozenset("fetch gh-resolved prune prunetags pushurl skipfetchall tagopt url".split())
HARMLESS_OF_A_SUBMODULE = frozenset("active branch fetchrecursesubmodules ignore shallow url".split())
HARMLESS_OF_CORE = frozenset(
    "abbrev compression logallrefupdates packedgitlimit quotepath repositoryformatversion".split()
)
"""What git's own commands write into its configuration in ordinary work: it starts no program and hides nothing."""

OF_A_PERSON = frozenset(
    "alwaysThinkingEnabled cleanupPeriodDays disabledMcpjsonServers effortLevel enabledMcpjsonServers "
    "feedbackSurveyState forceLoginMethod language model outputStyle preferredNotifChannel showTurnDuration "
    "spinnerTipsEnabled terminalProgressBarEnabled theme verbose".split()
)
"""Settings that a client keeps when its person clicks; they limit nobody but that person."""

PERMISSION_LISTS = frozenset(("allow", "ask", "deny", "additionalDirectories"))

VIRTUALENV = "import _virtualenv"
"""The line by which every environment that virtualenv makes begins."""

_SECTION = re.compile(r'\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]')
_VARIABLE = re.compile(r"([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?$", re.DOTALL)

Reading = Callable[[str], Iterable[str]]


def bends(name: str, before: bytes | None, after: bytes | None) -> tuple[str, ...]:
    """What in a change of the watched file `name` bends how work is judged, as lines to show; none: it is harmless.

    What cannot be read counts as changed.
    """
    reading = _reading(name)
    if reading is None:
        return () if before == after else (_said(name, before, after),)
    try:
        was, now = set(reading(_text(before))), set(reading(_text(after)))
    except ValueError:
        return () if before == after else (_said(name, before, after),)
    gone = [f"- {_short(line)}" for line in sorted(was - now)]
    return (*gone, *(f"+ {_short(line)}" for line in sorted(now - was)))


def may_be_put_back(name: str) -> bool:
    """Whether the file is phasegate's own, or one that no ordinary command writes."""
    return PUT_BACK.fullmatch(name) is not None


def _reading(name: str) -> Reading | None:
    """How the lines that count are read from a file of this name; None: every byte counts."""
    if name.endswith((".gitconfig", "/git/config", ".git/config", "/config.worktree", "/etc/gitconfig")):
        return git_settings
    if name.endswith(".json") and "settings" in name:
        return client_settings
    if name.endswith((".git/info/exclude", ".git/info/attributes", "/git/ignore", "/git/attributes")):
        return rules
    if name.endswith("/pyvenv.cfg"):
        return bases
    return startup_lines if name.endswith(".pth") else None


def _text(content: bytes | None) -> str:
    """Raises ValueError for what is no text."""
    return (content or b"").decode("utf-8")


def _said(name: str, before: bytes | None, after: bytes | None) -> str:
    return "it is new" if before is None else "it is gone" if after is None else "its content is another"


def _short(line: str) -> str:
    return line if len(line) <= MOST_SHOWN else line[: MOST_SHOWN - 1] + "…"


# --- readings ---------------------------------------------------------------------------------------------------------


def rules(text: str) -> Iterable[str]:
    """The lines of a file of patterns, in order of no account, without comments."""
    return (line.rstrip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


def startup_lines(text: str) -> Iterable[str]:
    """The lines of a `.pth` file that an interpreter runs, or that put a directory on its path."""
    return (line.strip() for line in text.splitlines() if line.strip() not in ("", VIRTUALENV) and line[0] != "#")


def bases(text: str) -> Iterable[str]:
    """The lines of `pyvenv.cfg` that say which interpreter and whose packages an environment has."""
    wanted = ("home", "executable", "include-system-site-packages")
    return (line.strip() for line in text.splitlines() if line.partition("=")[0].strip().lower() in wanted)


def client_settings(text: str) -> Iterable[str]:
    """The settings of a client that count, one line for each; raises ValueError for what is none."""
    if not text.strip():
        return
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise ValueError(str(problem)) from problem
    if not isinstance(value, dict):
        raise ValueError("it is no object")
    for key, found in value.items():
        if key in OF_A_PERSON or key == "$schema":
            continue
        if key == "permissions" and isinstance(found, dict):
            yield from (_row(f"permissions.{each}", it) for each, it in found.items() if each not in PERMISSION_LISTS)
        elif isinstance(found, dict):
            yield from (_row(f"{key}.{each}", it) for each, it in found.items())
        else:
            yield _row(key, found)


def _row(key: str, value: object) -> str:
    return f"{key} = {msgspec.json.encode(value, order='sorted').decode()}"


def git_settings(text: str) -> Iterable[str]:
    """The settings of git that count, as `section.name = value`; raises ValueError for what git would not read."""
    section, below = "", ""
    for line in _whole_lines(text):
        row = line.strip()
        while (found := _SECTION.match(row)) is not None:
            section, _, old = found[1].lower().partition(".")
            below = found[2] if found[2] is not None else old
            row = row[found.end() :].strip()
        if not row:
            continue
        variable = _VARIABLE.match(row)
        if variable is None or not section:
            raise ValueError(f"no setting: {row}")
        name = variable[1].lower()
        if not _is_harmless(section, name):
            middle = f"{below}." if below else ""
            yield f"{section}.{middle}{name} = {(variable[2] or 'true').strip()}"


def _whole_lines(text: str) -> Iterable[str]:
    """The lines without their comments, those that go on after a backslash as one (git-config, "Syntax")."""
    pending = ""
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"):
        said, goes_on = _uncommented(line, quoted=pending.count('"') - pending.count('\\"') & 1 == 1)
        pending += said
        if goes_on:
            continue
        yield pending
        pending = ""
    if pending:
        yield pending


def _uncommented(line: str, *, quoted: bool) -> tuple[str, bool]:
    """A line up to its comment, and whether the next one belongs to it; a comment ends with its line, always."""
    at = 0
    while at < len(line):
        if line[at] == "\\":
            if at == len(line) - 1:
                return line[:at], True
            at += 1
        elif line[at] == '"':
            quoted = not quoted
        elif line[at] in "#;" and not quoted:
            return line[:at], False
        at += 1
    return line, False


def _is_harmless(section: str, name: str) -> bool:
    if section == "remote":
        return name in HARMLESS_OF_A_REMOTE
    if section == "submodule":
        return name in HARMLESS_OF_A_SUBMODULE
    if section == "core":
        return name in HARMLESS_OF_CORE
    return section in HARMLESS_SECTIONS and name not in ("gpgsign", "templatedir")
