"""What a package says of its licence, as an SPDX expression, and whether a policy lets that be."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

Says = Literal["allowed", "denied", "not allowed", "unknown"]

LONGEST = 1000
"""Letters of an expression; what is longer is a licence's text."""

CLASSIFIERS: Mapping[str, str] = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-2-Clause AND BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU General Public License (GPL)": "GPL-2.0-only AND GPL-3.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-2.1-only AND LGPL-3.0-only",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
}
"""The last part of PyPI's classifiers. One that may mean several licences stands for all: each has to be allowed."""

WRITTEN: Mapping[str, str] = {
    "mit license": "MIT", "the mit license": "MIT", "expat": "MIT", "apache 2.0": "Apache-2.0",
    "apache 2": "Apache-2.0", "apache-2": "Apache-2.0",
    "apache license 2.0": "Apache-2.0", "apache license, version 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0", "apache software license 2.0": "Apache-2.0", "asl 2.0": "Apache-2.0",
    "bsd": "BSD-2-Clause AND BSD-3-Clause", "bsd license": "BSD-2-Clause AND BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause", "bsd-3": "BSD-3-Clause", "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause", "new bsd": "BSD-3-Clause", "modified bsd license": "BSD-3-Clause",
    "bsd 2-clause": "BSD-2-Clause", "simplified bsd": "BSD-2-Clause", "isc license": "ISC", "psf": "PSF-2.0",
    "python software foundation license": "PSF-2.0", "mpl 2.0": "MPL-2.0", "mpl2": "MPL-2.0", "gplv3": "GPL-3.0-only",
    "gplv2": "GPL-2.0-only", "gpl": "GPL-2.0-only AND GPL-3.0-only", "lgplv3": "LGPL-3.0-only",
}  # fmt: skip
"""What people write where an SPDX identifier belongs."""

_APACHE = ("apache license", "version 2.0, january 2004", "limitation of liability")
_BSD = ("redistribution and use in source and binary forms", "redistributions in binary form must reproduce")
_NAMES = "neither the name"
_AS_IS = 'the software is provided "as is"'
_MIT = ("permission is hereby granted, free of charge", "without restriction", _AS_IS)
_ISC = ("permission to use, copy, modify, and", "distribute this software for any purpose", _AS_IS)
TEXTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...], int], ...] = (
    ("MIT", _MIT, (), 1700),
    ("ISC", _ISC, (), 1300),
    ("BSD-3-Clause", (*_BSD, _NAMES), ("all advertising materials",), 2600),
    ("BSD-2-Clause", _BSD, (_NAMES, "all advertising materials"), 2100),
    ("Apache-2.0", _APACHE, (), 12000),
    ("MPL-2.0", ("mozilla public license version 2.0", "exhibit a - source code form license notice"), (), 18500),
    ("GPL-3.0-only", ("gnu general public license version 3, 29 june 2007", "how to apply these terms"), (), 37000),
    ("GPL-2.0-only", ("gnu general public license version 2, june 1991", "how to apply these terms"), (), 19500),
    ("LGPL-3.0-only", ("gnu lesser general public license version 3, 29 june 2007",), (), 9000),
    ("AGPL-3.0-only", ("gnu affero general public license version 3, 19 november 2007",), (), 36500),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",), (), 1500),
    ("CC0-1.0", ("cc0 1.0 universal", "statement of purpose"), (), 8500),
)  # fmt: skip
"""A licence, phrases that its text has, phrases that it has not, and the most letters it has, with names of owners."""


class Judged(Struct, frozen=True):
    """What a policy says of an expression, and in words why."""

    says: Says
    why: str = ""


class NotSpdx(ValueError):
    """A text that is no SPDX expression."""


@functools.cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


def parsed(expression: str) -> Any:
    """The expression as a tree of known identifiers. Raises NotSpdx."""
    from license_expression import ExpressionError

    if not expression.strip() or len(expression) > LONGEST or expression.count("(") > 40:
        raise NotSpdx("it is no expression")
    try:
        tree = _licensing().parse(expression, validate=True, strict=True)
    except (ExpressionError, RecursionError, ValueError, TypeError, AttributeError, KeyError, IndexError) as problem:
        raise NotSpdx(f"{expression[:100]!r} is no SPDX expression") from problem
    if tree is None:
        raise NotSpdx("it is no expression")
    return tree


def as_spdx(written: str) -> str:
    """The expression that a licence field means; "" when nobody can tell."""
    plain = " ".join(written.split()).strip(" .")
    known = WRITTEN.get(plain.lower(), "")
    try:
        return str(parsed(known or plain))
    except NotSpdx:
        return ""


def of_classifiers(classifiers: Iterable[str]) -> str:
    """The expression that PyPI's classifiers come to: all of them; "" when one says nothing exact, or there is none."""
    ends = [each.rpartition("::")[2].strip() for each in classifiers if each.startswith("License ::")]
    ends = [each for each in ends if each not in ("OSI Approved", "Other/Proprietary License")] or ends
    known = [CLASSIFIERS.get(each, "") for each in ends]
    return " AND ".join(f"({each})" for each in known) if known and all(known) else ""


def of_text(text: str) -> str:
    """The licence that a file is the text of; "" when it is none of those known here, or says more than it."""
    plain = " ".join(
        re.sub(r"[*#>`_]+|//", " ", text[:200_000]).replace("\u201c", '"').replace("\u201d", '"').split()
    ).lower()
    plain = re.sub("(?:``|''|')as is(?:''|')", '"as is"', plain)
    found = [
        (name, most)
        for name, has, has_not, most in TEXTS
        if all(each in plain for each in has) and not any(each in plain for each in has_not)
    ]
    return found[0][0] if len(found) == 1 and len(plain) <= found[0][1] else ""


def unknown_names(names: Iterable[str]) -> list[str]:
    """Those of a policy that are no SPDX identifiers."""
    strange = []
    for name in names:
        try:
            parsed(name)
        except NotSpdx:
            strange.append(name)
    return strange


def judged(expression: str, allow: Iterable[str], deny: Iterable[str]) -> Judged:
    """Whether a policy lets an expression be: of `OR` the best choice counts, of `AND` the worst."""
    try:
        tree = parsed(expression)
        allowed, denied = {str(parsed(each)) for each in allow}, {str(parsed(each)) for each in deny}
    except NotSpdx as problem:
        return Judged("unknown", str(problem))
    return _judged(tree, frozenset(allowed), frozenset(denied))


_BEST: tuple[Says, ...] = ("allowed", "unknown", "not allowed", "denied")


def _judged(tree: Any, allow: frozenset[str], deny: frozenset[str]) -> Judged:
    parts = [_judged(each, allow, deny) for each in getattr(tree, "args", ())]
    operator = getattr(tree, "operator", "").strip()
    if parts and operator in ("OR", "AND"):
        choose = min if operator == "OR" else max
        return choose(parts, key=lambda part: _BEST.index(part.says))
    return _one(tree, allow, deny)


def _one(symbol: Any, allow: frozenset[str], deny: frozenset[str]) -> Judged:
    """A single licence. An exception (`WITH`) only permits more, so the licence decides unless both are named."""
    whole = str(symbol)
    base = str(getattr(symbol, "license_symbol", symbol))
    if whole in allow:
        return Judged("allowed", whole)
    if whole in deny or base in deny:
        return Judged("denied", f"{whole} is denied")
    if not allow or base in allow:
        return Judged("allowed", whole)
    return Judged("not allowed", f"{whole} is not among the licences that are allowed")
