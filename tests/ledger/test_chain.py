"""Whatever is done to a recorded chain, `verify` names the first position that does not hold."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.ledger.chain import EMPTY, Broken, link, verify
from phasegate.ledger.event import GENESIS, Actor, Clock, Draft, Event, canonical, seal
from phasegate.ledger.log import Head

replace = msgspec.structs.replace


def chain(length: int, *, ledger: str = "ledger-1", first_id: int = 1) -> list[Event]:
    drafts = [Draft("run/1" if n % 3 else "phase/4", "StepEntered", 1, b'{"n": %d}' % n) for n in range(length)]
    ids = (f"id-{n}" for n in itertools.count(first_id))
    return list(
        link(
            drafts,
            head=EMPTY,
            clock=Clock(0),
            versions={},
            ledger=ledger,
            actor=Actor("agent", "claude-code", "session-7"),
            now_ms=1_764_000_000_000,
            new_id=lambda: next(ids),
        )
    )


def head(event: Event) -> Head:
    return Head(event.position, event.hash)


def found(broken: Broken | None) -> tuple[int, str] | None:
    return (broken.position, broken.why) if broken else None


def test_a_chain_as_recorded_holds() -> None:
    assert verify([]) is None
    assert verify(chain(9)) is None


def test_linking_is_the_same_for_everyone() -> None:
    """Two stores that are handed the same ids and times hold the same bytes."""
    assert chain(5) == chain(5)


def test_the_canonical_form_never_changes() -> None:
    """These bytes are in everybody's ledger: a change here is a new form under a new name, never an edit."""
    event = Event(
        ledger="L",
        position=2,
        clock=Clock(1_764_000_000_000, 3),
        stream="run/1",
        version=7,
        id="i",
        actor=Actor("agent", "clàude", "s"),
        kind="StepEntered",
        schema=1,
        body=b"{}",
        body_digest=hashlib.sha256(b"{}").hexdigest(),
        previous=GENESIS,
        hash="",
    )

    def part(text: str) -> bytes:
        return len(text.encode()).to_bytes(8, "big") + text.encode()

    golden = [
        *("phasegate-event-1", "L", "2", "1764000000000", "3", "run/1", "7", "i", "agent", "clàude", "s"),
        *("StepEntered", "1", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "0" * 64),
    ]
    assert canonical(event) == b"".join(map(part, golden))
    assert seal(event).hash == "f2a9a7af2a88faff11eecb2cf16c8c88dc47a7dade12fb23252efbbaeca196a1"


def test_fields_cannot_be_shifted_into_each_other() -> None:
    """Lengths in front: moving a character from one field into its neighbour is another form."""
    event = chain(1)[0]
    assert canonical(replace(event, stream="ab", id="c")) != canonical(replace(event, stream="a", id="bc"))


def _flips(event: Event) -> list[Event]:
    """`event` with each single bit of each of its fields flipped in turn."""
    flipped: list[Event] = []
    for name in event.__struct_fields__:
        value = getattr(event, name)
        flipped += [replace(event, **{name: other}) for other in _bits(value)]
    return flipped


def _bits(value: object) -> list[Any]:
    match value:
        case int():
            return [value ^ 1 << bit for bit in range(53)]
        case str():
            return [text.decode("latin-1") for text in _byte_bits(value.encode("latin-1"))]
        case bytes():
            return list(_byte_bits(value))
        case Clock(ms=ms, tick=tick):
            return [*(Clock(n, tick) for n in _bits(ms)), *(Clock(ms, n) for n in _bits(tick))]
        case Actor(kind=kind, name=name, session=session):
            kinds = [Actor(text, name, session) for text in _bits(kind)]
            names = [Actor(kind, text, session) for text in _bits(name)]
            return [*kinds, *names, *(Actor(kind, name, text) for text in _bits(session))]
    raise AssertionError(f"no way to flip a bit of {value!r}")


def _byte_bits(data: bytes) -> list[bytes]:
    number = int.from_bytes(data, "big")
    return [(number ^ 1 << bit).to_bytes(len(data), "big") for bit in range(8 * len(data))]


def test_every_single_bit_flip_of_a_field_is_noticed_where_it_happened() -> None:
    events = chain(4)
    flips = _flips(events[2])
    assert len(flips) > 2000
    for flipped in flips:
        broken = verify([*events[:2], flipped, events[3]])
        assert broken is not None
        assert broken.position == 3


@pytest.mark.parametrize("position", [1, 3, 5])
def test_a_removed_event_is_noticed(position: int) -> None:
    events = chain(6)
    del events[position - 1]
    assert found(verify(events)) == (position, "removed")


def test_two_that_changed_places_are_noticed() -> None:
    events = chain(6)
    events[2], events[3] = events[3], events[2]
    assert found(verify(events)) == (3, "reordered")


def test_an_event_put_in_is_noticed() -> None:
    events = chain(6)
    forged = seal(replace(events[3], id="forged"))
    assert found(verify([*events[:3], forged, *events[3:]])) == (5, "inserted")


def test_an_erased_body_leaves_the_chain_whole() -> None:
    events = chain(4)
    events[1] = replace(events[1], body=None)
    assert verify(events) is None


def test_a_replaced_and_resealed_event_is_noticed_by_the_next() -> None:
    events = chain(6)
    events[2] = seal(replace(events[2], kind="PhaseClosed"))
    assert found(verify(events)) == (4, "unlinked")


def test_a_body_replaced_together_with_its_digest_is_noticed() -> None:
    events = chain(6)
    events[2] = replace(events[2], body=b"{}", body_digest=hashlib.sha256(b"{}").hexdigest())
    assert found(verify(events)) == (3, "changed")


@pytest.mark.parametrize("kept", [0, 1, 5])
def test_a_cut_off_end_is_noticed_by_whoever_remembers_the_head(kept: int) -> None:
    events = chain(6)
    assert verify(events[:kept]) is None
    assert found(verify(events[:kept], until=head(events[-1]))) == (kept + 1, "truncated")


def test_a_chain_rewritten_whole_is_noticed_by_whoever_remembers_a_head() -> None:
    original, rewritten = chain(6), chain(6, first_id=100)
    assert verify(rewritten) is None
    assert found(verify(rewritten, until=head(original[2]))) == (3, "rewritten")


def test_a_tail_is_verified_from_the_head_it_follows() -> None:
    events = chain(6)
    assert verify(events[3:], after=head(events[2])) is None
    assert verify([], after=head(events[5]), until=head(events[5])) is None
    assert found(verify(events[4:], after=head(events[2]))) == (4, "removed")
    assert found(verify(events[3:], after=Head(3, "f" * 64))) == (4, "unlinked")


@pytest.mark.parametrize(
    "change",
    [
        {"ledger": "ledger-2"},
        {"version": 9},
        {"clock": Clock(1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_sealed_end_that_no_store_would_write_is_noticed(change: dict[str, object]) -> None:
    events = chain(6)
    events[5] = seal(replace(events[5], **change))
    assert found(verify(events)) == (6, "impossible")


@given(st.data())
def test_any_mixture_of_cuts_doubles_and_swaps_is_noticed(data: st.DataObject) -> None:
    events = chain(7)
    order = data.draw(st.lists(st.integers(0, 6), max_size=10))
    broken = verify([events[n] for n in order], until=head(events[-1]))
    sound = next((n for n, index in enumerate(order) if index != n), len(order))
    if order == list(range(7)):
        assert broken is None
    else:
        assert broken is not None and broken.position == sound + 1
