"""Gathers the files a policy is made of: the repository's own, the packs it extends, and CODEOWNERS; then composes."""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import re
from collections.abc import Mapping

import msgspec

from phasegate.gates.catalog import CATALOG
from phasegate.policy.composing import compose, misplaced
from phasegate.policy.reading import FORMAT, Fault, PolicyInvalid, PolicyText, parsed, read_policy, settings_text
from phasegate.policy.weaving import unwoven, woven
from phasegate.rules.owners import OwnersInvalid, read_owners
from phasegate.rules.rule import Owned
from phasegate.settings import CODEOWNERS, Extends, Settings
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.definition import Workflow
from phasegate.workflow.toml import read_workflow
from phasegate.workspace import files, installing, place
from phasegate.workspace.settings_file import SettingsInvalid, read_settings

MOST_BYTES = 3 << 20
DEEPEST = 4
MOST_PACKS = 30
USER, PACKAGED = "user:", "phasegate:"


def in_force(root: str, content: bytes, env: Mapping[str, str]) -> tuple[Settings, Workflow]:
    """What the settings `content` and all that they name come to: with every rule, and the rules in the workflow."""
    settings = read_settings(content, path=place.SETTINGS)
    workflow = users_workflow(root, settings)
    settings = with_rules(root, content, settings, workflow, env)
    return settings, woven(workflow, settings.rules)


def users_workflow(root: str, settings: Settings) -> Workflow:
    """The workflow that the settings name, else the default one."""
    if not settings.workflow:
        return DEFAULT
    content = installing.read(root, settings.workflow)
    if content is None:
        raise SettingsInvalid(place.SETTINGS, [(1, f"workflow names {settings.workflow}, which is not there.")])
    try:
        return read_workflow(content.decode(), path=settings.workflow, gates=CATALOG)
    except UnicodeDecodeError as problem:
        raise installing.NotText(f"{settings.workflow} is not UTF-8.", hint="Save it as UTF-8.") from problem


def with_rules(root: str, content: bytes, settings: Settings, workflow: Workflow, env: Mapping[str, str]) -> Settings:
    """`settings`, read from `content`, with every rule in force; PolicyInvalid with all that is wrong."""
    return _composed(root, settings, _layers(root, content, settings, env), 1 + bool(settings.policy.file), workflow)


def named_files(root: str, content: bytes, settings: Settings, env: Mapping[str, str]) -> tuple[str, ...]:
    """Every file that the settings in force, read from `content`, name beside themselves; relative within the tree.

    What phasegate brings itself is not among them.
    """
    named = [layer.path for layer in _layers(root, content, settings, env)[:-1]]
    owners = CODEOWNERS if settings.rules.owners is not None else ()
    mine = [each for each in (settings.workflow, *named, *owners) if each and not each.startswith(PACKAGED)]
    return tuple(os.path.join(*_users(each, env)) if each.startswith(USER) else each for each in mine)


def _layers(root: str, content: bytes, settings: Settings, env: Mapping[str, str]) -> list[PolicyText]:
    """Each pack after those that it extends, then the file of rules, then the settings themselves."""
    own = settings_text(content, settings.policy, path=place.SETTINGS)
    layers = _packs(root, own.extends, own, env, 1)
    if settings.policy.file:
        layers += _of_file(root, settings, own, env)
    return [*layers, own]


def another(
    root: str, path: str, content: bytes, settings: Settings, workflow: Workflow, env: Mapping[str, str]
) -> tuple[Settings, Workflow]:
    """`settings` with the rules of another policy in place of theirs: a settings file, or a file of rules."""
    _, found = parsed(content, path)
    if found.get("format") != FORMAT:
        return in_force(root, content, env)
    read, plain = read_policy(content, path=path), unwoven(workflow)
    settings = _composed(root, settings, [*_packs(root, read.extends, read, env, 1), read], 1, plain)
    return settings, woven(plain, settings.rules)


def _composed(root: str, settings: Settings, layers: list[PolicyText], own: int, workflow: Workflow) -> Settings:
    last = layers[-1]
    if len(layers) > MOST_PACKS:
        raise PolicyInvalid([Fault(last.path, 1, f"it is put together from more than {MOST_PACKS} files.")])
    rules = compose(layers, own, people=settings.approvals.people)
    if faults := misplaced(rules, layers, workflow):
        raise PolicyInvalid(faults)
    if any(rule.approvals is not None and rule.approvals.codeowners for rule in rules.rules):
        rules = msgspec.structs.replace(rules, owners=owners(root))
    return msgspec.structs.replace(settings, rules=rules)


def owners(root: str) -> tuple[Owned, ...] | None:
    """The rows of the CODEOWNERS file that counts; None when there is none. PolicyInvalid when it cannot be read."""
    for path in CODEOWNERS:
        if files.state_of(root, path) is not None:
            try:
                return read_owners(files.read_capped(root, path, MOST_BYTES))
            except OwnersInvalid as wrong:
                raise PolicyInvalid([Fault(path, line, f"{why}.") for line, why in wrong.problems]) from wrong
    return None


def read_pack(root: str, named: str, env: Mapping[str, str]) -> bytes | None:
    """The bytes of a pack by where it is said to lie; None when it is not there."""
    if named.startswith(PACKAGED):
        name = named.removeprefix(PACKAGED)
        if not re.fullmatch(r"[a-z0-9-]{1,40}", name):
            return None
        found = importlib.resources.files("phasegate.policy").joinpath("packs", f"{name}.toml")
        return found.read_bytes() if found.is_file() else None
    if named.startswith(USER):
        folder, name = _users(named, env)
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,80}", name):
            return None
        return files.read_capped(folder, name, MOST_BYTES) if os.path.isfile(os.path.join(folder, name)) else None
    if named.startswith("/") or ".." in named.split("/") or files.state_of(root, named) is None:
        return None
    return files.read_capped(root, named, MOST_BYTES)


def _users(named: str, env: Mapping[str, str]) -> tuple[str, str]:
    """The folder of a user's packs, and the name of one in it."""
    home = env.get("XDG_CONFIG_HOME") or os.path.join(env.get("HOME", ""), ".config")
    return os.path.join(home, "phasegate", "packs"), f"{named.removeprefix(USER)}.toml"


def _of_file(root: str, settings: Settings, own: PolicyText, env: Mapping[str, str]) -> list[PolicyText]:
    """The file that the settings name, after the packs that it extends."""
    path = settings.policy.file
    content = None if path.startswith((USER, PACKAGED)) else read_pack(root, path, env)
    if content is None:
        raise PolicyInvalid([Fault(own.path, own.line("file"), f"there is no file {path}, which `policy` names.")])
    read = read_policy(content, path=path)
    return [*_packs(root, read.extends, read, env, 1), read]


def _packs(
    root: str, extends: tuple[Extends, ...], by: PolicyText, env: Mapping[str, str], depth: int
) -> list[PolicyText]:
    """Each pack after those that it extends itself; every one has the digest that is asked for."""
    found: list[PolicyText] = []
    for at, wanted in enumerate(extends[:MOST_PACKS]):
        line = by.line(f"extends.{at}")
        if depth > DEEPEST:
            raise PolicyInvalid([Fault(by.path, line, f"packs extend each other more than {DEEPEST} deep.")])
        content = read_pack(root, wanted.pack, env)
        if content is None:
            raise PolicyInvalid([Fault(by.path, line, f"there is no pack {wanted.pack!r}.")])
        digest = hashlib.sha256(content).hexdigest()
        if digest != wanted.sha256:
            why = f"the pack {wanted.pack} is another than the one named: its digest is {digest}."
            raise PolicyInvalid([Fault(by.path, line, why)])
        read = msgspec.structs.replace(read_policy(content, path=wanted.pack), name=f"{wanted.pack}@{digest[:12]}")
        found += [*_packs(root, read.extends, read, env, depth + 1), read]
    return found
