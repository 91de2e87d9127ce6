"""Secrets known by what stands around them: a name, a scheme, a header; keywords in lower case, found in any case."""

from __future__ import annotations

import re

from phasegate.policy.secret_shapes import (
    END,
    IS,
    PEM_BODY,
    Rule,
    compiled,
    is_chosen,
    is_key_body,
    is_user_and_password,
    mixes,
)

_SECRET_NAME = r"(?i:pass(?:word|wd|phrase)|(?<=_)pass(?![a-z])|pwd|secret|token|credential)[A-Za-z0-9_.-]{0,40}+"
_KEY_NAME = (
    r"(?:(?<=api[_-])|(?<=api)|(?<=access[_-])|(?<=access)|(?<=auth_)|(?<=private_)|(?<=signing_)|(?<=encryption_))"
)
_KEY_NAME = f"(?i:{_KEY_NAME}key)[A-Za-z0-9_.-]{{0,40}}+"
_VALUE = (
    r"""["'\\\]]{0,3}\s{0,4}+(?::=|=>|==|=|:)\s{0,4}+"""
    r"""(?:[bru]{0,2}\\?["'`]([^\s"'`\x00\\]{8,512}+)"""
    r"""|([A-Za-z0-9_+/~!@#%^*-]{8,512}+={0,2})(?![A-Za-z0-9_.(\[{$]))"""
)


def _is_chosen_for_a_database(match: re.Match[str]) -> bool:
    """Whether the scheme before `://` is that of a database or a queue."""
    scheme = match.string[max(0, match.start() - 40) : match.start()].lower()
    return is_chosen(match) and compiled(_DATABASE).search(scheme) is not None


_DATABASE = (
    r"(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|sqlserver|cockroachdb|clickhouse|oracle)"
    r"(?:\+[a-z0-9_]{1,20})?\Z"
)


CONTEXTS = (
    Rule(
        "gcp-service-account",
        ('"private_key"',),
        r'(?i:"private_key")\s{0,4}:\s{0,4}"(-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----' + PEM_BODY + ")",
        3.0,
        is_key_body,
    ),
    Rule(
        "private-key",
        ("-----begin ",),
        r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----" + PEM_BODY,
        3.0,
        is_key_body,
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
        r"(?i:discord|bot)" + r"(?:" + IS + r"|\s)([MNO][A-Za-z0-9_-]{22,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40})",
        3.5,
    ),
    Rule(
        "teams-webhook", ("webhook.office.com/",), r"(?i:webhook\.office\.com/)webhookb2/([A-Za-z0-9@/-]{80,250})", 3.0
    ),
    Rule(
        "aws-secret-key",
        ("secret_access_key", "secretaccesskey", "secret-access-key", "aws_secret"),
        r"(?i:(?:aws_)?secret[_-]?(?:access)?[_-]?(?:key)?)" + IS + r"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        3.5,
    ),
    Rule("azure-storage-key", ("accountkey",), r"(?i:accountkey)" + IS + r"([A-Za-z0-9+/]{86}==)", 4.0),
    Rule("azure-sas", ("sig=",), r"(?i:sig=)([A-Za-z0-9%+/]{43,90}(?:%3[Dd]|=))", 3.5),
    Rule("twilio-auth-token", ("twilio",), r"(?i:twilio)" + IS + r"([0-9a-f]{32})" + END, 3.0),
    Rule(
        "heroku-api-key",
        ("heroku",),
        r"(?i:heroku)" + IS + r"([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})",
        3.0,
    ),
    Rule(
        "datadog-key",
        ("datadog", "dd_a", "dd-a"),
        r"(?i:datadog|dd[-_]a)" + IS + r"([0-9a-f]{32}(?:[0-9a-f]{8})?)" + END,
        3.0,
    ),
    Rule(
        "cloudflare-token",
        ("cloudflare", "cf_api"),
        r"(?i:cloudflare|cf_api)" + IS + r"([A-Za-z0-9_-]{37,40})(?![A-Za-z0-9_-])",
        3.5,
        mixes,
    ),
    Rule("mailgun-signing-key", ("mailgun",), r"(?i:mailgun)" + IS + r"([0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})", 3.0),
    Rule(
        "database-url",
        ("://",),
        r"://([^\s/:@,'\"<>\x00]{0,64}):([^\s/@'\"<>`\x00]{3,128})@",
        0.0,
        _is_chosen_for_a_database,
    ),
    Rule(
        "password-in-url",
        ("://",),
        r"://([^\s/:@,'\"<>\x00]{0,64}):([^\s/@'\"<>`\x00]{3,128})@[A-Za-z0-9\[]",
        0.0,
        is_chosen,
    ),
    Rule("authorization-basic", ("basic ",), r"(?i:basic )([A-Za-z0-9+/]{8,512}+={0,2})", 2.5, is_user_and_password),
    Rule("authorization-bearer", ("bearer ",), r"(?i:bearer )([A-Za-z0-9._~+/-]{20,2048}+={0,2})", 3.5, mixes),
    Rule(
        "netrc-password",
        ("machine ",),
        r"(?i:machine) [A-Za-z0-9.-]{3,100}\s{1,8}login\s{1,4}\S{1,64}\s{1,8}password\s{1,4}([^\s\x00]{6,128})",
        2.5,
        mixes,
    ),
    Rule(
        "encoded-login",
        ("auth",),
        r"""(?i:auth)["'\\]{0,3}\s{0,4}[:=]\s{0,4}["'\\]{0,2}([A-Za-z0-9+/]{12,512}+={0,2})""",
        2.5,
        is_user_and_password,
    ),
    Rule(
        "curl-user",
        ("curl ",),
        r"""(?i:curl) [^\n\x00]{0,400}?(?<=\s)(?:-u|--user)[ =]?["']?([^\s:"'$\x00]{1,64}):([^\s"'@$\x00]{6,128})""",
        2.5,
        is_chosen,
    ),
    Rule("secret-assignment", ("pass", "pwd", "secret", "token", "credential"), _SECRET_NAME + _VALUE, 3.0, mixes),
    Rule("secret-assignment", ("key",), _KEY_NAME + _VALUE, 3.0, mixes),
)
