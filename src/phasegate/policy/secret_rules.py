"""What a secret looks like: one row a kind, read by `secrets.py`.

A row is tried only where one of its keywords stands, and its pattern is matched from the keyword on, so a pattern
never searches. Every repetition is bounded or possessive and none is nested: the cost of a row is (number of its
keywords in the text) times a constant.
"""

from __future__ import annotations

import binascii
import math
import re
import zlib
from collections.abc import Callable
from functools import cache

import msgspec

Check = Callable[["re.Match[str]"], bool]


class Rule(msgspec.Struct, frozen=True):
    """A kind of secret; `entropy` is the least a secret of it has, in bits per character."""

    id: str
    keywords: tuple[str, ...]
    pattern: str
    entropy: float = 0.0
    check: Check | None = None
    proof: Check | None = None
    """Proves by a checksum that this is a secret, whatever it looks like."""

    def accepts(self, match: re.Match[str]) -> bool:
        """Whether what `pattern` matched is a secret and not a placeholder."""
        if self.proof is not None and self.proof(match):
            return True
        secret = match[last_group(match)]
        if is_placeholder(secret) or entropy(secret) < self.entropy:
            return False
        return self.check is None or self.check(match)


def last_group(match: re.Match[str]) -> int:
    """The group that holds the secret: the last one of the pattern that took part, else all of it."""
    return match.lastindex or 0


def entropy(text: str) -> float:
    """Shannon entropy of the characters of `text`, in bits per character."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in map(text.count, set(text)))


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """`pattern`, compiled when first needed: importing this table must cost nothing."""
    return re.compile(pattern, re.ASCII)


# Shapes of values that stand where a secret would: documentation, templates, variables.
_PLACEHOLDER = (
    r"(?i:example|placeholder|change[-_]?me|replace[-_]?me|redacted|your[-_]|my[-_]?(?:secret|token|password))"
    r"|xxxx|XXXX|\*\*\*|\.\.\.|\$\{|\$\(|\{\{|%\(|<[A-Za-z]"
    r"|0123456789|123456789|abcdefghij|ABCDEFGHIJ|([0-9A-Za-z])\1{6}"
)
_STAND_INS = frozenset(
    "pass passwd password passwort pwd pw secret token key user username admin root test testing guest foo bar baz "
    "changeme default none null true false string postgres mysql redis mongo mongodb rabbitmq minio docker".split()
)


def is_placeholder(secret: str) -> bool:
    """Whether `secret` is what people write where a secret would stand."""
    return secret.lower() in _STAND_INS or compiled(_PLACEHOLDER).search(secret) is not None


_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def crc32_base62(text: str) -> str:
    """The six characters that GitHub and npm append to the random part of a token."""
    left, digits = zlib.crc32(text.encode()), ""
    while left:
        left, digit = divmod(left, 62)
        digits = _BASE62[digit] + digits
    return digits.zfill(6)


def _checksum_fits(match: re.Match[str]) -> bool:
    body = match[0].partition("_")[2]
    return len(body) == 36 and crc32_base62(body[:30]) == body[30:]


def _is_jwt(match: re.Match[str]) -> bool:
    return b'"alg"' in decoded_base64(match[0].partition(".")[0])


def _is_user_and_password(match: re.Match[str]) -> bool:
    user, colon, password = decoded_base64(match[1]).partition(b":")
    return bool(colon and user and len(password) >= 3) and (user + password).isascii()


def _is_chosen(match: re.Match[str]) -> bool:
    user, password = match[1], match[2]
    return password != user and compiled(r"[$%]?\{|[$%][A-Za-z_]|%[0-9]?[sd]|[<\[(]").match(password) is None


def _is_key_body(match: re.Match[str]) -> bool:
    return compiled(r"[A-Za-z0-9+/=]{40}").search(match[0].replace("\\n", "\n")) is not None


def _mixes(match: re.Match[str]) -> bool:
    """Letters and digits, and not just a path, or words with a number, or versions."""
    secret = match[last_group(match)]
    if not any(map(str.isdigit, secret)) or not any(map(str.isalpha, secret)):
        return False
    if compiled(r"[.~]{0,2}/[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]*").fullmatch(secret):
        return False
    parts = compiled(r"[^A-Za-z0-9]|(?<=[a-z0-9])(?=[A-Z])").split(secret)
    return not all(map(compiled(r"[A-Z]?[a-z]{2,}[0-9]{0,2}|[A-Z]{2,}[0-9]?|[A-Za-z]?|v?[0-9]{1,5}").fullmatch, parts))


def decoded_base64(text: str) -> bytes:
    """The bytes that `text` stands for in either base64 alphabet, without its padding; empty when it is none."""
    body = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return binascii.a2b_base64(body[: len(body) - (len(body) % 4 == 1)] + "==")
    except (binascii.Error, ValueError):
        return b""


# No letter or digit stands before; an escape (\n, %3D, \u003d, a terminal colour) is no letter.
_EDGE = (
    r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u00[0-9a-f]{2})|(?<=\\x[0-9a-f]{2})"
    r"|(?<=\x1b\[[0-9]m)|(?<=\x1b\[[0-9]{2}m)|(?<=\x1b\[[0-9];[0-9]{2}m))"
)
# The rest of a name, then `=`, `:`, `:=`, `=>` or `==`, then perhaps an opening quote.
_IS = r"""[A-Za-z0-9_.-]{0,32}+["'\\\]]{0,3}\s{0,4}+(?::=|=>|==|=|:)\s{0,4}+(?:[bfru]{0,2}\\?["'`])?"""
_HEX_END = r"(?![0-9A-Za-z])"
_PEM_BODY = r"(?:(?:[^-\x00]|-(?!----)){40,20000}+-----END[A-Z0-9 ]{1,40}-----|[A-Za-z0-9+/=\s\\]{40,20000}+)"

# Rules whose secret carries its own mark and lies in one run of at least 20 characters of `RUN`.
TOKENS = (
    Rule("aws-access-key-id", ("AKIA", "ASIA", "ABIA", "ACCA"), _EDGE + r"A[A-Z]{3}[A-Z2-7]{16}" + _HEX_END, 2.5),
    Rule("aws-bedrock-key", ("ABSK",), _EDGE + r"ABSK[A-Za-z0-9+/]{100,300}={0,2}", 4.0),
    Rule(
        "github-token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        r"gh[pousr]_[A-Za-z0-9]{36,251}",
        3.0,
        None,
        _checksum_fits,
    ),
    Rule("github-fine-grained-token", ("github_pat_",), r"github_pat_[A-Za-z0-9_]{60,255}", 3.5),
    Rule(
        "gitlab-token",
        ("glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-", "gloas-", "glagent-", "glft-", "glimt-"),
        r"gl[a-z]{2,5}-[A-Za-z0-9_.-]{20,300}",
        3.0,
    ),
    Rule(
        "slack-token",
        ("xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xoxe.", "xoxd-", "xoxc-"),
        r"xox[a-z][-.][A-Za-z0-9%.-]{20,512}",
        3.0,
    ),
    Rule("slack-app-token", ("xapp-",), r"xapp-[0-9]-[A-Za-z0-9-]{20,256}", 3.0),
    Rule(
        "slack-webhook",
        ("hooks.slack.com/",),
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/]{30,128})",
        3.0,
    ),
    Rule(
        "stripe-key", ("sk_live_", "rk_live_", "sk_test_", "rk_test_"), r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,248}", 3.0
    ),
    Rule("stripe-webhook-secret", ("whsec_",), r"whsec_[A-Za-z0-9+/]{32,128}", 3.5),
    Rule("google-api-key", ("AIza",), _EDGE + r"AIza[A-Za-z0-9_-]{35}", 3.5),
    Rule("google-oauth-token", ("ya29.",), _EDGE + r"ya29\.[A-Za-z0-9_-]{20,2048}", 3.5),
    Rule("google-client-secret", ("GOCSPX-",), r"GOCSPX-[A-Za-z0-9_-]{28}", 3.0),
    Rule("azure-client-secret", ("8Q~",), r"(?<=[A-Za-z0-9_~.-]{3})8Q~[A-Za-z0-9_~.-]{31,34}", 3.5),
    Rule("npm-token", ("npm_",), _EDGE + r"npm_[A-Za-z0-9]{36}", 3.5, None, _checksum_fits),
    Rule("pypi-token", ("pypi-AgE",), r"pypi-AgE[A-Za-z0-9_-]{50,1024}", 3.5),
    Rule("anthropic-key", ("sk-ant-",), r"sk-ant-[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_-]{32,256}", 3.5),
    Rule("openrouter-key", ("sk-or-v1-",), r"sk-or-v1-[0-9a-f]{64}", 3.0),
    Rule(
        "openai-key",
        ("sk-",),
        _EDGE + r"sk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{32,256}|[A-Za-z0-9]{32,64})",
        3.5,
    ),
    Rule("huggingface-token", ("hf_", "api_org_"), _EDGE + r"(?:hf|api_org)_[A-Za-z0-9]{34,40}", 3.5),
    Rule("groq-key", ("gsk_",), _EDGE + r"gsk_[A-Za-z0-9]{48,56}", 3.5),
    Rule("xai-key", ("xai-",), _EDGE + r"xai-[A-Za-z0-9]{70,90}", 3.5),
    Rule("perplexity-key", ("pplx-",), r"pplx-[A-Za-z0-9]{40,64}", 3.5),
    Rule("replicate-token", ("r8_",), _EDGE + r"r8_[A-Za-z0-9]{37}", 3.5),
    Rule("twilio-api-key", ("SK",), _EDGE + r"SK[0-9a-f]{32}" + _HEX_END, 3.0),
    Rule("sendgrid-key", ("SG.",), _EDGE + r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}", 3.5),
    Rule("mailgun-key", ("key-",), _EDGE + r"key-[0-9a-f]{32}" + _HEX_END, 3.0),
    Rule("digitalocean-token", ("dop_v1_", "doo_v1_", "dor_v1_"), r"do[opr]_v1_[0-9a-f]{64}", 3.0),
    Rule("heroku-token", ("HRKU-",), r"HRKU-[A-Za-z0-9_-]{36,80}", 3.0),
    Rule("telegram-bot-token", ("AA",), r"(?<=[0-9]{8}:)AA[A-Za-z0-9_-]{32,36}", 3.5),
    Rule("shopify-token", ("shpat_", "shpca_", "shppa_", "shpss_"), r"shp[acps][ast]_[0-9a-fA-F]{32}", 3.0),
    Rule("square-token", ("sq0atp-", "sq0csp-", "sq0idp-"), r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,64}", 3.0),
    Rule("square-access-token", ("EAAA",), _EDGE + r"EAAA[A-Za-z0-9_-]{60}(?![A-Za-z0-9_+/-])", 4.0),
    Rule("atlassian-token", ("ATATT3", "ATCTT3"), r"AT[AC]TT3[A-Za-z0-9_=-]{60,256}", 3.5),
    Rule("bitbucket-token", ("ATBB",), _EDGE + r"ATBB[A-Za-z0-9]{32}", 3.5),
    Rule("linear-key", ("lin_api_", "lin_oauth_"), r"lin_(?:api|oauth)_[A-Za-z0-9]{32,64}", 3.0),
    Rule("databricks-token", ("dapi",), _EDGE + r"dapi[0-9a-f]{32}(?:-[0-9])?" + _HEX_END, 3.0),
    Rule("vault-token", ("hvs.", "hvb.", "hvr."), _EDGE + r"hv[sbr]\.[A-Za-z0-9_-]{24,300}", 3.5),
    Rule("terraform-token", (".atlasv1.",), r"(?<=[A-Za-z0-9]{14})\.atlasv1\.[A-Za-z0-9_=-]{60,70}", 3.5),
    Rule("age-key", ("AGE-SECRET-KEY-1",), r"AGE-SECRET-KEY-1[0-9A-Z]{58}", 3.0),
    Rule("newrelic-key", ("NRAK-",), r"NRAK-[A-Z0-9]{27}", 3.0),
    Rule("sentry-token", ("sntrys_", "sntryu_"), r"sntry[su]_[A-Za-z0-9+/=_]{60,400}", 3.0),
    Rule("grafana-token", ("glsa_", "glc_"), _EDGE + r"(?:glsa|glc)_[A-Za-z0-9+/_]{32,400}", 3.5),
    Rule("doppler-token", ("dp.pt.", "dp.st.", "dp.ct."), _EDGE + r"dp\.[psc]t\.[A-Za-z0-9_.-]{40,80}", 3.5),
    Rule("pulumi-token", ("pul-",), _EDGE + r"pul-[0-9a-f]{40}" + _HEX_END, 3.0),
    Rule("postman-key", ("PMAK-",), r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}", 3.0),
    Rule("rubygems-key", ("rubygems_",), r"rubygems_[0-9a-f]{48}", 3.0),
    Rule("docker-token", ("dckr_pat_", "dckr_oat_"), r"dckr_[po]at_[A-Za-z0-9_-]{24,64}", 3.0),
    Rule("figma-token", ("figd_",), r"figd_[A-Za-z0-9_-]{40,64}", 3.0),
    Rule("notion-token", ("ntn_",), _EDGE + r"ntn_[A-Za-z0-9]{40,50}", 3.5),
    Rule("planetscale-token", ("pscale_",), r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64}", 3.0),
    Rule("supabase-key", ("sbp_", "sb_secret_"), _EDGE + r"(?:sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{30,48})", 3.0),
    Rule("1password-token", ("ops_eyJ",), r"ops_eyJ[A-Za-z0-9_-]{100,2000}={0,2}", 4.0),
    Rule(
        "jwt",
        ("eyJ",),
        _EDGE + r"eyJ[A-Za-z0-9_-]{12,1024}+\.[A-Za-z0-9_-]{8,16384}+\.[A-Za-z0-9_-]{16,2048}+",
        3.5,
        _is_jwt,
    ),
)

# Rules known by what stands around the secret; keywords are in lower case and found in any case.
CONTEXTS = (
    Rule(
        "gcp-service-account",
        ('"private_key"',),
        r'(?i:"private_key")\s{0,4}:\s{0,4}"(-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----' + _PEM_BODY + ")",
        3.0,
        _is_key_body,
    ),
    Rule(
        "private-key",
        ("-----begin ",),
        r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----" + _PEM_BODY,
        3.0,
        _is_key_body,
    ),
    Rule(
        "putty-private-key",
        ("putty-user-key-file-",),
        r"(?i:putty-user-key-file-)[23]: [a-z0-9-]{4,40}(?:\s|\\[nr]){1,4}Encryption"
        r"[^\x00]{40,8192}?Private-MAC: [0-9a-f]{40,64}",
        3.0,
    ),
    Rule("discord-webhook", ("/api/webhooks/",), r"(?i:/api/webhooks/)[0-9]{17,20}/([A-Za-z0-9_-]{60,80})", 3.5),
    Rule(
        "discord-token",
        ("discord", "bot "),
        r"(?i:discord|bot)" + r"(?:" + _IS + r"|\s)([MNO][A-Za-z0-9_-]{22,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40})",
        3.5,
    ),
    Rule(
        "teams-webhook", ("webhook.office.com/",), r"(?i:webhook\.office\.com/)webhookb2/([A-Za-z0-9@/-]{80,250})", 3.0
    ),
    Rule(
        "aws-secret-key",
        ("secret_access_key", "secretaccesskey", "secret-access-key", "aws_secret"),
        r"(?i:(?:aws_)?secret[_-]?(?:access)?[_-]?(?:key)?)" + _IS + r"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        3.5,
    ),
    Rule("azure-storage-key", ("accountkey",), r"(?i:accountkey)" + _IS + r"([A-Za-z0-9+/]{86}==)", 4.0),
    Rule("azure-sas", ("sig=",), r"(?i:sig=)([A-Za-z0-9%+/]{43,90}(?:%3[Dd]|=))", 3.5),
    Rule("twilio-auth-token", ("twilio",), r"(?i:twilio)" + _IS + r"([0-9a-f]{32})" + _HEX_END, 3.0),
    Rule(
        "heroku-api-key",
        ("heroku",),
        r"(?i:heroku)" + _IS + r"([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})",
        3.0,
    ),
    Rule(
        "datadog-key",
        ("datadog", "dd_a", "dd-a"),
        r"(?i:datadog|dd[-_]a)" + _IS + r"([0-9a-f]{32}(?:[0-9a-f]{8})?)" + _HEX_END,
        3.0,
    ),
    Rule(
        "cloudflare-token",
        ("cloudflare", "cf_api"),
        r"(?i:cloudflare|cf_api)" + _IS + r"([A-Za-z0-9_-]{37,40})(?![A-Za-z0-9_-])",
        3.5,
        _mixes,
    ),
    Rule("mailgun-signing-key", ("mailgun",), r"(?i:mailgun)" + _IS + r"([0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})", 3.0),
    Rule(
        "database-url",
        ("postgres", "mysql", "mariadb", "mongodb", "redis", "amqp", "mssql"),
        r"(?i:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql)(?:\+[A-Za-z0-9_]{1,20})?"
        r"://([^\s/:@,'\"<>\x00]{0,64}):([^\s/@'\"<>`\x00]{3,128})@",
        0.0,
        _is_chosen,
    ),
    Rule(
        "password-in-url",
        ("://",),
        r"://([^\s/:@,'\"<>\x00]{0,64}):([^\s/@'\"<>`\x00]{3,128})@[A-Za-z0-9\[]",
        0.0,
        _is_chosen,
    ),
    Rule("authorization-basic", ("basic ",), r"(?i:basic )([A-Za-z0-9+/]{8,512}+={0,2})", 2.5, _is_user_and_password),
    Rule("authorization-bearer", ("bearer ",), r"(?i:bearer )([A-Za-z0-9._~+/-]{20,2048}+={0,2})", 3.5, _mixes),
    Rule(
        "secret-assignment",
        (
            "password",
            "passwd",
            "_pass",
            "pwd",
            "passphrase",
            "secret",
            "token",
            "api_key",
            "api-key",
            "apikey",
            "access_key",
            "access-key",
            "accesskey",
            "auth_key",
            "credential",
            "private_key",
            "signing_key",
            "encryption_key",
        ),
        r"""(?!(?i:_pass[a-z]))[A-Za-z0-9_.-]{3,40}+["'\\\]]{0,3}\s{0,4}+(?::=|=>|==|=|:)\s{0,4}+"""
        r"""(?:[bru]{0,2}\\?["'`]([^\s"'`\x00\\]{8,512}+)"""
        r"""|([A-Za-z0-9_+/~!@#%^*-]{8,512}+={0,2})(?![A-Za-z0-9_.(\[{$]))""",
        3.0,
        _mixes,
    ),
)
