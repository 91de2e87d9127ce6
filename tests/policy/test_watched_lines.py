"""Of a watched file the lines that bend how work is judged are told, and what ordinary work writes there is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.policy.custody import HARMLESS_SECTIONS, MOST_SHOWN, OF_A_PERSON, bends, git_settings, may_be_put_back

GIT, CLIENT, IGNORES = "/w/.git/config", "/w/.claude/settings.json", "/w/.git/info/exclude"
STARTUP, ENVIRONMENT, OTHER = "/v/site-packages/a.pth", "/v/pyvenv.cfg", "/w/.git/hooks/pre-commit"


def told(name: str, before: str | None, after: str | None) -> tuple[str, ...]:
    return bends(name, *(None if text is None else text.encode() for text in (before, after)))


# --- any file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [GIT, CLIENT, IGNORES, STARTUP, ENVIRONMENT, OTHER])
@given(content=st.none() | st.binary(max_size=60))
def test_a_file_that_is_as_it_was_bends_nothing(name: str, content: bytes | None) -> None:
    assert bends(name, content, content) == ()


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [(None, "x", "it is new"), ("x", None, "it is gone"), ("x", "y", "its content is another"),
     (None, "", "it is new"), ("", None, "it is gone")],
)  # fmt: skip
def test_of_a_file_that_nobody_reads_line_by_line_every_byte_counts(
    before: str | None, after: str | None, says: str
) -> None:
    assert told(OTHER, before, after) == (says,)


@pytest.mark.parametrize("name", [GIT, CLIENT, IGNORES])
def test_what_is_no_text_counts_as_changed(name: str) -> None:
    assert bends(name, b"", b"\xff\xfe") == ("its content is another",)
    assert bends(name, None, b"\xff\xfe") == ("it is new",)


def test_a_line_is_shown_up_to_a_limit_and_cut_beyond() -> None:
    (whole,) = told(IGNORES, "", "x" * MOST_SHOWN)
    assert whole == "+ " + "x" * MOST_SHOWN
    (cut,) = told(IGNORES, "", "x" * (MOST_SHOWN + 1))
    assert cut == "+ " + "x" * (MOST_SHOWN - 1) + "…"


def test_lines_that_went_are_told_before_those_that_came() -> None:
    assert told(IGNORES, "*.a\n*.b\n", "*.b\n*.c\n") == ("- *.a", "+ *.c")


@pytest.mark.parametrize(
    ("name", "may"),
    [(".claude/settings.json", True), (".claude/settings.local.json", True), (".git/info/exclude", True),
     (".git/phasegate/place", True), ("/state/trusted.json", True), (".git/config", False), ("settings.json", False),
     (".git/hooks/pre-commit", False), ("/h/.claude/settings.json", False)],
)  # fmt: skip
def test_only_what_is_phasegates_own_or_hides_work_may_be_put_back(name: str, may: bool) -> None:
    assert may_be_put_back(name) is may


# --- patterns, startup files, environments ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [IGNORES, "/h/.config/git/ignore", "/w/.git/info/attributes"])
def test_comments_and_blank_lines_of_patterns_are_anybodys(name: str) -> None:
    assert told(name, "", "# a comment\n\n   \n") == ()
    assert told(name, "", "  indented \n") == ("+   indented",)


def test_what_an_interpreter_runs_when_it_starts_is_told_and_the_line_of_virtualenv_is_not() -> None:
    assert told(STARTUP, "", "# note\n\nimport _virtualenv\n") == ()
    assert told(STARTUP, "", "import evil\n/elsewhere\n") == ("+ /elsewhere", "+ import evil")
    assert told(STARTUP, None, " # indented, so it is a path\n") == ("+ # indented, so it is a path",)


def test_of_an_environment_the_interpreter_and_its_packages_count() -> None:
    before = "home = /usr/bin\nversion = 3.11.1\ninclude-system-site-packages = false\n"
    assert told(ENVIRONMENT, before, before.replace("3.11.1", "3.11.2")) == ()
    assert told(ENVIRONMENT, before, before.replace("/usr", "/evil")) == ("- home = /usr/bin", "+ home = /evil/bin")
    assert told(ENVIRONMENT, before, before.replace("false", "true"))
    assert told(ENVIRONMENT, before, before + "executable = /evil/python\n") == ("+ executable = /evil/python",)


# --- the client's settings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(OF_A_PERSON))
def test_what_a_client_keeps_for_its_person_is_anybodys(key: str) -> None:
    assert told(CLIENT, "{}", f'{{"{key}": "x", "$schema": "y"}}') == ()


@pytest.mark.parametrize("content", ["", " \n", "{}", '{"$schema": "x"}', '{"permissions": {"allow": ["Bash"]}}'])
def test_settings_that_say_nothing_that_counts_are_as_good_as_none(content: str) -> None:
    assert told(CLIENT, None, content) == ()


@pytest.mark.parametrize(
    ("after", "lines"),
    [
        ('{"disableAllHooks": true}', ("+ disableAllHooks = true",)),
        ('{"hooks": {"Stop": []}}', ("+ hooks.Stop = []",)),
        ('{"env": {"PATH": "/evil"}}', ('+ env.PATH = "/evil"',)),
        ('{"permissions": {"defaultMode": "plan", "deny": []}}', ('+ permissions.defaultMode = "plan"',)),
        ('{"permissions": ["Bash"]}', ('+ permissions = ["Bash"]',)),
        ('{"model": "x", "apiKeyHelper": "y"}', ('+ apiKeyHelper = "y"',)),
    ],
)
def test_any_other_setting_of_a_client_is_told(after: str, lines: tuple[str, ...]) -> None:
    assert told(CLIENT, "{}", after) == lines


@pytest.mark.parametrize("after", ["[]", '"x"', "{", '{"a": 1}}', "[" * 5000])
def test_settings_of_a_client_that_are_none_count_as_changed(after: str) -> None:
    assert told(CLIENT, "{}", after) == ("its content is another",)
    assert told(CLIENT, None, after) == ("it is new",)


def test_the_order_of_settings_is_of_no_account() -> None:
    assert told(CLIENT, '{"env": {"A": {"x": 1, "y": 2}}}', '{"env": {"A": {"y": 2, "x": 1}}}') == ()


# --- git's settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", sorted(HARMLESS_SECTIONS))
def test_what_gits_own_commands_write_is_anybodys(section: str) -> None:
    assert told(GIT, "", f"[{section}]\n\tanything = x\n") == ()
    assert told(GIT, "", f'[{section} "below"]\n\tanything = x\n') == ()


@pytest.mark.parametrize(
    "text",
    ['[remote "origin"]\nurl = u\nfetch = f\npushurl = p', '[submodule "a"]\nactive = true\nurl = u',
     "[core]\nlogallrefupdates = true\nrepositoryformatversion = 0", "[user]\nname = Ann\nemail = a@b.c",
     "# only a comment", "; another", "", "[core]"],
)  # fmt: skip
def test_ordinary_work_with_git_is_anybodys(text: str) -> None:
    assert told(GIT, "", text) == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[core]\nhooksPath = /evil", "core.hookspath = /evil"),
        ("[core] hooksPath = /evil", "core.hookspath = /evil"),
        ("[CORE]\n\tHOOKSPATH=/evil ; why", "core.hookspath = /evil"),
        ("[core]\nfsmonitor", "core.fsmonitor = true"),
        ("[core]\nhooksPath = /e\\\nvil", "core.hookspath = /evil"),
        ("[core]\nhooksPath = /evil\\", "core.hookspath = /evil"),
        ('[core]\nhooksPath = "/e # vil"', 'core.hookspath = "/e # vil"'),
        ("[user]\n[core]\nhooksPath = x", "core.hookspath = x"),
        ("[user] [core] hooksPath = x", "core.hookspath = x"),
        ("[core.old]\nhooksPath = x", "core.old.hookspath = x"),
        ('[filter "a"]\nclean = x', "filter.a.clean = x"),
        ('[diff "a\\"b"]\ntextconv = x', 'diff.a\\"b.textconv = x'),
        ('[remote "origin"]\nuploadpack = x', "remote.origin.uploadpack = x"),
        ('[submodule "a"]\nupdate = !x', "submodule.a.update = !x"),
        ("[commit]\ngpgsign = false", "commit.gpgsign = false"),
        ("[tag]\ngpgsign = false", "tag.gpgsign = false"),
        ("[init]\ntemplateDir = x", "init.templatedir = x"),
        ("[include]\npath = x", "include.path = x"),
        ("[alias]\nst = !x", "alias.st = !x"),
        ("\ufeff[include]\r\npath = x\r\n", "include.path = x"),
    ],
)
def test_a_setting_of_git_that_starts_a_program_or_hides_something_is_told(text: str, line: str) -> None:
    assert told(GIT, "", text) == (f"+ {line}",)
    assert told(GIT, text, "") == (f"- {line}",)


@pytest.mark.parametrize("text", ["hooksPath = x", "[core]\n= x", "[core\nx = y", "[core]\n!x = y"])
def test_what_git_would_not_read_counts_as_changed(text: str) -> None:
    assert told(GIT, "", text) == ("its content is another",)
    with pytest.raises(ValueError, match="no setting"):
        list(git_settings(text))


def test_a_comment_within_a_value_ends_it_and_one_within_quotes_does_not() -> None:
    assert list(git_settings('[include]\npath = a # b\n[include]\npath = "a ; b"')) == [
        "include.path = a", 'include.path = "a ; b"',
    ]  # fmt: skip
    assert list(git_settings('[include]\npath = "a\\\n # b"')) == ['include.path = "a # b"']
