"""Brings in what OSV publishes: the export of an ecosystem from its server, a zip file or a folder of records.

Nothing is unpacked onto the disk, and limits hold for bytes, for the number of records and for how far they swell.
"""

from __future__ import annotations

import contextlib
import os
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any
from urllib.parse import urlsplit

from phasegate.dependencies.osv import LARGEST
from phasegate.dependencies.packages import Ecosystem
from phasegate.errors import Exit, Failure
from phasegate.plain import line

LARGEST_EXPORT = 2 << 30
MOST_RECORDS = 2_000_000
MOST_SWOLLEN = 100
"""How many times larger than itself an export may become; real ones grow about fivefold."""
SMALL = 64 << 20
"""Bytes of records that any export may have, however small it is."""
SILENT_SECONDS = 60.0
_PIECE = 1 << 20

Say = Callable[[str], None]


class ExportUnusable(Failure):
    """Advisories cannot be fetched, or what came is no export of OSV; those that were there before stay."""

    code = "advisory-export-unusable"
    exit_code = Exit.CANNOT_TELL


def fetch(source: str, ecosystem: Ecosystem, target: str, say: Say) -> None:
    """Write the export of `ecosystem` that lies at `source` to the file `target`. Raises ExportUnusable."""
    url = f"{source.rstrip('/')}/{ecosystem}/all.zip"
    _refuse_unsafe(url)
    try:
        with _opener().open(url, timeout=SILENT_SECONDS) as answer, open(target, "wb") as file:
            _copy(answer, file, ecosystem, say)
    except (OSError, urllib.error.URLError, ValueError) as problem:
        reason = getattr(problem, "reason", None) or problem
        raise ExportUnusable(
            f"{url} cannot be fetched: {line(str(reason), 200)}.",
            hint="Try again when there is a network, or bring a file: `phasegate check deps --from FILE`.",
        ) from problem


def _copy(answer: Any, file: IO[bytes], ecosystem: str, say: Say) -> None:
    promised = answer.headers.get("Content-Length", "")
    total = told = 0
    while piece := answer.read(_PIECE):
        total += len(piece)
        if total > LARGEST_EXPORT:
            raise ValueError(f"it is larger than {LARGEST_EXPORT >> 30} GiB")
        file.write(piece)
        if total - told >= 16 * _PIECE:
            told = total
            say(f"{ecosystem}: {total >> 20} MiB of {_mib(promised)} fetched")
    if promised.isdigit() and int(promised) != total:
        raise ValueError(f"{total} of {promised} bytes arrived")


def _mib(promised: str) -> str:
    return f"{int(promised) >> 20} MiB" if promised.isdigit() and len(promised) < 15 else "the whole"


class _OnlySafe(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _refuse_unsafe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_OnlySafe)


def _refuse_unsafe(url: str) -> None:
    """Advisories come by HTTPS, lest somebody between leaves some out; this machine itself may do without."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        raise ExportUnusable(f"{line(url, 200)} is no address by HTTPS.", hint="See `[deps] source` in phasegate.toml.")


def records(path: str) -> Iterator[tuple[str, bytes]]:
    """Every record, with its name, of a zip file or of a folder with all below it. Raises ExportUnusable."""
    yield from _of_folder(path) if os.path.isdir(path) else _of_zip(path)


def _of_zip(path: str) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [each for each in archive.infolist() if each.filename.endswith(".json")]
            _refuse_swollen(entries, os.path.getsize(path))
            for entry in entries:
                with archive.open(entry) as file:
                    yield entry.filename, _capped(file, entry.filename)
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as problem:
        if isinstance(problem, ExportUnusable):
            raise
        raise ExportUnusable(
            f"{os.path.basename(path)} is no whole zip file of OSV: {line(str(problem), 200)}.",
            hint="Fetch it again: `phasegate check deps --update`.",
        ) from problem


def _refuse_swollen(entries: list[zipfile.ZipInfo], size: int) -> None:
    if len(entries) > MOST_RECORDS or sum(each.file_size for each in entries) > max(SMALL, MOST_SWOLLEN * size):
        raise ExportUnusable("The zip file would unpack to more than any export has.", hint="It is not used.")
    if any(each.flag_bits & 1 for each in entries):
        raise ExportUnusable("The zip file is encrypted.", hint="It is not used.")


def _of_folder(path: str) -> Iterator[tuple[str, bytes]]:
    count = 0
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(each for each in names if each.endswith(".json")):
            count += 1
            if count > MOST_RECORDS:
                raise ExportUnusable(f"{path} has more than {MOST_RECORDS} records.", hint="Name the folder of one.")
            whole = os.path.join(folder, name)
            try:
                with contextlib.closing(os.fdopen(os.open(whole, os.O_RDONLY | os.O_NONBLOCK), "rb")) as file:
                    yield whole, _capped(file, name)
            except OSError as problem:
                raise ExportUnusable(f"{name} cannot be read: {problem.strerror}.", hint="It is not used.") from problem


def _capped(file: IO[bytes], name: str) -> bytes:
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ExportUnusable(f"The record {line(name, 100)} is larger than any is.", hint="The export is not used.")
    return content
