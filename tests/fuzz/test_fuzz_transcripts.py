"""A real transcript damaged anywhere is still read to its end, judged and shown, and what was lost is counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.agents.claude_transcripts import Caps, cost_of, in_folder, read
from phasegate.entrypoints.cli.lookback import _scan
from phasegate.entrypoints.reporting import local
from phasegate.report.lookback.look import Looking
from phasegate.report.lookback.page import lookback_page
from phasegate.report.lookback.seen import Unread
from phasegate.report.markdown import markdown

EXAMPLES = 5_000 if os.environ.get("PHASEGATE_TIER") == "release" else 60
SAMPLE = next((Path(__file__).parents[1] / "agents/transcripts").glob("*.jsonl")).read_bytes()
SESSION = "2527da7a-06e4-45ee-b63a-4adeb1694688"
DAMAGE = st.lists(
    st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 200), st.binary(max_size=40)), min_size=1, max_size=8
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(DAMAGE)
def test_a_damaged_transcript_is_read_judged_and_shown(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int, bytes]]
) -> None:
    data = SAMPLE
    for place, cut, put in damage:
        data = data[:place] + put + data[place + cut :]
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "s.jsonl").write_bytes(data)
    (folder / f"{SESSION}.jsonl").write_bytes(data)
    assert 0 <= cost_of(str(folder.parent), SESSION) < 1e9
    unread: list[Unread] = []
    looking = Looking(_scan)
    for transcript in in_folder(str(folder)):
        looking.session(read(transcript, ["/home/user/shop"], _scan, Caps(), unread))
    page = markdown(lookback_page(looking.result(0.0, unread), local, 1_800_000_000_000), lambda file: "", {})
    assert not set(page) & set("\x1b\x07\u202e\x00")
