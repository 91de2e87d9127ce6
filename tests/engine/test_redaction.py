"""What is taken out of a fact before it is stored, and what is left alone."""

from __future__ import annotations

import msgspec
import pytest

from phasegate.engine.redaction import drafts
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import BaselineTaken, NoteAdded, SecretSeen, WishGranted

PASSWORD = "hunter2" + "-Kd83nfQ0zL"


def noted(text: str) -> NoteAdded:
    return NoteAdded("note-1", "run-1", "1", "discovery", "minor", text)


def test_a_field_of_ours_beside_an_id_of_ours_is_no_secret() -> None:
    looks = {"secrets": "ev-" + "4110c091ad", "references": "ev-" + "9de5b1b9dd"}
    taken = BaselineTaken("a" * 40, "b" * 40, findings=looks)
    (draft,) = drafts([taken])
    assert msgspec.json.decode(draft.body, type=BaselineTaken) == taken


@pytest.mark.parametrize(
    "text", [f"password = {PASSWORD}", f'{{"password": "{PASSWORD}"}}', f"see:\npassword: {PASSWORD}"]
)
def test_a_secret_within_one_text_is_taken_out_and_told_once(text: str) -> None:
    first, told = drafts([noted(text)])
    assert PASSWORD.encode() not in first.body and b"[redacted:" in first.body
    assert told.kind == SecretSeen.__name__ and msgspec.json.decode(told.body)["where"] == "NoteAdded"


def test_every_text_of_a_list_is_read_by_itself() -> None:
    facts: list[Fact] = [WishGranted("run-1", "call", "step", ("password:", "a/k4Jd82mQpz", f"password={PASSWORD}"))]
    granted, *told = drafts(facts)
    assert msgspec.json.decode(granted.body)["paths"][:2] == ["password:", "a/k4Jd82mQpz"] and len(told) == 1
