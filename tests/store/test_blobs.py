"""What every `Blobs` must do, and what keeping them in a directory adds."""

from __future__ import annotations

import hashlib
import os
import resource
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phasegate.ledger.log import Blobs, LedgerUnreadable, LedgerUnwritable
from phasegate.store.blobs import DirectoryBlobs, MemoryBlobs

STORES: dict[str, Callable[[Path], Blobs]] = {
    "memory": lambda _: MemoryBlobs(),
    "directory": lambda directory: DirectoryBlobs(str(directory / "blobs")),
}


@pytest.fixture(params=STORES)
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return STORES[request.param](tmp_path)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


def file_of(directory: Path, digest: str) -> Path:
    return directory / digest[:2] / digest[2:]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=5000))
def test_what_was_put_is_got(blobs: Blobs, data: bytes) -> None:
    digest = blobs.put(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert blobs.put(data) == digest
    assert blobs.get(digest) == data


@pytest.mark.parametrize("digest", ["0" * 64, "", "..", "../../etc/passwd", "a" * 5000, "A" * 64, "é" * 64, "0\0" * 32])
def test_what_was_never_put_is_refused(blobs: Blobs, digest: str) -> None:
    with pytest.raises(LedgerUnreadable, match="no artifact"):
        blobs.get(digest)


def test_a_digest_never_leads_out_of_the_directory(directory: Path) -> None:
    directory.mkdir()
    (directory.parent / "secret").write_bytes(b"secret")
    with pytest.raises(LedgerUnreadable):
        DirectoryBlobs(str(directory)).get("../secret")


def test_damaged_bytes_are_refused_and_mended_by_putting_them_again(directory: Path) -> None:
    blobs = DirectoryBlobs(str(directory))
    digest = blobs.put(b"coverage.xml")
    file_of(directory, digest).write_bytes(b"coverage.XML")
    with pytest.raises(LedgerUnreadable, match="damaged"):
        blobs.get(digest)
    assert blobs.put(b"coverage.xml") == digest
    assert blobs.get(digest) == b"coverage.xml"


def test_files_are_for_their_owner_only_and_nothing_else_is_left(directory: Path) -> None:
    digest = DirectoryBlobs(str(directory)).put(b"x")
    assert stat.S_IMODE(file_of(directory, digest).stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [path.name for path in directory.rglob("*") if path.is_file()] == [digest[2:]]


def test_a_full_disk_leaves_nothing_half_written(directory: Path) -> None:
    """A real refusal by the kernel, here of the process's file size limit."""
    blobs = DirectoryBlobs(str(directory))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(LedgerUnwritable) as refused:
            blobs.put(b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refused.value.hint
    assert [path for path in directory.rglob("*") if path.is_file()] == []
    assert len(blobs.get(blobs.put(b"x" * 100_000))) == 100_000


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerUnwritable):
        DirectoryBlobs(str(tmp_path / "file" / "blobs")).put(b"x")


def test_what_a_killed_writer_left_behind_is_no_blob(directory: Path) -> None:
    """It has another name, and putting the bytes again works."""
    blobs = DirectoryBlobs(str(directory))
    digest = hashlib.sha256(b"whole").hexdigest()
    os.makedirs(directory / digest[:2])
    (directory / digest[:2] / f"{digest[2:]}.99.abcd.tmp").write_bytes(b"who")
    with pytest.raises(LedgerUnreadable):
        blobs.get(digest)
    assert blobs.get(blobs.put(b"whole")) == b"whole"
