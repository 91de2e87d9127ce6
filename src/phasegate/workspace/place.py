"""Where a clone keeps its ledger: a pointer in the git directory its work trees share, and a private directory."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
import os
from collections.abc import Mapping

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.workspace import git

POINTER = "phasegate/ledger.json"
PAUSED = "phasegate-paused"
SETTINGS = "phasegate.toml"
TRUSTED = "trusted.json"
RECEIPT = "phasegate-installed.json"


class NotInitialised(Failure):
    """The repository has no `phasegate.toml`, or this clone has no ledger yet."""

    code = "not-initialised"
    exit_code = Exit.USAGE


class PointerUnreadable(Failure):
    """The file that says where this clone's ledger lies cannot be read."""

    code = "pointer-unreadable"
    exit_code = Exit.CANNOT_TELL


class NoHome(Failure):
    """There is no place for this user's state."""

    code = "no-home"


class Pointer(msgspec.Struct, frozen=True):
    """Which ledger a clone has: `home` is the common git directory it was made for, so that copies are noticed."""

    project: str
    ledger: str
    home: str


def state_home(env: Mapping[str, str]) -> str:
    """Where phasegate keeps state for this user (XDG Base Directory Specification, section 3)."""
    base = env.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(_home(env), ".local", "state")
    return os.path.join(base, "phasegate")


def _home(env: Mapping[str, str]) -> str:
    """HOME, or what the system knows of the user when it is not an absolute path."""
    home = env.get("HOME", "")
    if os.path.isabs(home):
        return home
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError as problem:
        raise NoHome(
            f"HOME is not set, and the system knows no user {os.getuid()}.",
            hint="Set HOME, or XDG_STATE_HOME, to an absolute path.",
        ) from problem


def ledger_directory(pointer: Pointer, env: Mapping[str, str]) -> str:
    """The private directory of a ledger."""
    return os.path.join(state_home(env), pointer.project, pointer.ledger)


def locate(path: str) -> git.Place:
    """The project that holds `path`: the nearest folder that was set up as one, else the whole work tree."""
    whole = git.locate(path)
    folder = os.path.realpath(path)
    while folder != whole.root:
        nested = at(whole, folder)
        if os.path.exists(pointer_path(nested.common, nested.prefix)):
            return nested
        folder = os.path.dirname(folder)
    return whole


def at(whole: git.Place, folder: str) -> git.Place:
    """A project in `folder`, an absolute path below the work tree's root."""
    prefix = f"{os.path.relpath(folder, whole.top)}/" if folder != whole.top else ""
    return git.Place(folder, whole.directory, whole.common, prefix)


def marked(name: str, prefix: str) -> str:
    """The name of a file of ours in a git directory; every project of a work tree has its own."""
    if not prefix:
        return name
    import hashlib

    stem, ending = os.path.splitext(name)
    return f"{stem}-{hashlib.sha256(os.fsencode(prefix)).hexdigest()[:16]}{ending}"


def pointer_path(common: str, prefix: str) -> str:
    """Where the pointer of a project lies."""
    return os.path.join(common, marked(POINTER, prefix))


def receipt_path(place: git.Place) -> str:
    """Where it is written what `init` made, relative to the git directory."""
    return marked(RECEIPT, place.prefix)


def read_pointer(place: git.Place) -> Pointer | None:
    """The pointer of this clone; None when it has none."""
    return pointer_at(place.common, place.prefix)


def pointer_at(common: str, prefix: str = "") -> Pointer | None:
    """The pointer of the project at `prefix` in a common git directory; None when there is none."""
    path = pointer_path(common, prefix)
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(4096), type=Pointer)
    except FileNotFoundError:
        return None
    except PermissionError as problem:
        raise PointerUnreadable(
            f"{path} cannot be read: it belongs to another user.",
            hint="Work as that user, or in a clone of your own.",
        ) from problem
    except (OSError, msgspec.DecodeError) as problem:
        raise PointerUnreadable(
            f"{path} cannot be read: {problem}.",
            hint="Run `phasegate init` again: it finds the ledger or begins a new one.",
        ) from problem


def has_projects(common: str) -> bool:
    """Whether any project of any work tree of the clone was set up."""
    folder, name = os.path.split(os.path.join(common, POINTER))
    try:
        return any(each.startswith(name.removesuffix(".json")) for each in os.listdir(folder))
    except FileNotFoundError:
        return False
    except OSError:
        return True  # somebody's, who keeps it to themselves


def write_pointer(place: git.Place, pointer: Pointer) -> None:
    """Record which ledger this clone has, atomically."""
    path = pointer_path(place.common, place.prefix)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(msgspec.json.encode(pointer))
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


class Registered(msgspec.Struct, frozen=True):
    """What is kept beside the ledgers of a user: which ledger a clone has, and the inode of its git directory."""

    pointer: Pointer
    inode: int


def register(place: git.Place, pointer: Pointer, env: Mapping[str, str]) -> None:
    """Remember outside the clone which ledger it has, so that nobody is free who moves its pointer away."""
    path = _registry(place, env)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(msgspec.json.encode(Registered(pointer, os.stat(place.common).st_ino)))
    os.replace(temporary, path)


def registered(place: git.Place, env: Mapping[str, str]) -> Pointer | None:
    """The ledger that this very clone is known to have, where that is still there; None when it is not known."""
    try:
        with open(_registry(place, env), "rb") as file:
            found = msgspec.json.decode(file.read(4096), type=Registered)
        known = found.inode == os.stat(place.common).st_ino and found.pointer.home == place.common
        return found.pointer if known and os.path.isdir(ledger_directory(found.pointer, env)) else None
    except (OSError, msgspec.DecodeError, NoHome):
        return None


def _registry(place: git.Place, env: Mapping[str, str]) -> str:
    import hashlib

    name = hashlib.sha256(os.fsencode(f"{place.common}\0{place.prefix}")).hexdigest()[:32]
    return os.path.join(state_home(env), "clones", f"{name}.json")


def set_up(place: git.Place) -> bool:
    """Whether `init` ran in this work tree and nothing took it out since."""
    return os.path.exists(os.path.join(place.directory, receipt_path(place)))


def paused(place: git.Place) -> bool:
    """Whether a person paused phasegate in this work tree without a readable ledger."""
    return os.path.exists(os.path.join(place.directory, marked(PAUSED, place.prefix)))


def set_paused(place: git.Place, value: bool) -> None:
    """Leave, or take away, the mark of a pause."""
    path = os.path.join(place.directory, marked(PAUSED, place.prefix))
    if value:
        with open(path, "w"):
            pass
    elif os.path.exists(path):
        os.unlink(path)
