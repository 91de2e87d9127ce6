"""Which edits are too large, binary, of a generated file or out of bounds; a person may waive each of these."""

from __future__ import annotations

import re

import msgspec

from phasegate.policy.edits import Objection
from phasegate.settings import FileLimits, matches, size_in_words

HEAD = 2048
"""Bytes of a file's beginning in which it may say that it is generated."""

ATTRIBUTES_BYTES = 256 << 10
MOST_PATTERNS = 2000

BINARY_NAMES = (
    "png jpg jpeg gif webp ico bmp tif tiff pdf zip gz bz2 xz zst tar 7z jar war whl so dylib dll exe bin o a class "
    "pyc woff woff2 ttf otf eot mp3 mp4 wav ogg flac mov avi sqlite db npy npz pkl parquet wasm"
)
"""Ends of names whose files are no text."""

_SAYS_GENERATED = rb"@generated\b|code generated\b[^\n]{0,200}\bdo not edit"  # of small letters
_CONTROL = r"[\x00-\x08\x0e-\x1a\x1c-\x1f]"


class Target(msgspec.Struct, frozen=True):
    """The file that an edit changes: its path, and what is there now (size -1 when nothing is)."""

    path: str
    size: int = -1
    head: bytes = b""


def object_to_edit(target: Target, text: str, limits: FileLimits, attributes: str) -> Objection | None:
    """The limit that writing `text` to `target` breaks; `attributes` are the lines of the tree's `.gitattributes`."""
    size = len(text.encode("utf-8", "replace")) if len(text) * 4 > limits.edit else 0
    if max(size, target.size) > limits.edit:
        return _too_large(target.path, max(size, target.size), limits)
    if not _is_binary_name(target.path) and (re.search(_CONTROL, text) or b"\0" in target.head):
        return _waivable(
            "binary", target.path, f"{target.path} has the name of a text and would hold binary content.",
            "Make such a file by a command, under a name that says what it is",
        )  # fmt: skip
    why = generated_by(target, limits, attributes)
    if why:
        return _waivable(
            "generated", target.path, f"{target.path} is generated ({why}).",
            "Change what it is made from and run the command that makes it",
        )  # fmt: skip
    return None


def object_to_size(path: str, size: int, limits: FileLimits) -> Objection | None:
    """The objection to a file of `size` bytes that a command left behind."""
    return _too_large(path, size, limits) if size > limits.edit else None


def outside(path: str, limits: FileLimits) -> Objection | None:
    """The objection to an edit of an absolute path that lies, or leads, outside the root."""
    if matches(path, limits.outside):
        return None
    return _waivable("outside", path, f"{path} lies outside the work tree.", "Put it inside")


def generated_by(target: Target, limits: FileLimits, attributes: str) -> str:
    """By what a file is known to be generated, its name, `.gitattributes` or its first lines; "" if it is not."""
    if matches(target.path, limits.generated):
        return "a tool writes files of this name"
    if marked_generated(target.path, attributes):
        return "`.gitattributes` marks it linguist-generated"
    head = target.head[:HEAD].lower()
    return "its first lines say so" if b"generated" in head and re.search(_SAYS_GENERATED, head) else ""


def marked_generated(path: str, attributes: str) -> bool:
    """Whether the last line of `.gitattributes` that speaks of it marks `path` as generated."""
    marked = False
    for row in attributes.splitlines()[:MOST_PATTERNS]:
        words = row.split()
        said = [word for word in words[1:] if "linguist-generated" in word]
        if said and not words[0].startswith("#") and matches(path, (_pattern(words[0]),)):
            marked = said[-1] in ("linguist-generated", "linguist-generated=true")
    return marked


def _pattern(written: str) -> str:
    """A pattern of git's in ours: without a slash it speaks of every folder."""
    return written.lstrip("/") if "/" in written else f"**/{written}"


def _is_binary_name(path: str) -> bool:
    return path.rpartition(".")[2].lower() in BINARY_NAMES.split()


def _too_large(path: str, size: int, limits: FileLimits) -> Objection:
    what = f"{path} would be {size_in_words(size)}, above the limit of {size_in_words(limits.edit)} (limits.edit)."
    return _waivable("too-large", path, what, "Split it, or keep it out of the tree")


def _waivable(rule: str, path: str, what: str, way: str) -> Objection:
    ask = f'a person can make an exception: `phasegate waiver add file {path} --reason "..." --until 30d`'
    return Objection(rule, f"{what} {way}; {ask}.")
