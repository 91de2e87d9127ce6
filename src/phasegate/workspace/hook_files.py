"""The text of a git hook of ours, and how it stands among others' text: in a script, in YAML, in package.json."""

from __future__ import annotations

import re
import shlex

COMMAND = "phasegate check secrets --staged"
BY_NAME = "phasegate"
BEGIN, END = "# phasegate:begin", "# phasegate:end"
HEAD = "#!/bin/sh\n# Written by `phasegate init --git-hooks`; `phasegate uninstall` takes it out.\n"

CONFIGURATIONS = {
    "lefthook": ("lefthook.yml", "lefthook.yaml", ".lefthook.yml", ".lefthook.yaml"),
    "pre-commit": (".pre-commit-config.yaml",),
    "husky4": (".huskyrc", ".huskyrc.json", "package.json"),
}
"""The files that may say what a runner of hooks does, the first that is there and says so first."""

_BLOCK = re.compile(rf"(?m)^[ \t]*{BEGIN}\n(?:.*\n)*?[ \t]*{END}(?:\n|\Z)")
_SHELL = re.compile(rb"#!.*\b(?:sh|bash|dash|ksh|zsh)\b")
_HUSKY = re.compile(r"(?m)^\. .*/husky\.sh.*\n")

_THEN = '[ ! -x "$(dirname "$0")/{0}" ] || exec "$(dirname "$0")/{0}" "$@"\n'

_LEFTHOOK = f"phasegate-secrets:\n  run: {COMMAND}\n"
_PRE_COMMIT = f"""\
- repo: local
  hooks:
    - id: phasegate-secrets
      name: look for secrets in what is staged
      entry: {COMMAND}
      language: system
      pass_filenames: false
      always_run: true
"""
_JSON_LINE = re.compile(rf'\n[ \t]*"pre-commit": "{COMMAND}",?(?=\n)')


def block(program: str) -> str:
    """The lines of a script; a colleague without phasegate is told, and a hook of one's own refuses without it."""
    if program == BY_NAME:
        return (
            f"{BEGIN}\nif command -v phasegate >/dev/null 2>&1; then {COMMAND} || exit 1\n"
            'else echo "phasegate is not installed: nobody looked for secrets in this commit." >&2; fi\n'
            f"{END}\n"
        )
    return f"{BEGIN}\n{shlex.quote(program)} check secrets --staged || exit 1\n{END}\n"


def whole(lines: str, then: str = "") -> bytes:
    """A hook that does what `lines` say, and then what the hook `then` beside it says, if that may run."""
    return (HEAD + lines + (_THEN.format(then) if then else "")).encode()


def is_whole(script: bytes, then: str) -> bool:
    """Whether `script` is all our own, with a hook that it calls."""
    return _without(script.decode("utf-8", "surrogateescape")) == HEAD + _THEN.format(then)


def is_shell(script: bytes) -> bool:
    """Whether a hook is read by a shell; without a first line that says so, it is."""
    return _SHELL.match(script) is not None or (not script.startswith(b"#!") and b"\0" not in script)


def with_block(script: bytes, lines: str) -> bytes:
    """A script that does what `lines` say before everything else it does."""
    if lines.encode() in script:
        return script
    text = _without(script.decode("utf-8", "surrogateescape"))
    first = re.match(r"#!.*(?:\n|\Z)", text)
    husky = _HUSKY.search(text)
    at = husky.end() if husky else first.end() if first else 0
    if at and not text[:at].endswith("\n"):
        return f"{text}\n{lines.removesuffix(chr(10))}".encode("utf-8", "surrogateescape")
    return (text[:at] + lines + text[at:]).encode("utf-8", "surrogateescape")


def without_block(script: bytes) -> bytes | None:
    """The script without what `with_block` put in; None when `whole` wrote it and nobody added anything."""
    text = script.decode("utf-8", "surrogateescape")
    left = _without(text)
    return None if left != text and left == HEAD else left.encode("utf-8", "surrogateescape")


def _without(text: str) -> str:
    found = _BLOCK.search(text)
    if found is None:
        return text
    before, after = text[: found.start()], text[found.end() :]
    ended_bare = not found[0].endswith("\n")
    return (before.removesuffix("\n") if ended_bare else before) + after


def configured(runner: str, found: bytes) -> bytes | None:
    """The configuration `found` with our line; None when it has no place that is known for it."""
    try:
        text = found.decode()
    except UnicodeDecodeError:
        return None
    if BEGIN in text or COMMAND in text:
        return found
    make = {"lefthook": _in_lefthook, "pre-commit": _in_pre_commit, "husky4": _in_husky4}[runner]
    made = make(text)
    return made.encode() if made is not None else None


def unconfigured(found: bytes) -> bytes:
    """The configuration without our line."""
    try:
        text = found.decode()
    except UnicodeDecodeError:
        return found
    if BEGIN not in text and COMMAND not in text:
        return found
    text = text.replace(f'"pre-commit": "{COMMAND} && ', '"pre-commit": "')
    return _JSON_LINE.sub("", _without(text)).encode()


def _marked(lines: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" for line in [BEGIN, *lines.splitlines(), END])


def _in_lefthook(text: str) -> str | None:
    commands = re.search(r"(?m)^pre-commit:[ \t]*\n(?:(?:[ \t]+.*|[ \t]*#.*|)\n)*?([ \t]+)commands:[ \t]*\n", text)
    if commands:
        deeper = re.match(r"(?:[ \t]*(?:#.*)?\n)*([ \t]+)\S", text[commands.end() :])
        indent = deeper[1] if deeper else commands[1] * 2
        return text[: commands.end()] + _marked(_LEFTHOOK, indent) + text[commands.end() :]
    if re.search(r"(?m)^pre-commit:", text):
        return None
    own = _marked("pre-commit:\n  commands:\n" + "".join(f"    {line}\n" for line in _LEFTHOOK.splitlines()), "")
    return own + text


def _in_pre_commit(text: str) -> str | None:
    repos = re.search(r"(?m)^repos:[ \t]*(?:#.*)?\n", text)
    if repos is None:
        return None
    first = re.match(r"(?:[ \t]*(?:#.*)?\n)*([ \t]*)- ", text[repos.end() :])
    if first is None:
        return None
    return text[: repos.end()] + _marked(_PRE_COMMIT, first[1]) + text[repos.end() :]


def _in_husky4(text: str) -> str | None:
    hooks = re.search(r'"hooks"[ \t]*:[ \t]*\{', text)
    if hooks is None or ('"husky"' in text and not text.find('"husky"') < hooks.start()):
        return None
    inside = text[hooks.end() : text.find("}", hooks.end())]
    there = re.search(r'"pre-commit": "', inside)
    if there is not None:
        at = hooks.end() + there.end()
        return f"{text[:at]}{COMMAND} && {text[at:]}"
    indent = re.match(r"\n([ \t]*)", inside)
    if indent is None:
        return None
    comma = "," if inside.strip() else ""
    return f'{text[: hooks.end()]}\n{indent[1]}"pre-commit": "{COMMAND}"{comma}{text[hooks.end() :]}'
