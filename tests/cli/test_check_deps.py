"""`phasegate check deps`: advisories are fetched by request, and nothing that was not looked up is called fine."""

from __future__ import annotations

import http.server
import io
import json
import os
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from people import PHASEGATE

from phasegate.entrypoints.known_holes import _once
from phasegate.evidence.findings import Finding, Severity

SETTINGS = 'project = "11111111-1111-4111-8111-111111111111"\n'
LOCK = 'version = 1\n[[package]]\nname = "shop-core"\nversion = "1.2.0"\n[package.source]\nregistry = "x"\n'


def advisory(id: str = "GHSA-aaaa-bbbb-cccc", *, name: str = "shop-core", days_old: float = 0, **more: Any) -> bytes:
    modified = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days_old * 86_400))
    ecosystem = more.pop("ecosystem", "PyPI")
    events = [{"introduced": "0"}, {"fixed": "1.3.0"}]
    affected = {"package": {"ecosystem": ecosystem, "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    own = {"id": id, "modified": modified, "aliases": ["CVE-2026-1"], "summary": "it leaks", "affected": [affected]}
    return json.dumps(own | {"database_specific": {"severity": "HIGH"}} | more).encode()


def archive(*records: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as made:
        for at, record in enumerate(records):
            made.writestr(f"{at}.json", record)
    return whole.getvalue()


class Place(NamedTuple):
    """A repository with a cache of its own."""

    root: Path
    env: dict[str, str]

    def write(self, **files: str) -> None:
        for name, text in files.items():
            path = self.root / name.replace("__", "/").replace("_", ".", 1)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = (PHASEGATE, "check", "deps", "--standalone", *options)
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=120, env=self.env)

    def check(self, *options: str) -> tuple[int, str, dict[str, Any]]:
        done = self.run("--json", *options)
        said = json.loads(done.stdout)
        [verdict] = said["verdicts"]
        return done.returncode, " ".join((*verdict["reasons"], verdict["remedy"])), said["scans"]["deps"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(("git", "init", "-q", "-b", "main"), cwd=root, check=True)
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        env.pop(name, None)
    return Place(root, env | {"NO_PROXY": "*"})


class Server(http.server.ThreadingHTTPServer):
    """What OSV's server would send."""

    sends: bytes = b""
    promises: int | None = None


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        self.send_response(200 if self.path == "/PyPI/all.zip" else 404)
        self.send_header("Content-Length", str(server.promises or len(server.sends)))
        self.end_headers()
        self.wfile.write(server.sends)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def test_without_advisories_nobody_knows_and_the_command_that_fetches_them_is_named(place: Place) -> None:
    place.write(uv_lock=LOCK)
    code, said, _ = place.check()
    assert code == 7 and "phasegate check deps --update" in said


def test_a_hole_is_found_by_advisories_that_were_fetched_and_a_newer_version_is_fine(
    place: Place, server: Server
) -> None:
    source = f'{SETTINGS}[deps]\nsource = "http://127.0.0.1:{server.server_port}"\n'
    place.write(uv_lock=LOCK, phasegate_toml=source)
    server.sends = archive(advisory(), advisory("GHSA-dddd-eeee-ffff", name="other"))
    code, said, scan = place.check("--update")
    assert code == 1 and "it leaks" in said
    [found] = scan["findings"]
    assert (found["advisory"], found["aliases"], found["severity"]) == ("CVE-2026-1", ["GHSA-aaaa-bbbb-cccc"], "high")
    assert found["package"] == "shop-core 1.2.0" and "mended in 1.3.0" in found["message"]
    assert "2 records, 0 days old" in scan["tools"][0]
    place.write(uv_lock=LOCK.replace("1.2.0", "1.3.0"))
    assert place.check()[0] == 0, "what was fetched is kept"


@pytest.mark.parametrize("sends", [b"", b"PK", archive(b"{}"), archive(advisory(ecosystem="npm")), archive()])
def test_what_is_no_export_replaces_nothing(place: Place, server: Server, sends: bytes) -> None:
    source = f'{SETTINGS}[deps]\nsource = "http://127.0.0.1:{server.server_port}"\n'
    place.write(uv_lock=LOCK, phasegate_toml=source)
    server.sends = archive(advisory())
    assert place.check("--update")[0] == 1
    server.sends = sends
    refused = place.run("--update")
    assert refused.returncode == 7 and "Traceback" not in refused.stderr and refused.stderr
    assert place.check()[0] == 1, "the old ones are still there"


def test_half_an_answer_is_none(place: Place, server: Server) -> None:
    place.write(uv_lock=LOCK, phasegate_toml=f'{SETTINGS}[deps]\nsource = "http://127.0.0.1:{server.server_port}"\n')
    server.sends, server.promises = archive(advisory()), 10_000
    refused = place.run("--update")
    assert refused.returncode == 7 and "--from FILE" in refused.stderr


@pytest.mark.parametrize("source", ["http://example.com", "ftp://127.0.0.1", "file:///tmp"])
def test_advisories_come_by_https_alone(place: Place, source: str) -> None:
    place.write(uv_lock=LOCK, phasegate_toml=f'{SETTINGS}[deps]\nsource = "{source}"\n')
    refused = place.run("--update")
    assert refused.returncode == 7 and "HTTPS" in refused.stderr


def test_old_advisories_say_nothing_however_lately_they_were_imported(place: Place, tmp_path: Path) -> None:
    place.write(uv_lock=LOCK.replace("1.2.0", "1.3.0"))
    records = tmp_path / "records"
    records.mkdir()
    (records / "one.json").write_bytes(advisory(days_old=30))
    code, said, scan = place.check("--from", str(records))
    assert code == 7 and "30 days old" in said and "check deps --update" in said
    place.write(phasegate_toml=f"{SETTINGS}[deps]\noldest_days = 60\n")
    code, _, scan = place.check()
    assert code == 0 and scan["until"] == time.strftime("%Y-%m-%d", time.gmtime(time.time() + 30 * 86_400))
    (tmp_path / "new.zip").write_bytes(archive(advisory(days_old=1), advisory("GHSA-2", days_old=90)))
    code, _, scan = place.check("--from", str(tmp_path / "new.zip"))
    assert code == 0 and "1 days old" in scan["tools"][0]


def test_what_was_not_looked_up_is_named_until_somebody_accepts_that(place: Place, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(archive(advisory(name="other")))
    place.write(uv_lock=LOCK, docs__requirements_txt="flask>=1\n", web__package_json='{"dependencies": {"a": "1"}}')
    (place.root / "Cargo.lock").write_text("")
    code, _, scan = place.check("--from", str(tmp_path / "all.zip"))
    assert code == 7
    for words in ("flask has no exact version", "web/package.json was not looked at", "Cargo.lock was not looked at"):
        assert any(words in each for each in scan["why_unknown"]), words
    place.write(phasegate_toml=f"{SETTINGS}[deps]\nleft_out = ['docs/**', 'web/**', 'Cargo.lock']\n")
    assert place.check()[0] == 0


def test_a_lock_file_that_cannot_be_read_is_no_pass(place: Place, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(archive(advisory()))
    place.write(uv_lock="[[package]\n", poetry_lock=LOCK.replace("1.2.0", "2.0"))
    code, said, _ = place.check("--from", str(tmp_path / "all.zip"))
    assert code == 7 and "uv.lock was not looked at" in said


def test_a_zip_bomb_is_refused_before_it_is_unpacked(place: Place, tmp_path: Path) -> None:
    place.write(uv_lock=LOCK)
    zeros = b" " * (8 << 20)
    for name, records in (("many", (zeros,) * 40), ("one", (zeros + b" ",))):
        (tmp_path / f"{name}.zip").write_bytes(archive(*records))
        refused = place.run("--from", str(tmp_path / f"{name}.zip"))
        assert refused.returncode == 7 and "not used" in refused.stderr


def test_a_hole_that_several_tell_of_is_told_once_as_bad_as_the_worst_of_them() -> None:
    def told(advisory: str, severity: Severity, *aliases: str, package: str = "a 1") -> Finding:
        return Finding(
            advisory, "uv.lock", 0, "m", "", "t", severity, package=package, advisory=advisory, aliases=aliases
        )

    found = [
        told("CVE-1", "low", "GHSA-1"),
        told("GHSA-1", "unknown", "X-1"),
        told("X-1", "high"),
        told("CVE-2", "unknown"),
    ]
    first, second = _once([*found, told("CVE-2", "unknown")])
    assert (first.advisory, first.severity, first.aliases) == ("CVE-1", "high", ("GHSA-1", "X-1"))
    assert (second.advisory, second.severity) == ("CVE-2", "unknown")
    assert len(_once([told("CVE-1", "low"), told("CVE-1", "low", package="b 1")])) == 2
