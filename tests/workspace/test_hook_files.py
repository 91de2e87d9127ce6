"""What is put into the hooks of others comes out again without a trace, whatever they are."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from phasegate.workspace import hook_files as h

BLOCKS = st.sampled_from([h.block(h.BY_NAME), h.block("/opt/my tools/bin/phasegate")])
LINES = st.sampled_from(
    [
        "#!/bin/sh",
        "#!/usr/bin/env bash",
        "set -e",
        "exit 0",
        "",
        "  # phasegate",
        "echo é",
        '. "$(dirname "$0")/_/husky.sh"',
    ]
)
SCRIPTS = st.one_of(
    st.binary(max_size=80), st.builds(lambda rows, end: ("\n".join(rows) + end).encode(), st.lists(LINES, max_size=6),
                                      st.sampled_from(["", "\n", "\n\n"])),
)  # fmt: skip


@given(SCRIPTS, BLOCKS)
def test_a_script_comes_back_as_it_was(script: bytes, block: str) -> None:
    put_in = h.with_block(script, block)
    assert block.removesuffix("\n").encode() in put_in
    assert h.with_block(put_in, block) == put_in
    assert (h.without_block(put_in) or b"") == script


@given(BLOCKS)
def test_what_is_all_ours_goes_as_a_whole(block: str) -> None:
    assert h.without_block(h.whole(block)) is None
    assert h.with_block(h.whole(block), block) == h.whole(block)
    assert h.is_whole(h.whole(block, "before"), "before") and not h.is_whole(h.whole(block) + b"x\n", "before")


def test_ours_runs_before_everything_but_the_line_that_names_the_shell() -> None:
    block = h.block(h.BY_NAME)
    assert h.with_block(b"#!/bin/sh\nexit 0\n", block).decode() == f"#!/bin/sh\n{block}exit 0\n"
    assert h.with_block(b"npm test\n", block).decode() == f"{block}npm test\n"


CONFIGURED = [
    ("pre-commit", "repos:\n- repo: local\n  hooks: []\n"),
    ("pre-commit", "# a\nfail_fast: true\nrepos:  # ours\n\n    # first\n    - repo: local\n      hooks: []\n"),
    ("lefthook", "pre-commit:\n  commands:\n    lint:\n      run: true\n"),
    ("lefthook", "pre-commit:\n  piped: true\n\n  # all\n  commands:\n      lint:\n        run: true\npre-push: {}\n"),
    ("lefthook", "pre-push:\n  commands:\n    lint:\n      run: true\n"),
    ("lefthook", ""),
]  # fmt: skip


@pytest.mark.parametrize(("runner", "text"), CONFIGURED)
def test_yaml_gets_one_entry_and_loses_it_again(runner: str, text: str) -> None:
    made = h.configured(runner, text.encode())
    assert made is not None and h.configured(runner, made) == made
    before, after = yaml.safe_load(text) or {}, yaml.safe_load(made)
    if runner == "pre-commit":
        (ours,) = after["repos"].pop(0)["hooks"]
        assert ours["entry"] == h.COMMAND and ours["pass_filenames"] is False
    else:
        assert after["pre-commit"]["commands"].pop("phasegate-secrets") == {"run": h.COMMAND}
        if "pre-commit" not in before:
            del after["pre-commit"]
    assert after == before
    assert h.unconfigured(made) == text.encode()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"name": "x", "husky": {"hooks": {"pre-commit": "lint"}}}, indent=2),
        json.dumps({"name": "x", "husky": {"hooks": {"pre-push": "test"}}, "a": 1}, indent=4) + "\n",
        json.dumps({"hooks": {"pre-push": "test"}}, indent="\t"),
    ],
)
def test_package_json_gets_one_command_and_loses_it_again(text: str) -> None:
    made = h.configured("husky4", text.encode())
    assert made is not None and h.configured("husky4", made) == made
    read = json.loads(made)
    assert h.COMMAND in read.get("husky", read)["hooks"]["pre-commit"]
    assert h.unconfigured(made) == text.encode()


@given(
    st.sampled_from(sorted(h.CONFIGURATIONS)),
    st.one_of(st.binary(max_size=100), st.text('repos:-\n {}"hksu,pre-commit', max_size=80).map(str.encode)),
)
def test_a_configuration_of_any_form_is_added_to_or_left_alone(runner: str, found: bytes) -> None:
    made = h.configured(runner, found)
    assert made is None or h.unconfigured(made) == found
