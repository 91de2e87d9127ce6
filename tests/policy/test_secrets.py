"""Secrets are found where people put them, taken out whole, and nothing else is touched.

No sample is written down: each is drawn from a seeded generator, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import click
import hypothesis
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.policy import secret_places, secrets
from phasegate.policy.scan import secrets_in
from phasegate.policy.secret_contexts import CONTEXTS
from phasegate.policy.secret_shapes import crc32_base62
from phasegate.policy.secret_tokens import TOKENS
from phasegate.policy.secrets import TooLargeToScan, find_secrets, fingerprint, redact, redact_bytes
from tests.policy.secret_samples import ALNUM, HEX, SAMPLES, Draw, checksummed, sample

FULL = os.environ.get("PHASEGATE_TIER") == "release"
CONTEXT = {
    "assignment": lambda name, value: f'{name} = "{value}"',
    "json": lambda name, value: json.dumps({"kind": "x", name: value}),
    "yaml": lambda name, value: f"top:\n  {name}: {value}\n",
    "header": lambda name, value: f"GET /?q=1\n{name}: {value}\r\n",
    "environment": lambda name, value: f"export {name}={value}\n",
}


def test_every_rule_has_a_sample() -> None:
    assert {rule for rule, _ in SAMPLES} == {rule.id for rule in (*TOKENS, *CONTEXTS)}
    assert len({rule for rule, _ in SAMPLES}) > 130


@pytest.mark.parametrize("context", CONTEXT)
@pytest.mark.parametrize("place", range(len(SAMPLES)), ids=[f"{rule}-{n}" for n, (rule, _) in enumerate(SAMPLES)])
def test_a_rule_finds_its_sample_in_each_context(place: int, context: str) -> None:
    """A service account's key is known by its JSON name; elsewhere it is a private key like any other."""
    rule = SAMPLES[place][0]
    expected = "private-key" if rule == "gcp-service-account" and context != "json" else rule
    for seed in range(5 if FULL else 2):
        text = CONTEXT[context](*sample(place, seed))
        assert expected in {one.rule for one in find_secrets(text)}, text
        clean, taken = redact(text)
        assert taken
        assert redact(clean) == (clean, ())
        assert find_secrets(clean) == ()


def github(seed: str = "a") -> str:
    return checksummed("gh" + "p_")(Draw(seed))[1]


def test_a_finding_names_rule_place_and_fingerprint_but_never_the_secret() -> None:
    (found,) = find_secrets(f"a = 1\nkéy = '{github()}'\n")
    assert (found.rule, found.line, found.column) == ("github-token", 2, 8)
    assert found.fingerprint == fingerprint("github-token", github())
    assert github()[5:] not in msgspec.json.encode(found).decode()
    assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found


def test_little_is_shown_of_a_short_password() -> None:
    (found,) = find_secrets("https://deploy:" + "q7Zx" + "@git.internal/")
    assert found.shown == "q…"


def test_the_marker_carries_rule_and_fingerprint() -> None:
    mark = fingerprint("github-token", github())
    assert redact(f"x {github()} y")[0] == f"x [redacted:github-token:{mark}] y"


def test_a_right_checksum_proves_a_token_that_looks_like_a_placeholder() -> None:
    body = ("EXAM" + "PLE" + "x" * 30)[:30]
    assert find_secrets("gh" + "p_" + body + crc32_base62(body))
    assert not find_secrets("gh" + "p_" + body + "000000")


def test_a_wrong_checksum_does_not_clear_a_random_token() -> None:
    """The format's owner may change the checksum; a leak would cost more than a question."""
    assert find_secrets(github()[:-6] + "000000")


@pytest.mark.parametrize(
    "before", ["\\n", "\\t", "%3D", "\\u003d", "\\x3d", "\x1b[1m", "\x1b[32m", "\x1b[1;32m", '\\"', "é"]
)
@pytest.mark.parametrize("place", [0, 22, 26, 27, 32])
def test_an_escape_before_a_token_does_not_hide_it(before: str, place: int) -> None:
    assert find_secrets(before + sample(place)[1])


KNOWN_ONCE_ENCODED = [
    place for place, (rule, _) in enumerate(SAMPLES) if rule in {r.id for r in TOKENS} | {"private-key"}
]


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("place", KNOWN_ONCE_ENCODED)
def test_one_layer_of_base64_does_not_hide_a_known_key(place: int, encode: Callable[[bytes], bytes]) -> None:
    text = "data:\n  value: " + encode(f"k={sample(place)[1]}\n".encode()).decode() + "\n"
    clean, found = redact(text)
    assert found, text
    assert redact(clean) == (clean, ())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_an_artifact_of_any_encoding_is_redacted_and_stays_readable(encoding: str) -> None:
    before, after = "Größe der Ausgabe: ", "\nlängst fertig\n"
    clean, found = redact_bytes(f"{before}{github()}{after}".encode(encoding))
    marker = f"[redacted:github-token:{fingerprint('github-token', github())}]"
    assert clean.decode(encoding) == f"{before}{marker}{after}"
    assert [one.rule for one in found] == ["github-token"]
    assert redact_bytes(clean) == (clean, ())


def test_text_and_bytes_give_a_secret_the_same_fingerprint() -> None:
    text = f'password = "gr{Draw(1).of(ALNUM, 9)}ün7ä"'
    assert find_secrets(text)[0].fingerprint == redact_bytes(text.encode())[1][0].fingerprint


def test_what_is_too_large_is_refused_unread() -> None:
    with pytest.raises(TooLargeToScan) as refused:
        redact_bytes(b"a" * (secrets.LARGEST + 1))
    assert refused.value.hint


def test_lower_case_keeps_every_letter_in_its_place() -> None:
    every = "".join(map(chr, range(0x110000)))
    assert len(secret_places.flattened(every)) == len(every)


LETTERS = Draw("negatives")
HARMLESS = [
    "commit " + LETTERS.of(HEX, 40),
    f'"sha256": "{LETTERS.of(HEX, 64)}"',
    f"id: {uuid.UUID(bytes=LETTERS.randbytes(16), version=4)}",
    f'"integrity": "sha512-{base64.b64encode(LETTERS.randbytes(64)).decode()}"',
    f"github.com/a/b v1.2.3 h1:{base64.b64encode(LETTERS.randbytes(32)).decode()}",
    f'hash = "sha256:{LETTERS.of(HEX, 64)}", size = 1234',
    f"<img src='data:image/png;base64,{base64.b64encode(LETTERS.randbytes(150_000)).decode()}'>",
    "aws_access_key_id = AKIA" + "IOSFODNN7" + "EXAMPLE",
    "aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY",
    "gh" + "p_" + "x" * 36,
    "gh" + "p_" + "a1" + "0" * 34,
    "sk-" + "ant-api03-" + "X" * 93,
    "token: <token>",
    "token: ${{ secrets.GITHUB_TOKEN }}",
    'password = "${DB_PASSWORD_2}"',
    'password = os.environ["DB_PASSWORD_1"]',
    "password = settings.database.password_v2",
    'password = "changeme123"',
    'password = getpass.getpass("Password 1234: ")',
    "export API_KEY=$OTHER_KEY_12345",
    "export API_KEY=your-api-key-1234567",
    "secret_name: prod-database-credentials-v2",
    "token_url = 'https://auth.internal/oauth2/v1/token'",
    "postgres://user:password@localhost/db",
    "postgresql://app:${PASSWORD}@db/app",
    "mysql://root:root@localhost/db",
    'f"https://{user}:{password}@{host}/"',
    "https://user:<password>@host/",
    "force_length_passive=FiberForceLengthPassive2016",
    "OLDPWD=/tmp/x7f3k9q2/build-a1b2c3",
    "git@github.com:owner/repo.git and ssh://git@host:22/x",
    "http://localhost:8080/@scope/name",
    "Authorization: Bearer $TOKEN",
    "Authorization: Bearer <your-token>",
    "Basic authentication is not supported",
    '"-----BEGIN RSA PRIVATE' + ' KEY-----"',
    "disk-abcdefghijklmnopqrstuvwxyz0123456789abcdefghij",
    "private_key: Ed25519PrivateKey | None",
    "new URL('https://abc:xyz9Kq@user.example.com/')",
    "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "self.assertEqual(next_token, TokenKind.IDENTIFIER_2)",
]


@pytest.mark.parametrize("text", HARMLESS, ids=range(len(HARMLESS)))
def test_what_only_looks_like_a_secret_is_left_alone(text: str) -> None:
    assert find_secrets(text) == ()
    assert redact(text) == (text, ())


@pytest.mark.parametrize("package", [click, hypothesis, pytest, msgspec])
def test_installed_packages_hold_no_secrets(package: object) -> None:
    root = Path(str(package.__file__)).parent  # type: ignore[attr-defined]
    found = {str(path): find_secrets(path.read_text("utf-8")) for path in root.rglob("*.py")}
    assert not {path: hits for path, hits in found.items() if hits}


SECRETS = st.builds(lambda place, seed: sample(place, seed)[1], st.integers(0, len(SAMPLES) - 1), st.integers(0, 50))
TOKEN_PLACES = [n for n, (rule, _) in enumerate(SAMPLES) if rule in {r.id for r in TOKENS} and "webhook" not in rule]
TOKEN_SAMPLES = st.builds(lambda n, seed: sample(n, seed)[1], st.sampled_from(TOKEN_PLACES), st.integers(0, 50))
PROSE = st.text("abc def, (x) é\n\r\t\u2028\U0001f600", max_size=30)


@given(st.lists(st.tuples(PROSE, TOKEN_SAMPLES), max_size=6), PROSE)
def test_secrets_go_and_everything_else_stays(pieces: list[tuple[str, str]], tail: str) -> None:
    text = "".join(f"{prose} {secret}\n" for prose, secret in pieces) + tail
    clean, found = redact(text)
    assert len(found) >= len(pieces)
    assert not [secret for _, secret in pieces if secret in clean]
    places = [clean.find(prose) for prose, _ in pieces]
    assert -1 not in places
    assert clean.endswith(tail)
    assert clean.count("\n") == text.count("\n")


KEYWORDS = sorted({keyword for rule in (*TOKENS, *CONTEXTS) for keyword in rule.keywords})
SHARDS = st.one_of(
    st.sampled_from(KEYWORDS),
    SECRETS,
    st.text(max_size=8),
    st.text("aB3/+=-_.:\"' \n\0", max_size=40),
    st.just("[redacted:"),
    st.just("[redacted:jwt:0123456789abcdef]"),
    st.just(" = "),
    st.just('"'),
)


@given(st.lists(SHARDS, max_size=10).map("".join))
def test_redacted_text_has_no_findings_whatever_it_was(text: str) -> None:
    clean, _ = redact(text)
    assert find_secrets(clean) == ()
    assert redact(clean) == (clean, ())


@given(st.lists(st.one_of(st.binary(max_size=20), SECRETS.map(str.encode)), max_size=6).map(b"".join))
def test_redacted_bytes_stay_as_they_are(data: bytes) -> None:
    clean, found = redact_bytes(data)
    assert found or clean == data
    assert redact_bytes(clean) == (clean, ())


def test_a_marker_written_by_another_hand_hides_no_password_beside_it() -> None:
    marker = "[redacted:jwt:0123456789abcdef]"
    assert find_secrets(f'password = "{Draw(3).of(ALNUM, 16)}7x{marker}"')


def test_text_that_never_settles_becomes_one_marker() -> None:
    """Each round bares one more token here; rounds are few, so that hostile text costs no more than any other."""
    pieces = ["h" + "f_" + Draw(n).of(ALNUM, 40) for n in range(20)]
    clean, found = redact("".join(pieces))
    assert clean.startswith("[redacted:unsettled-text:")
    assert found[-1].rule == "unsettled-text"
    assert redact(clean) == (clean, ())


HOSTILE = [
    *(shape for keyword in KEYWORDS[::7] for shape in (keyword, f"{keyword}A1b-", f'{keyword}="', f"{keyword} = ")),
    *(
        "-----BEGIN RSA PRIVATE" + " KEY-----\n",
        "g\0h\0",
        "[redacted:",
        "://a:",
        "-eyJAAAAAAAAAAAAA.",
        'token="a1',
        "QUtJQ",
    ),
    *(
        "glp" + "at-abcdefghij0123ABCDE-",
        "a",
        "=",
        "-",
        "\n",
        "\0",
        "tok" + "en=a8f9g7h6j5k4:",
        "PuTTY-User-Key-File-2: x",
    ),
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", HOSTILE, ids=range(len(HOSTILE)))
def test_a_mebibyte_of_repetition_is_read_in_linear_time(unit: str) -> None:
    """The limit is far above what linear reading takes and far below what any quadratic one would."""
    size = 1 << (20 if FULL else 18)
    clean, _ = redact((unit * (size // len(unit) + 1))[:size])
    assert len(clean) < 8 * size


def test_this_file_would_pass_its_own_guard() -> None:
    assert find_secrets(Path(__file__).read_text("utf-8")) == ()


def test_importing_the_rules_compiles_nothing() -> None:
    code = (
        "import phasegate.policy.secrets, phasegate.policy.secret_shapes as r; print(r.compiled.cache_info().currsize)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"


@given(st.lists(st.tuples(PROSE, TOKEN_SAMPLES), min_size=1, max_size=8), st.integers(2000, 5000), PROSE)
def test_reading_in_pieces_loses_no_secret_and_finds_none_twice(
    pieces: list[tuple[str, str]], size: int, tail: str
) -> None:
    """Wherever the cuts fall: what is read in small pieces is what is read at once."""
    text = "".join(f"{prose * 20} {secret}\n" for prose, secret in pieces) + tail
    whole = secrets._in_pieces(text, len(text) + 1, 900)
    assert secrets._in_pieces(text, size, 900) == whole


def test_a_secret_in_a_text_of_several_pieces_is_found_where_it_is() -> None:
    lines = "x = 1\n" * (secrets.PIECE // 6)
    text = f"{lines}{github()}\n{lines}{github('b')}\n"
    rows = len(lines) // 6
    assert [(one.line, one.column) for one in find_secrets(text)] == [(rows + 1, 1), (2 * rows + 2, 1)]


def test_no_file_of_this_repository_carries_what_looks_like_a_secret() -> None:
    """Its tests make theirs up, so that no scanner of anybody's minds it."""
    root = Path(__file__).parents[2]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    paths = [root / os.fsdecode(name) for name in listed.split(b"\0") if name]
    found = {str(path): list(secrets_in(path.name, path.read_bytes())) for path in paths if path.is_file()}
    assert len(found) > 500 and not {path: hits for path, hits in found.items() if hits}
