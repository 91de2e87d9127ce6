"""`phasegate check licences`: what packages really say, against the policy, and unknown where nobody can tell."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from people import PHASEGATE

SETTINGS = 'project = "11111111-1111-4111-8111-111111111111"\n[licences]\n'
UV = 'version = 1\n[[package]]\nname = "one"\nversion = "1.0"\n[[package]]\nname = "two"\nversion = "2.0"\n'
MIT = Path(__file__).parents[2] / "LICENSE"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(("git", "init", "-q", "-b", "main"), cwd=root, check=True)
    (root / ".gitignore").write_text(".venv\nnode_modules\n")
    return root


def installed(root: Path, name: str, version: str, *fields: str) -> None:
    folder = root / f".venv/lib/python3.11/site-packages/{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(
        "\n".join(("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *fields))
    )


def check(root: Path, policy: str, **env: str) -> tuple[int, str, dict[str, str]]:
    (root / "phasegate.toml").write_text(SETTINGS + policy)
    command = (PHASEGATE, "check", "licences", "--standalone", "--json")
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, env={**os.environ, **env})
    said: Any = json.loads(done.stdout)
    [verdict] = said["verdicts"]
    found = said["scans"]["licences"]["findings"]
    return done.returncode, " ".join(verdict["reasons"]), {each["package"]: each["rule"] for each in found}


def test_installed_metadata_says_which_licence_and_the_policy_what_becomes_of_it(root: Path) -> None:
    (root / "uv.lock").write_text(UV)
    installed(root, "one", "1.0", "License-Expression: MIT OR GPL-3.0-only")
    installed(root, "two", "2.0", "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)")
    assert check(root, 'allow = ["MIT"]\n')[2] == {"two 2.0": "licence-not-allowed"}
    code, _, found = check(root, 'deny = ["GPL-3.0-only"]\n')
    assert code == 1 and found == {"two 2.0": "licence-denied"}
    assert check(root, 'allow = ["MIT", "GPL-3.0-only"]\n')[0] == 0
    assert check(root, 'allow = ["MIT"]\nleft_out = ["two"]\n')[0] == 0


def test_what_is_not_installed_in_that_version_is_unknown_and_fails_unless_the_policy_only_tells_it(root: Path) -> None:
    (root / "uv.lock").write_text(UV)
    installed(root, "one", "1.0", "License: MIT")
    installed(root, "two", "1.9", "License: MIT")
    code, _, found = check(root, 'allow = ["MIT"]\n')
    assert code == 1 and found == {"two 2.0": "licence-unknown"}
    assert check(root, 'allow = ["MIT"]\nunknown = "tell"\n')[0] == 0


def test_without_a_policy_or_with_words_that_are_no_licence_nobody_can_tell(root: Path) -> None:
    (root / "uv.lock").write_text("version = 1\n")
    assert check(root, "")[0] == 7
    code, said, _ = check(root, 'allow = ["Free"]\n')
    assert code == 7 and "Free" in said


def test_npm_says_it_in_the_lock_file_or_in_the_folder_of_the_package(root: Path) -> None:
    packages = {
        "": {},
        "node_modules/a": {"version": "1.0.0", "license": "ISC"},
        "node_modules/b": {"version": "2.0.0"},
    }
    (root / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": packages}))
    assert check(root, 'allow = ["ISC"]\n')[2] == {"b 2.0.0": "licence-unknown"}
    (root / "node_modules/b").mkdir(parents=True)
    (root / "node_modules/b/package.json").write_text(
        '{"version": "2.0.0", "licenses": [{"type": "MIT"}, {"type": "ISC"}]}'
    )
    assert check(root, 'allow = ["ISC"]\n')[0] == 0


def test_a_go_module_is_known_by_the_text_in_the_module_cache(root: Path, tmp_path: Path) -> None:
    (root / "go.mod").write_text("module m\ngo 1.22\ntoolchain go1.22.3\nrequire github.com/Some/One v1.0.0\n")
    cache = tmp_path / "mod"
    place = cache / "github.com/!some/!one@v1.0.0"
    place.mkdir(parents=True)
    (place / "LICENSE").write_text(MIT.read_text())
    assert check(root, 'allow = ["Apache-2.0", "BSD-3-Clause"]\n', GOMODCACHE=str(cache))[0] == 0
    (place / "LICENSE.extra").write_text("Do good.")
    assert check(root, 'allow = ["Apache-2.0", "BSD-3-Clause"]\n', GOMODCACHE=str(cache))[0] == 1
