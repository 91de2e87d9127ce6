"""Log lines: JSON, redacted, rotated, and never a reason to stop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phasegate.telemetry import log_lines
from phasegate.telemetry.log_lines import NAME, OLD_KEPT, LogLines, least_level

KEY = "AKIA" + "IOSFODNN7EXAMPLF"


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / NAME).read_text().splitlines()]


def test_a_line_is_json_with_its_time_level_and_call(tmp_path: Path) -> None:
    LogLines(str(tmp_path / "new"), call="call-1").write("info", "hook\nsaid", events=[1, 2])
    (line,) = lines(tmp_path / "new")
    assert line["level"] == "info" and line["call"] == "call-1" and line["events"] == [1, 2]
    assert line["message"] == "hook\nsaid" and str(line["at"]).endswith("Z")


def test_a_log_is_its_owners_alone(tmp_path: Path) -> None:
    LogLines(str(tmp_path / "logs")).write("info", "x")
    assert (tmp_path / "logs").stat().st_mode & 0o077 == 0
    assert (tmp_path / "logs" / NAME).stat().st_mode & 0o077 == 0


def test_secrets_are_taken_out(tmp_path: Path) -> None:
    LogLines(str(tmp_path)).write("error", f"key = '{KEY}'", trace=f"AWS={KEY}")
    assert KEY not in (tmp_path / NAME).read_text()
    assert lines(tmp_path)


def test_less_than_the_least_level_is_left_out(tmp_path: Path) -> None:
    log = LogLines(str(tmp_path), least="warning")
    log.write("info", "no")
    log.write("warning", "yes")
    assert [line["message"] for line in lines(tmp_path)] == ["yes"]


def test_logs_are_rotated_and_few_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "LARGEST", 200)
    log = LogLines(str(tmp_path))
    for number in range(40):
        log.write("info", f"line {number}")
    assert len(list(tmp_path.iterdir())) <= OLD_KEPT + 1
    assert all(path.stat().st_size < 400 for path in tmp_path.iterdir())


def test_what_cannot_be_written_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    LogLines(str(tmp_path / "file" / "logs")).write("error", "lost")


@pytest.mark.parametrize(
    ("named", "verbose", "level"),
    [("", 0, "info"), ("", 1, "debug"), ("", 5, "debug"), ("warning", 0, "warning"), ("error", 1, "warning"),
     ("nonsense", 0, "info"), (" DEBUG ", 0, "debug")],
)  # fmt: skip
def test_the_level_is_what_tells_more(named: str, verbose: int, level: str) -> None:
    assert least_level(named, verbose) == level
