"""The files outside the tree that bend how work is judged: found, read, kept, and put back."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping

from phasegate.workspace.git import Place

LARGEST = 1 << 20
"""Bytes of a file that are read; for the rest size and times stand."""

OF_GIT = ("config", "info/exclude", "info/attributes", "info/grafts", "info/sparse-checkout", "objects/info/alternates")
REPLACED = ".git/refs/replace"
"""The name under which all replaced objects of a repository are watched."""

STARTS = ("sitecustomize.py", "usercustomize.py", "_virtualenv.py")
"""What an interpreter runs by itself when it starts, beside `.pth` files."""

HOOKS = frozenset(
    "applypatch-msg commit-msg fsmonitor-watchman post-applypatch post-checkout post-commit post-merge post-rewrite "
    "pre-applypatch pre-auto-gc pre-commit pre-merge-commit pre-push pre-rebase prepare-commit-msg push-to-checkout "
    "reference-transaction sendemail-validate".split()
)
"""What git runs in a work tree, by githooks(5); the rest of a folder of hooks is what those may call."""

MOST_BESIDE_HOOKS = 100
"""Other files of a folder of hooks that are watched; it may be a folder of anything."""

_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def places(place: Place, env: Mapping[str, str]) -> dict[str, str]:
    """Every watched file that may be there, by the name that people are told."""
    home = env.get("HOME", "")
    own = env.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    found = {f".git/{name}": os.path.join(place.common, name) for name in OF_GIT}
    found[".git/config.worktree"] = os.path.join(place.directory, "config.worktree")
    found |= {f".git/hooks/{name}": os.path.join(place.common, "hooks", name) for name in _hooks(place.common)}
    if os.path.isabs(home):
        outside = [os.path.join(home, ".gitconfig"), *(os.path.join(own, "git", name) for name in ("config", "ignore"))]
        found |= {named(path, home): path for path in (*outside, os.path.join(own, "git", "attributes"))}
    found["/etc/gitconfig"] = "/etc/gitconfig"
    if elsewhere := _hooks_path(found, place.top, home):
        found |= {named(path, home, place.root): path for path in _hooks_in(elsewhere)}
    for folder in _environments(place.root):
        found |= {named(path, home, place.root): path for path in _started(folder)}
    return found


def named(path: str, home: str, root: str = "") -> str:
    """`path` as people are told it: relative to the root or to the home where it lies there."""
    if root and path.startswith(root.rstrip("/") + "/"):
        return path[len(root.rstrip("/")) + 1 :]
    return f"~{path[len(home) :]}" if home not in ("", "/") and path.startswith(home + "/") else path


def digests(found: Mapping[str, str], place: Place) -> dict[str, str]:
    """SHA-256 of every watched file that is there."""
    seen = {}
    for name, path in found.items():
        content = read(path)
        if content is not None:
            seen[name] = hashlib.sha256(content).hexdigest()
    replaced = replacements(place)
    if replaced:
        seen[REPLACED] = hashlib.sha256(replaced).hexdigest()
    return seen


def read(path: str) -> bytes | None:
    """What a file holds, None when there is none; a description of what is too large, no file, or not to be read."""
    try:
        descriptor = os.open(path, _READING)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        return f"[not to be read: {problem.strerror}]".encode()
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            return f"[{status.st_mode:o} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}]".encode()
        runs = status.st_mode & 0o100 or not ("/hooks/" in path or os.path.basename(path) in HOOKS)
        executable = b"" if runs else b"[not executable]"
        return executable + os.read(descriptor, LARGEST + 1)
    finally:
        os.close(descriptor)


def replacements(place: Place) -> bytes:
    """Which objects git takes for others (git-replace), loose and packed, in order."""
    lines = []
    folder = os.path.join(place.common, "refs", "replace")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        names = []
    for name in names:
        lines.append(name.encode() + b" " + (read(os.path.join(folder, name)) or b"").strip())
    try:
        with open(os.path.join(place.common, "packed-refs"), "rb") as file:
            packed = file.read(64 << 20)
    except OSError:
        packed = b""
    if b" refs/replace/" in packed:
        lines += [line for line in packed.splitlines() if b" refs/replace/" in line]
    return b"\n".join(lines)


def keep(folder: str, content: bytes, digest: str) -> str:
    """Keep `content` under the digest of what it stands for; where it lies."""
    path = os.path.join(folder, digest)
    if not os.path.exists(path):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        temporary = f"{path}.{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    return path


def kept(folder: str, digest: str) -> bytes | None:
    """What was kept under a digest; None when nothing was."""
    try:
        with open(os.path.join(folder, digest), "rb") as file:
            return file.read(LARGEST + 64)
    except OSError:
        return None


def put_back(path: str, content: bytes | None) -> None:
    """Write a watched file as it was, or remove it with None; its mode stays."""
    if content is None:
        os.unlink(path)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    mode = stat.S_IMODE(os.stat(path).st_mode) if os.path.exists(path) else 0o644
    temporary = f"{path}.{os.getpid()}.phasegate"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(temporary, path)


def is_of_a_package(path: str, content: bytes) -> bool:
    """Whether an installed distribution beside the file lists it with just this content.

    What a package brings is judged as the package it is of, not as a change by hand.
    """
    import base64

    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
    wanted = b"%s,sha256=%s," % (os.fsencode(os.path.basename(path)), digest)
    folder = os.path.dirname(path)
    return any(
        wanted in (read(os.path.join(folder, name, "RECORD")) or b"")
        for name in _listed(folder)
        if name.endswith(".dist-info")
    )


def _hooks(common: str) -> list[str]:
    return [name for name in _listed(os.path.join(common, "hooks")) if not name.endswith(".sample")]


def _hooks_path(found: Mapping[str, str], top: str, home: str) -> str:
    """The folder that `core.hooksPath` names, "" when nothing does: the system's settings first, the work tree's last.

    What settings include is not read; that they include something else is a change of theirs.
    """
    value = ""
    for path in ("/etc/gitconfig", *_in_order(found)):
        content = read(path) or b""
        if b"hookspath" in content.lower():
            value = _hooks_path_in(content) or value
    return os.path.join(top, home + value[1:] if value.startswith("~/") else value) if value else ""


def _in_order(found: Mapping[str, str]) -> Iterator[str]:
    """The settings of git as it reads them: the user's two, the repository's, the work tree's."""
    paths = [path for path in found.values() if os.path.basename(path) in ("config", ".gitconfig", "config.worktree")]
    own = [found[".git/config"], found[".git/config.worktree"]]
    yield from sorted((path for path in paths if path not in own), key=lambda path: path.endswith(".gitconfig"))
    yield from own


def _hooks_path_in(content: bytes) -> str:
    from phasegate.policy.custody import git_settings

    try:
        rows = [row.partition(" = ") for row in git_settings(content.decode())]
    except ValueError:
        return ""  # git cannot read it either
    values = [value for name, _, value in rows if name == "core.hookspath"]
    return values[-1].replace('"', "").replace("\\\\", "\\") if values else ""


def _hooks_in(folder: str) -> Iterator[str]:
    names = _listed(folder)
    beside = [name for name in names if name not in HOOKS and not name.endswith(".sample")]
    for name in [*(each for each in names if each in HOOKS), *beside[:MOST_BESIDE_HOOKS]]:
        path = os.path.join(folder, name)
        if not os.path.isdir(path):
            yield path


def _environments(root: str) -> Iterator[str]:
    """The virtual environments right below the root."""
    try:
        with os.scandir(root) as entries:
            folders = [entry.path for entry in entries if entry.is_dir()]
    except OSError:
        return
    yield from (folder for folder in sorted(folders) if os.path.exists(os.path.join(folder, "pyvenv.cfg")))


def _started(folder: str) -> Iterator[str]:
    """What the interpreter of an environment reads and runs before anything else."""
    yield os.path.join(folder, "pyvenv.cfg")
    library = os.path.join(folder, "lib")
    for version in _listed(library):
        packages = os.path.join(library, version, "site-packages")
        for name in _listed(packages):
            if name.endswith(".pth") or name in STARTS:
                yield os.path.join(packages, name)


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
