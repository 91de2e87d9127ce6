"""What a drive says: lines for people, one object a line for scripts, nothing that a terminal would obey."""

from __future__ import annotations

import json
import time

import pytest

from phasegate.entrypoints.driving.telling import Teller


def test_each_change_is_one_object_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller(as_json=True)
    teller.waits("the model is overloaded", 1_800_000_000_000, 2)
    teller.counts("the model is overloaded", 5000)
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["waits_for"], said["until_ms"], said["attempt"]) == ("the model is overloaded", 1_800_000_000_000, 2)


def test_what_others_wrote_reaches_no_terminal_raw(capsys: pytest.CaptureFixture[str]) -> None:
    Teller(as_json=False).say("it said \x1b[31m\u202eevil\nsecond line")
    said = capsys.readouterr().err
    assert "\x1b" not in said and "\u202e" not in said and said.count("\n") == 1


def test_a_terminal_is_shown_how_long_a_wait_still_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    teller = Teller(as_json=False)
    teller.counts("the network is gone", 65_000)
    teller.say("the client is started")
    said = capsys.readouterr().err
    assert "the network is gone: 0:01:05 left" in said and said.endswith("phasegate: the client is started\n")


def test_no_countdown_is_written_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Teller(as_json=False).counts("the network is gone", int(time.time()))
    assert capsys.readouterr().err == ""
