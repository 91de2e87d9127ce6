"""Nothing of a bundle or an exported ledger can be changed, taken out, repeated or moved unseen."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.attestation import anchors, bundle, checking, export
from phasegate.attestation import statement as s
from phasegate.attestation.envelope import PAYLOAD_TYPE, Signature, pae, sealed, to_base64
from phasegate.errors import Failure
from phasegate.ledger.event import digest, seal
from phasegate.ledger.fold import fold
from phasegate.ledger.log import Head
from tests.attestation.sample import KEY, LEDGER, OTHER, PROJECT, PUBLIC, ledger, log, made, statement

SIGNED, UNSIGNED, EXPORTED = made(), made(signed=False), ledger()
ANCHOR = anchors.Anchor(log().head(), LEDGER, "by hand")


def passes(content: bytes, *, integrity_only: bool = False) -> bool:
    """Whether a bundle is taken for what it says."""
    try:
        found = bundle.read(content)
    except Failure:
        return False
    return all(
        v.passes for v in checking.check(found, None if integrity_only else PUBLIC, integrity_only=integrity_only)
    )


def holds(content: bytes) -> bool:
    """Whether an exported ledger is taken for sound."""
    try:
        return anchors.judged(export.read(content), [ANCHOR], ledger=LEDGER, project=PROJECT).passes
    except Failure:
        return False


def test_what_was_written_is_read_and_passes() -> None:
    assert passes(SIGNED) and passes(UNSIGNED, integrity_only=True) and not passes(UNSIGNED)
    found = bundle.read(SIGNED)
    assert (found.statement, dict(found.files)) == statement()
    assert holds(EXPORTED)
    back = export.read(EXPORTED)
    assert list(back.events) == list(log().read()) and fold(back.events) == fold(log().read())
    assert export.write(LEDGER, PROJECT, back.events, back.artifacts) == EXPORTED


@settings(max_examples=300)
@given(st.integers(0, 10**9), st.integers(1, 255))
def test_no_byte_can_be_flipped_unseen(at: int, flip: int) -> None:
    for content, taken in ((SIGNED, passes), (UNSIGNED, lambda c: passes(c, integrity_only=True)), (EXPORTED, holds)):
        place = at % len(content)
        assert not taken(content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :]), place


@settings(max_examples=200)
@given(st.randoms(use_true_random=False), st.sampled_from(["drop", "repeat", "swap", "cut", "pad"]))
def test_no_line_can_be_dropped_repeated_or_moved_unseen(chance: random.Random, how: str) -> None:
    for content, taken in ((SIGNED, passes), (EXPORTED, holds)):
        lines = content.splitlines(keepends=True)
        one, other = chance.sample(range(len(lines)), 2)
        match how:
            case "drop":
                del lines[one]
            case "repeat":
                lines.insert(other, lines[one])
            case "swap":
                lines[one], lines[other] = lines[other], lines[one]
            case "cut":
                lines = [content[: chance.randrange(len(content))]]
            case "pad":
                lines.append(chance.choice([b"\n", b" ", b"\0", lines[one]]))
        assert not taken(b"".join(lines)), (how, one, other)


def rewritten(edit: dict[int, dict[str, object]], *, drop: tuple[int, ...] = ()) -> bytes:
    """An export written anew around events that were changed: every digest of the file itself is right."""
    events = [event for event in log().read() if event.position not in drop]
    return export.write(LEDGER, PROJECT, [msgspec.structs.replace(e, **edit.get(e.position, {})) for e in events], {})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (rewritten({2: {"body": b"{}"}}), "an event was changed"),
        (rewritten({2: {"kind": "RunPaused"}}), "an event was changed"),
        (rewritten({}, drop=(2,)), "taken out"),
        (rewritten({2: {"position": 3}, 3: {"position": 2}}), "another order"),
        (rewritten({}, drop=(4,)), "cut off"),
        (rewritten({}, drop=(3, 4)), "cut off"),
    ],
    ids=["body", "field", "removed", "reordered", "last", "end"],
)
def test_who_writes_an_export_anew_around_changed_events_is_found_by_the_chain(content: bytes, told: str) -> None:
    verdict = anchors.judged(export.read(content), [ANCHOR])
    assert verdict.says == "fail" and told in verdict.reasons[0] and verdict.remedy


def test_another_ledger_another_project_and_another_history_are_each_told() -> None:
    exported = export.read(EXPORTED)
    for verdict, told in (
        (anchors.judged(exported, [], ledger="other"), "stands where"),
        (anchors.judged(exported, [], project="other"), "is of project"),
        (anchors.judged(exported, [anchors.Anchor(Head(2, "a" * 64))]), "another history"),
        (anchors.judged(exported, [anchors.Anchor(Head(9, "a" * 64))]), "cut off"),
    ):
        assert verdict.says == "fail" and told in verdict.reasons[0]
    assert anchors.judged(exported, [anchors.Anchor(Head(9, "a" * 64), "of another ledger")]).passes


def test_an_event_of_a_later_phasegate_is_unknown_and_the_chain_still_holds() -> None:
    [*before, last] = log().read()
    later = seal(msgspec.structs.replace(last, kind="OfTomorrow"))
    verdict = anchors.judged(export.read(export.write(LEDGER, PROJECT, [*before, later], {})), [])
    assert verdict.says == "unknown" and "chain holds" in verdict.reasons[0] and "Update phasegate" in verdict.remedy


def test_signed_by_another_key_or_by_nobody_fails_where_a_key_is_named() -> None:
    for content, key in ((SIGNED, OTHER), (UNSIGNED, PUBLIC)):
        [signature, *_] = checking.check(bundle.read(content), key)
        assert (signature.gate, signature.says) == ("signature", "fail")


def test_a_result_that_does_not_follow_from_its_verdicts_fails() -> None:
    red = (s.Gate("tests", "fail", ("red",), ""),)
    for gates in (red, (s.Gate("tests", "unknown", (), ""),)):
        verdicts = {v.gate: v.says for v in checking.check(bundle.read(made(gates=gates, says="PASSED")), PUBLIC)}
        assert verdicts["result"] == "fail"
    assert {v.gate: v.says for v in checking.check(bundle.read(made(gates=red)), PUBLIC)}["verdict"] == "fail"
    assert s.result(()) == "UNKNOWN"


def test_a_signature_over_a_chain_that_does_not_hold_helps_nobody() -> None:
    said, files = statement()
    for content in (rewritten({}, drop=(4,)), rewritten({2: {"body": b"{}"}}), b"nonsense\n"):
        name = f"ledgers/{LEDGER}.ledger"
        changed = files | {name: content}
        named = tuple(s.File(n, {"sha256": digest(data)}, len(data)) for n, data in changed.items())
        predicate = msgspec.structs.replace(said.predicate, files=named)
        body = s.encoded(msgspec.structs.replace(said, predicate=predicate))
        text = pae(PAYLOAD_TYPE, body)
        assert not passes(bundle.write(sealed(body, (PUBLIC.signature(KEY.sign(text), text),)), changed))


def test_a_later_format_cannot_be_told_and_a_foreign_one_is_refused() -> None:
    for content, code in (
        (SIGNED.replace(b"bundle-1", b"bundle-2", 1), 7), (SIGNED.replace(b"phasegate-b", b"somebodys-b", 1), 1),
    ):  # fmt: skip
        with pytest.raises(Failure) as failure:
            bundle.read(content)
        assert failure.value.exit_code == code and failure.value.hint
    with pytest.raises(export.ExportTooNew):
        export.read(EXPORTED.replace(b"ledger-1", b"ledger-9", 1))


def test_names_that_could_end_an_element_or_leave_a_folder_are_refused() -> None:
    said, _ = statement()
    for name in ("</script>", "../x", "/x", "a//b", "a b", "x" * 200, "\u202e"):
        files = {name: b"x"}
        named = (s.File(name, {"sha256": digest(b"x")}, 1),)
        body = s.encoded(msgspec.structs.replace(said, predicate=msgspec.structs.replace(said.predicate, files=named)))
        with pytest.raises(bundle.BundleUnsound):
            bundle.read(bundle.write(sealed(body), files))


def again(lines: list[bytes]) -> bytes:
    """The bundle of these lines, with the digest that a forger would put above them."""
    body = b"".join(lines)
    return msgspec.json.encode(bundle.Top(bundle.FORMAT, digest(body))) + b"\n" + body


def test_a_forger_who_computes_the_digest_anew_is_found_by_what_each_line_says() -> None:
    [_, envelope, *rest] = UNSIGNED.splitlines(keepends=True)
    files = [msgspec.json.decode(line, type=bundle.FileLine) for line in rest]

    def line(file: bundle.FileLine) -> bytes:
        return msgspec.json.encode(file) + b"\n"

    other = bundle.FileLine(files[0].name, digest(b"other"), to_base64(b"other"))
    lying = bundle.FileLine(files[0].name, files[0].sha256, to_base64(b"[]\t"))
    forged = {
        "nothing": again([envelope, *rest]),
        "content under the old digest": again([envelope, line(lying), *rest[1:]]),
        "another file of that name": again([envelope, line(other), *rest[1:]]),
        "a file more": again([envelope, *rest, line(bundle.FileLine("more", digest(b"x"), to_base64(b"x")))]),
        "a file less": again([envelope, *rest[:-1]]),
        "a space": again([envelope, rest[0].replace(b'{"', b'{ "', 1), *rest[1:]]),
        "no envelope": again([]),
    }
    taken = {name for name, content in forged.items() if passes(content, integrity_only=True)}
    assert taken == {"nothing"}


def test_a_payload_spelled_otherwise_or_of_another_type_is_refused() -> None:
    body = s.encoded(statement()[0])
    rest = UNSIGNED.splitlines(keepends=True)[2:]

    def wrapped(payload: bytes) -> bytes:
        return again([msgspec.json.encode(sealed(payload)) + b"\n", *rest])

    assert passes(wrapped(body), integrity_only=True)
    for other in (
        body.replace(b'{"_type"', b'{ "_type"', 1), body.replace(b"Statement/v1", b"Statement/v2", 1),
        body.replace(b"verification:v1", b"verification:v2", 1), body[:-1] + b',"more":1}',
    ):  # fmt: skip
        assert other != body and not passes(wrapped(other), integrity_only=True)


def test_the_name_of_the_right_key_beside_the_signature_of_another_is_no_signature() -> None:
    body = s.encoded(statement()[0])
    forged = sealed(body, (Signature(PUBLIC.id, to_base64(bytes(64))), Signature(PUBLIC.id, to_base64(KEY.sign(b"x")))))
    assert not passes(bundle.write(forged, statement()[1]))
    for content in (SIGNED, UNSIGNED):
        assert checking.check(bundle.read(content), None)[0].says == "unknown"


def test_an_export_whose_digest_was_computed_anew_has_one_spelling_and_one_ledger() -> None:
    [first, *rest] = EXPORTED.splitlines(keepends=True)
    top = msgspec.json.decode(first, type=export.Top)

    def again(events: list[bytes], **changed: object) -> bytes:
        made = msgspec.structs.replace(top, digest=digest(b"".join(events)), **changed)
        return b"".join([msgspec.json.encode(made) + b"\n", *events, rest[-1]])

    assert holds(again(rest[:-1]))
    assert not holds(again([rest[0].replace(b'{"', b'{ "', 1), *rest[1:-1]]))
    with pytest.raises(export.ExportUnsound, match="another ledger"):
        export.read(again(rest[:-1], ledger="00000000-0000-0000-0000-000000000000"))
