"""pip-audit and npm as the real programs against a server here."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from phasegate.collectors.scanners import govulncheck, npm_audit, pip_audit
from phasegate.collectors.scanners.interface import Asked, Looked, by
from phasegate.dependencies.npm_locks import package_lock
from phasegate.dependencies.packages import Locked, Package, locked

HOLE = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "modified": "2026-01-01T00:00:00Z",
    "aliases": ["CVE-2026-1"],
    "summary": "it leaks",
    "details": "it leaks",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "shop"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.3.0"}]}],
        }
    ],
}
ADVISORY = {
    "id": 1090,
    "url": "https://github.com/advisories/GHSA-dddd-eeee-ffff",
    "title": "it lets others write",
    "severity": "critical",
    "vulnerable_versions": "<1.3.0",
    "cwe": ["CWE-1"],
    "cvss": {"score": 9.8, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},
}
LOCK = {
    "name": "web",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "requires": True,
    "packages": {
        "": {"name": "web", "version": "1.0.0", "dependencies": {"shop": "1.2.0"}},
        "node_modules/shop": {"version": "1.2.0"},
    },
}


class Handler(http.server.BaseHTTPRequestHandler):
    """OSV's query and npm's bulk of advisories, where the version asked about is 1.2.0; all else is not there."""

    def do_POST(self) -> None:
        asked = json.loads(self._body() or b"{}")
        if self.path == "/osv":
            hit = asked["package"]["name"] == "shop" and asked["version"] == "1.2.0"
            self._answer({"vulns": [HOLE]} if hit else {})
        elif self.path == "/-/npm/v1/security/advisories/bulk":
            self._answer({"shop": [ADVISORY]} if "1.2.0" in asked.get("shop", ()) else {})
        else:
            self.send_error(404)

    def do_GET(self) -> None:
        self.send_error(404)

    def _body(self) -> bytes:
        import gzip

        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body

    def _answer(self, said: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


def asked(root: Path) -> Asked:
    scratch = root / "scratch"
    scratch.mkdir(exist_ok=True)
    return Asked(str(root), (), str(scratch), 100.0, lambda said: None)


def pins(**versions: str) -> dict[str, Locked]:
    return {"uv.lock": locked(Package("PyPI", name, version) for name, version in versions.items())}


def test_pip_audit_says_what_its_service_says_with_every_name_of_the_hole(tmp_path: Path, server: str) -> None:
    args = ("-s", "osv", "--osv-url", f"{server}/osv")
    looked = pip_audit.audit(asked(tmp_path), pins(shop="1.2.0", fine="1.0"), args)
    [found] = looked.findings
    assert (found.path, found.package, found.advisory) == ("uv.lock", "shop 1.2.0", "CVE-2026-1")
    assert found.aliases == ("GHSA-aaaa-bbbb-cccc",) and "mended in 1.3.0" in found.message
    assert not looked.why_unknown and looked.tools[0].startswith("pip-audit ")
    assert not pip_audit.audit(asked(tmp_path), pins(shop="1.3.0"), args).findings


def test_pip_audit_that_cannot_look_a_package_up_says_nothing(tmp_path: Path, server: str) -> None:
    for args in (("-s", "osv", "--osv-url", f"{server}/nowhere"), ("-s", "osv", "--osv-url", "http://127.0.0.1:1/")):
        looked = by(lambda to, args=args: pip_audit.audit(to, pins(shop="1.2.0"), args), asked(tmp_path))  # type: ignore[misc]
        assert looked.why_unknown and not looked.findings


def test_what_pip_audit_skipped_or_left_out_is_unknown() -> None:
    skipped = {"dependencies": [{"name": "a", "skip_reason": "not found on PyPI"}]}
    pin = [Package("PyPI", "a", "1")]
    assert "not found on PyPI" in pip_audit.read(json.dumps(skipped).encode(), "x", pin).why_unknown[0]
    assert pip_audit.read(b'{"dependencies": []}', "x", pin).why_unknown == ("pip-audit says nothing of a",)


def npm(root: Path, server: str, version: str) -> Looked:
    lock = json.loads(json.dumps(LOCK).replace("1.2.0", version))
    (root / "package-lock.json").write_text(json.dumps(lock))
    (root / "package.json").write_text(json.dumps(lock["packages"][""]))
    (root / ".npmrc").write_text("registry=http://127.0.0.1:1/\naudit-level=critical\n")
    read = {"package-lock.json": package_lock(json.dumps(lock).encode())}
    return by(lambda to: npm_audit.audit(to, read, ("--registry", server)), asked(root))


def test_npm_says_what_its_registry_says_whatever_the_repository_configures(tmp_path: Path, server: str) -> None:
    looked = npm(tmp_path, server, "1.2.0")
    assert not looked.why_unknown
    [found] = looked.findings
    assert (found.advisory, found.severity, found.package) == ("GHSA-dddd-eeee-ffff", "critical", "shop 1.2.0")
    assert npm(tmp_path, server, "1.3.0").findings == ()


@pytest.mark.parametrize("setting", ["omit=dev", "audit=false", "production=true", "only=prod"])
def test_npm_leaves_nothing_out_whatever_the_users_own_settings_say(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    (tmp_path / ".npmrc.user").write_text(setting + "\n")
    monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(tmp_path / ".npmrc.user"))
    monkeypatch.setitem(LOCK["packages"]["node_modules/shop"], "dev", True)  # type: ignore[index]
    monkeypatch.setitem(LOCK["packages"][""], "devDependencies", LOCK["packages"][""]["dependencies"])  # type: ignore[index]
    monkeypatch.delitem(LOCK["packages"][""], "dependencies")  # type: ignore[index]
    assert npm(tmp_path, server, "1.2.0").findings


def test_npm_that_cannot_ask_says_nothing(tmp_path: Path, server: str) -> None:
    assert npm(tmp_path, f"{server}/nowhere", "1.2.0").why_unknown
    assert npm_audit.audit(asked(tmp_path), {"yarn.lock": locked([])}, ()).why_unknown


def test_a_program_that_is_not_installed_or_lies_in_the_repository_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = tmp_path / "bin" / "govulncheck"
    planted.parent.mkdir()
    planted.write_text("#!/bin/sh\ntouch \"$0.ran\"\necho '{}'\n")
    planted.chmod(0o755)
    monkeypatch.setenv("PATH", f"{planted.parent}:{tmp_path}/none:.")
    monkeypatch.chdir(planted.parent)
    looked = by(lambda to: govulncheck.audit(to, {"go.mod": locked([])}, ()), asked(tmp_path))
    assert "is not installed" in looked.why_unknown[0] and not Path(f"{planted}.ran").exists()
