"""`phasegate.toml`: what is wrong is named with its line and what was probably meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.settings import Settings
from phasegate.workspace.settings_file import SettingsInvalid, first_settings, read_settings

PROJECT = "0b5dd3c2-7bdc-4d8c-9a49-2b1f5c3e6a11"
HEAD = f'project = "{PROJECT}"\n'


def read(text: str) -> Settings:
    return read_settings(text.encode(), path="phasegate.toml")


def test_the_first_settings_say_only_the_project() -> None:
    assert read_settings(first_settings(PROJECT, None), path="") == Settings(project=PROJECT)
    assert read_settings(first_settings(PROJECT, "off"), path="") == Settings(project=PROJECT, render="off")


def test_each_setting_is_read() -> None:
    settings = read(
        HEAD + 'plan = "plan.md"\n[tests]\ncommand = ["python", "-m", "pytest"]\ntimeout_seconds = 60\n'
        '[coverage.paths]\n"src/**" = 90\n[paths]\nprotected = ["infra/**"]\n'
    )
    assert settings.plan == "plan.md" and settings.tests.timeout_seconds == 60
    assert settings.coverage.paths == {"src/**": 90.0} and settings.class_of("infra/a") == "own"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (HEAD + 'plam = "x"\n', 2, "'plan'"),
        (HEAD + "[tests]\n\ntimeout = 3\n", 4, "'tests.timeout'"),
        (HEAD + "[testz]\n", 2, "'tests'"),
        (HEAD + '[tests]\ncommand = "pytest"\n', 3, "`tests.command`: Expected `array`"),
        (HEAD + '[tests]\nargs = ["a",\n 3]\n', 4, "`tests.args.1`"),
        (HEAD + 'render = "claude"\n', 2, "`render`"),
        (HEAD + 'plan = "../plan.md"\n', 2, "inside the repository"),
        (HEAD + 'area = "/etc"\n', 2, "inside the repository"),
        (HEAD + "[coverage]\nchanged_lines = 101\n", 3, "per cent"),
        (HEAD + "[coverage]\nchanged_lines = nan\n", 3, "per cent"),
        (HEAD + '[coverage.paths]\n"a b" = -1\n', 3, "per cent"),
        (HEAD + "[tests]\ntimeout_seconds = 0\n", 3, "more than 0"),
        (HEAD + "plan = \n", 2, "not TOML"),
        (HEAD + HEAD, 2, "not TOML"),
        ("\n", 1, "UUID"),
        ('project = "../../etc"\n', 1, "UUID"),
        ("a = " + "[" * 100_000, 1, "nests deeper"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read(text)
    assert f"phasegate.toml:{line}:" in refused.value.message and said in refused.value.message
    assert refused.value.hint


def test_all_unknown_keys_are_told_at_once() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read(HEAD + "a = 1\n[tests]\nb = 1\n")
    assert refused.value.message.count("there is no setting") == 2


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_hostile_settings_are_refused_in_words(content: bytes) -> None:
    with pytest.raises(SettingsInvalid):
        read_settings(content, path="phasegate.toml")
