"""Which found secrets are surely keys: what could be an example, or is public by design, is left out."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

GUESSED = frozenset(
    "secret-assignment password-in-url database-url authorization-basic authorization-bearer jwt google-api-key".split()
)
"""Rules that judge a value by what stands around it, or whose keys may be public: in tests they find examples."""

_PUBLIC = ("phc_", "pk_l", "pk_t")
"""How keys begin that are made to be shown: of analytics and of payment forms."""

_PRETENDED = re.compile(
    r"example|sample|dummy|fake|mock|placeholder|localhost|127\.0\.0\.1|\btests?\b|\btest[-_]|[-_]test\b|secret@|pass(?:word)?@",
    re.IGNORECASE,
)
_EXAMPLES = (
    "*test*", "*spec*", "*example*", "*sample*", "*fixture*", "*mock*", "*demo*", "*doc*", "*.md", "*.rst", "*.mdx",
    "*.txt", "*.snap", "*.ipynb", "*tutorial*", "*template*", "*docker-compose*", "*.html", "*cassette*", "*.dist",
)  # fmt: skip


def surely_key(rule: str, shown: str, around: str) -> bool:
    """Whether a value found by `rule`, which begins with `shown`, is a key; `around` is the line it stands on."""
    if rule not in GUESSED:
        return True
    return not shown.startswith(_PUBLIC) and not _PRETENDED.search(around[:2000])


def counts_in(rule: str, path: str) -> bool:
    """Whether a finding of `rule` in the file at `path` is told."""
    return rule not in GUESSED or not any(fnmatchcase(path.lower(), pattern) for pattern in _EXAMPLES)


def counts_where(rule: str, where: str) -> bool:
    """Whether a finding of `rule` in a session is told: what tools read and write is full of examples."""
    return rule not in GUESSED or where == "a prompt"
