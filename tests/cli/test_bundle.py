"""A bundle is written by `verify`, signed by a key of a person's, and checked elsewhere, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.people import as_person
from tests.cli.test_verify import Branch


class Bundled:
    """A verified branch, a key, and what `verify` wrote with it and without."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.branch = folder, Branch(folder)
        self.branch.commit({"notes.txt": "more\n"})
        self.key, self.signed, self.unsigned = folder / "key.pem", folder / "signed.bundle", folder / "unsigned.bundle"
        self.call("log", "key", "new", str(self.key))
        self.call("verify", "--bundle-out", str(self.unsigned))

    def call(self, *words: str, where: Path | None = None, **env: str) -> tuple[int, str, str]:
        done = as_person(["phasegate", *words], where or self.branch.root, self.branch.env | env)
        return done.returncode, done.stdout, done.stderr

    def check(self, path: Path, *words: str, where: Path | None = None) -> tuple[int, dict[str, Any]]:
        code, out, err = self.call("verify", "--bundle", str(path), "--json", *words, where=where or self.folder)
        return code, json.loads(out or "{}") | {"said": err}


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    return Bundled(tmp_path_factory.mktemp("bundled"))


def test_without_a_key_it_says_integrity_only_and_does_not_pass(bundled: Bundled) -> None:
    code, told = bundled.check(bundled.unsigned)
    says = {each["gate"]: each["says"] for each in told["verdicts"]}
    assert (code, says["signature"], says["verdict"]) == (7, "unknown", "pass")
    assert "integrity only" in str(told)
    assert bundled.check(bundled.unsigned, "--integrity-only")[0] == 0


def test_signed_it_passes_elsewhere_with_the_public_key_alone(bundled: Bundled) -> None:
    code, out, err = bundled.call(
        "verify", "--bundle", str(bundled.unsigned), "--bundle-out", str(bundled.signed), "--key", str(bundled.key)
    )
    assert code == 0, out + err
    code, told = bundled.check(bundled.signed, "--key", f"{bundled.key}.pub")
    assert code == 0, told
