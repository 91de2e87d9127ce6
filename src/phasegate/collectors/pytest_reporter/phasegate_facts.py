"""What our reporters for Python tell with: the channel to phasegate, and the facts of an exception.

It needs Python 3.8 and nothing else.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Facts = dict[str, Any]
    Calls = list[tuple[Any, int]]  # (frame, line), innermost last

MESSAGE, _FRAMES, _DEPTH = 2000, 40, 8


def channel() -> Callable[..., None] | None:
    """The function that writes one frame, or None in a process that was not asked to."""
    path = os.environ.pop("PHASEGATE_REPORT", "")
    nonce = os.environ.pop("PHASEGATE_REPORT_NONCE", "")
    if not path or not nonce:
        return None
    # Bound here, before any code of the user runs. The file is opened for each frame: a descriptor kept open could
    # be closed by a test and given to another file, which we would then write into.
    open_, write, close, getpid, dumps = os.open, os.write, os.close, os.getpid, json.dumps
    flags, owner, sequence = os.O_WRONLY | os.O_APPEND, os.getpid(), iter(range(1 << 62))

    def send(kind: str, **fields: Any) -> None:
        if getpid() != owner:  # a child forked by a test
            return
        frame = dumps(dict(fields, kind=kind, nonce=nonce, seq=next(sequence)), ensure_ascii=False)
        file = open_(path, flags)
        try:
            # A file name or a message may hold half a character, which no JSON reader takes.
            write(file, frame.encode("utf-8", "xmlcharrefreplace") + b"\n")
        finally:
            close(file)

    return send


def facts(raised: Any) -> Facts:
    """The message and the `raised` of an exception: its class, where it came from, whose name was missing."""
    if raised is None:
        return {"message": "", "raised": None}
    error = _innermost(raised)
    frames = _frames(error.__traceback__)
    told = {
        "type": type(error).__name__,
        "bases": [base.__module__ + "." + base.__qualname__ for base in type(error).__mro__],
        "module": str(getattr(error, "name", None) or "") if isinstance(error, ImportError) else "",
        "file": str(getattr(error, "filename", None) or "") if isinstance(error, SyntaxError) else "",
        "owner": _quietly(_owner, error),
        "frames": [[frame.f_code.co_filename, line] for frame, line in frames],
    }
    return {"message": _quietly(str, error)[:MESSAGE] or type(error).__name__, "raised": told}


def _quietly(read: Callable[[Any], Any], error: BaseException) -> str:
    try:  # the exception and what it names are the user's objects: reading them may raise anything
        return str(read(error) or "")
    except Exception:
        return ""


def _innermost(error: Any) -> Any:
    """Without pytest's wrapping of collection errors, and the first of a group."""
    for _ in range(_DEPTH):
        grouped = getattr(error, "exceptions", None)
        if type(error).__name__ == "CollectError" and error.__cause__ is not None:
            error = error.__cause__
        elif isinstance(grouped, tuple) and grouped and isinstance(grouped[0], BaseException):
            error = grouped[0]
    return error


def _frames(traceback: Any) -> Calls:
    frames = []
    while traceback is not None:
        frames.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames[-_FRAMES:]


def _owner(error: Any) -> Any:
    """The file of the module, class or function that lacks the attribute or the parameter; "" when not found."""
    text = str(error)
    frame = _frames(error.__traceback__)[-1][0]
    if isinstance(error, AttributeError):
        if getattr(error, "obj", None) is not None:  # Python 3.10 and later
            return _file_of(error.obj)
        module = re.search(r"module '([\w.]+)'", text)
        if module:
            return _file_of(sys.modules.get(module.group(1)))
        name = re.match(r"(?:type object )?'(\w+)' object|type object '(\w+)'", text)
        return _file_of(_reachable(frame, (name.group(1) or name.group(2)).split("."))) if name else ""
    called = re.match(r"([\w.]+)\(\) (?:got |takes |missing )", text) if isinstance(error, TypeError) else None
    return _file_of(_reachable(frame, called.group(1).split("."))) if called else ""


def _reachable(frame: Any, names: list[str]) -> Any:
    """What a line of `frame` can mean by `names`: a global, a member of a module or of a local's class."""
    around = list(frame.f_locals.values()) + list(frame.f_globals.values())
    for holder in [frame.f_locals, frame.f_globals] + [vars(it) for it in around if type(it) is type(sys)]:
        if names[0] in holder and not isinstance(holder[names[0]], (str, int, tuple, list, dict)):
            return holder[names[0]]
    for cls in [type(it) for it in around] + [it for it in around if isinstance(it, type)]:
        if cls.__name__ == names[0] or (len(names) == 1 and names[0] in vars(cls)):
            return cls
    return None


def _file_of(it: Any) -> Any:
    """The file that defines `it`: a module, a function, a class or an instance."""
    if type(it) is type(sys):
        return getattr(it, "__file__", None) or next(iter(getattr(it, "__path__", [])), "")
    if isinstance(it, type) or hasattr(it, "__code__"):
        return getattr(sys.modules.get(it.__module__), "__file__", None)
    return getattr(sys.modules.get(type(it).__module__), "__file__", None)


def foreign_files() -> list[str]:
    """The files of the modules that were imported, less Python's own and those that are installed."""
    own = tuple({os.path.dirname(os.__file__) + os.sep, _HERE + os.sep})
    found = {_quietly_file(module) for module in list(sys.modules.values())}
    return sorted(
        file for file in found if file and not file.startswith(own) and not re.search(r"/(?:site|dist)-packages/", file)
    )


_HERE = os.path.dirname(os.path.abspath(__file__))


def _quietly_file(module: Any) -> str:
    try:  # some modules compute their attributes
        file = vars(module).get("__file__")
    except Exception:
        return ""
    return os.path.abspath(file) if isinstance(file, str) else ""
