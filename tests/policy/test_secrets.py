"""Secrets are found where people put them, taken out whole, and nothing else is touched.

No sample is written down: each is drawn from a seeded generator, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import base64
import json
import os
import random
import string
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

from phasegate.policy import secrets
from phasegate.policy.secret_rules import CONTEXTS, TOKENS, crc32_base62
from phasegate.policy.secrets import TooLargeToScan, find_secrets, fingerprint, redact, redact_bytes

ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "-_"
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits

FULL = os.environ.get("PHASEGATE_TIER") == "release"

Sample = tuple[str, str]
Build = Callable[["Draw"], Sample]


class Draw(random.Random):
    """Seeded letters; the first is a letter or digit so that a sample has no soft edge."""

    def of(self, letters: str, size: int) -> str:
        return self.choice(ALNUM if letters == URLSAFE else letters) + "".join(self.choices(letters, k=size - 1))

    def json_part(self, **fields: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")

    def pem(self, label: str) -> str:
        body = base64.b64encode(self.randbytes(600)).decode()
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        dashes = "-" * 5
        return "\n".join([f"{dashes}BEGIN {label}{dashes}", *lines, f"{dashes}END {label}{dashes}"])


def token(*parts: str | tuple[str, int], name: str = "field") -> Build:
    """A sample of fixed parts and of (letters, how many) to be drawn."""
    return lambda d: (name, "".join(p if isinstance(p, str) else d.of(*p) for p in parts))


def checksummed(prefix: str) -> Build:
    def build(d: Draw) -> Sample:
        body = d.of(ALNUM, 30)
        return "field", prefix + body + crc32_base62(body)

    return build


def jwt(d: Draw) -> Sample:
    return "field", ".".join([d.json_part(alg="HS256"), d.json_part(sub=d.of(ALNUM, 12)), d.of(URLSAFE, 43)])


def pem(label: str, name: str = "field") -> Build:
    return lambda d: (name, d.pem(label))


def basic(d: Draw) -> Sample:
    return "Authorization", "Basic " + base64.b64encode(f"deploy:{d.of(ALNUM, 14)}".encode()).decode()


def putty(d: Draw) -> Sample:
    head = f"PuTTY-User-Key{'-File'}-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 2\n"
    return "field", f"{head}{d.of(B64, 64)}\n{d.of(B64, 30)}\nPrivate-MAC: {d.of(HEX, 64)}"


B64 = ALNUM + "+/"
# Rule id -> (name, value) that it must find; several rows a rule where the kind has several shapes.
SAMPLES: tuple[tuple[str, Build], ...] = (
    ("aws-access-key-id", token("AK", "IA", (string.ascii_uppercase + "234567", 16))),
    ("aws-access-key-id", token("AS", "IA", (string.ascii_uppercase + "234567", 16))),
    ("aws-bedrock-key", token("AB", "SK", (ALNUM, 128))),
    ("aws-secret-key", token((B64, 40), name="aws_secret_access_key")),
    ("aws-secret-key", token((B64, 40), name="SecretAccessKey")),
    *(("github-token", checksummed(f"gh{kind}_")) for kind in "pousr"),
    ("github-token", token("gh", "p_", (ALNUM, 36))),
    ("github-fine-grained-token", token("github", "_pat_", (ALNUM, 22), "_", (ALNUM, 59))),
    ("gitlab-token", token("gl", "pat-", (URLSAFE, 20))),
    ("gitlab-token", token("gl", "rt-", (URLSAFE, 20))),
    ("slack-token", token("xo", "xb-", (string.digits, 12), "-", (string.digits, 12), "-", (ALNUM, 24))),
    ("slack-app-token", token("xa", "pp-1-", (UPPER, 11), "-", (string.digits, 13), "-", (HEX, 64))),
    ("slack-webhook", token("https://hooks.", "slack.com/services/T", (UPPER, 8), "/B", (UPPER, 8), "/", (ALNUM, 24))),
    ("stripe-key", token("sk", "_live_", (ALNUM, 24))),
    ("stripe-key", token("rk", "_test_", (ALNUM, 99))),
    ("stripe-webhook-secret", token("wh", "sec_", (ALNUM, 32))),
    ("google-api-key", token("AI", "za", (URLSAFE, 35))),
    ("google-oauth-token", token("ya", "29.", (URLSAFE, 120))),
    ("google-client-secret", token("GOC", "SPX-", (URLSAFE, 28))),
    ("azure-client-secret", token((ALNUM, 3), "8Q", "~", (ALNUM, 34))),
    ("azure-storage-key", token("AccountName=store;Account", "Key=", (B64, 86), "==")),
    ("azure-sas", token("https://store.blob.core.windows.net/c?sv=2024-01-01&s", "ig=", (ALNUM, 43), "%3D")),
    ("npm-token", checksummed("np" + "m_")),
    ("pypi-token", token("py", "pi-AgEIcHlwaS5vcmc", (URLSAFE, 80))),
    ("anthropic-key", token("sk-", "ant-api03-", (URLSAFE, 93), "AA")),
    ("openai-key", token("sk-", (ALNUM, 48))),
    ("openai-key", token("sk-", "proj-", (URLSAFE, 120))),
    ("openrouter-key", token("sk-", "or-v1-", (HEX, 64))),
    ("huggingface-token", token("h", "f_", (string.ascii_letters, 34))),
    ("groq-key", token("gs", "k_", (ALNUM, 52))),
    ("xai-key", token("xa", "i-", (ALNUM, 80))),
    ("perplexity-key", token("pp", "lx-", (ALNUM, 48))),
    ("replicate-token", token("r", "8_", (ALNUM, 37))),
    ("twilio-api-key", token("S", "K", (HEX, 32))),
    ("twilio-auth-token", token((HEX, 32), name="TWILIO_AUTH_TOKEN")),
    ("sendgrid-key", token("S", "G.", (URLSAFE, 22), ".", (URLSAFE, 43))),
    ("mailgun-key", token("ke", "y-", (HEX, 32))),
    ("mailgun-signing-key", token((HEX, 32), "-", (HEX, 8), "-", (HEX, 8), name="MAILGUN_API_KEY")),
    ("digitalocean-token", token("do", "p_v1_", (HEX, 64))),
    ("heroku-token", token("HR", "KU-AA", (URLSAFE, 58))),
    ("heroku-api-key", lambda d: ("HEROKU_API_KEY", str(uuid.UUID(bytes=d.randbytes(16), version=4)))),
    ("discord-webhook", token("https://discord.com/api/web", "hooks/", (string.digits, 18), "/", (URLSAFE, 68))),
    ("discord-token", token("M", (ALNUM, 23), ".", (ALNUM, 6), ".", (ALNUM, 38), name="DISCORD_TOKEN")),
    ("telegram-bot-token", token("1", (string.digits, 9), ":A", "A", (URLSAFE, 33))),
    ("shopify-token", token("shp", "at_", (HEX, 32))),
    ("square-token", token("sq0", "csp-", (URLSAFE, 43))),
    ("square-access-token", token("EA", "AA", (ALNUM, 60))),
    ("atlassian-token", token("ATA", "TT3xFfGF0", (URLSAFE, 170), "=", (UPPER, 8))),
    ("bitbucket-token", token("AT", "BB", (ALNUM, 32))),
    ("linear-key", token("lin_", "api_", (ALNUM, 40))),
    ("databricks-token", token("da", "pi", (HEX, 32))),
    ("vault-token", token("hv", "s.", (URLSAFE, 90))),
    ("terraform-token", token((ALNUM, 14), ".atlas", "v1.", (URLSAFE, 67))),
    ("age-key", token("AGE-SECRET", "-KEY-1", ("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58))),
    ("newrelic-key", token("NR", "AK-", (UPPER, 27))),
    ("sentry-token", token("sntr", "yu_", (HEX, 64))),
    ("grafana-token", token("gl", "sa_", (ALNUM, 32), "_", (HEX, 8))),
    ("doppler-token", token("dp", ".pt.", (ALNUM, 43))),
    ("pulumi-token", token("pu", "l-", (HEX, 40))),
    ("postman-key", token("PM", "AK-", (HEX, 24), "-", (HEX, 34))),
    ("rubygems-key", token("ruby", "gems_", (HEX, 48))),
    ("docker-token", token("dckr", "_pat_", (URLSAFE, 27))),
    ("figma-token", token("fi", "gd_", (URLSAFE, 40))),
    ("notion-token", token("nt", "n_", (ALNUM, 46))),
    ("planetscale-token", token("psc", "ale_tkn_", (URLSAFE, 43))),
    ("supabase-key", token("sb", "p_", (HEX, 40))),
    ("1password-token", token("op", "s_eyJ", (ALNUM, 300))),
    ("teams-webhook", token("https://x.web", "hook.office.com/webhookb2/", (HEX, 40), "@", (HEX, 40), "/", (HEX, 20))),
    ("datadog-key", token((HEX, 32), name="DD_API_KEY")),
    ("cloudflare-token", token((ALNUM, 40), name="CLOUDFLARE_API_TOKEN")),
    ("jwt", jwt),
    ("gcp-service-account", pem("PRIVATE" + " KEY", "private_key")),
    *(("private-key", pem(f"{kind}PRIVATE" + " KEY")) for kind in ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")),
    ("private-key", pem("PGP PRIVATE" + " KEY BLOCK")),
    ("putty-private-key", putty),
    ("database-url", token("postgres", "ql://app:", (ALNUM, 16), "@db.internal:5432/app")),
    ("database-url", token("mongodb", "+srv://app:", (ALNUM, 16), "@cluster.internal/app")),
    ("password-in-url", token("https", "://deploy:", (ALNUM, 16), "@git.internal/app.git")),
    ("authorization-basic", basic),
    ("authorization-bearer", token("Bearer ", (ALNUM, 40), name="Authorization")),
    ("secret-assignment", token((ALNUM, 20), "7a", name="DB_PASSWORD")),
    ("secret-assignment", token((ALNUM, 9), "7a", name="MYSQL_PWD")),
    ("secret-assignment", token((ALNUM, 9), "7a", name="smtp_pass")),
    ("secret-assignment", token((HEX, 32), "7a", name="internal_api_key")),
)
CONTEXT = {
    "assignment": lambda name, value: f'{name} = "{value}"',
    "json": lambda name, value: json.dumps({"kind": "x", name: value}),
    "yaml": lambda name, value: f"top:\n  {name}: {value}\n",
    "header": lambda name, value: f"GET /?q=1\n{name}: {value}\r\n",
    "environment": lambda name, value: f"export {name}={value}\n",
}


def sample(place: int, seed: int = 0) -> Sample:
    return SAMPLES[place][1](Draw(f"{place}/{seed}"))


def test_every_rule_has_a_sample() -> None:
    assert {rule for rule, _ in SAMPLES} == {rule.id for rule in (*TOKENS, *CONTEXTS)}
    assert len(TOKENS) + len(CONTEXTS) >= 60


@pytest.mark.parametrize("context", CONTEXT)
@pytest.mark.parametrize("place", range(len(SAMPLES)), ids=[f"{rule}-{n}" for n, (rule, _) in enumerate(SAMPLES)])
def test_a_rule_finds_its_sample_in_each_context(place: int, context: str) -> None:
    """A service account's key is known by its JSON name; elsewhere it is a private key like any other."""
    rule = SAMPLES[place][0]
    expected = "private-key" if rule == "gcp-service-account" and context != "json" else rule
    for seed in range(5):
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
    assert len(secrets._lowered(every)) == len(every)


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
        "import phasegate.policy.secrets, phasegate.policy.secret_rules as r; print(r.compiled.cache_info().currsize)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"
