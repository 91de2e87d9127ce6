"""Which arguments a project may hand to a program that looks packages up: where it asks, never what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

ALLOWED: Mapping[str, Mapping[str, bool]] = {
    "pip-audit": {
        "-s": True, "--vulnerability-service": True, "--osv-url": True, "--timeout": True, "--cache-dir": True,
        "-v": False, "--verbose": False,
    },
    "npm-audit": {
        "--registry": True, "--cafile": True, "--proxy": True, "--https-proxy": True, "--noproxy": True,
        "--fetch-retries": True, "--fetch-timeout": True, "--cache": True,
    },
    "govulncheck": {"-db": True, "-tags": True, "-test": False},
}  # fmt: skip
"""By program: each option, and whether a value belongs to it."""


def refused(program: str, args: Sequence[str]) -> tuple[str, ...]:
    """Those of `args` that `program` is not handed, since they may hide what it finds."""
    return tuple(_refused(ALLOWED.get(program, {}), list(args)))


def _refused(allowed: Mapping[str, bool], waiting: list[str]) -> Iterator[str]:
    while waiting:
        argument = waiting.pop(0)
        name, joined, _ = argument.partition("=")
        has_value = allowed.get(name)
        lacks_value = has_value and not joined and (not waiting or waiting.pop(0).startswith("-"))
        if has_value is None or lacks_value or (joined and not has_value):
            yield argument
