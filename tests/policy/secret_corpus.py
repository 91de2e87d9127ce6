"""Secrets of every kind in the places where people leave them, made anew for each run; and files that hold none.

A secret counts as found when nothing of the text that is kept carries it any more. A finding in a file of an installed
package counts as wrong, whatever it is; left out are tests and their data, certificates and keys, which hold key
material on purpose.
"""

from __future__ import annotations

import base64
import json
import os
import random
import sysconfig
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec

from phasegate.policy.secret_tokens import TOKENS
from phasegate.policy.secrets import find_secrets, redact_bytes
from tests.policy.secret_samples import SAMPLES, sample

OF_TOKENS = frozenset(rule.id for rule in TOKENS) | {"private-key"}


class Positive(msgspec.Struct, frozen=True):
    """A text with one secret: its kind, the context, and what must be gone."""

    kind: str
    context: str
    text: bytes
    secret: bytes

    def is_found(self) -> bool:
        """Whether what is kept of the text carries the secret no more."""
        return self.secret not in redact_bytes(self.text)[0]


Build = Callable[[str, str], str]
CONTEXTS: dict[str, Build] = {
    "environment file": lambda name, value: f"# settings\nDEBUG=1\n{name}={value}\nPORT=8080\n",
    "Python": lambda name, value: f'import os\n\n{name} = "{value}"\n',
    "JavaScript": lambda name, value: f"const options = {{ retries: 3, '{name}': '{value}' }};\n",
    "YAML": lambda name, value: f"services:\n  app:\n    {name}: {value}\n    ports: [80]\n",
    "JSON": lambda name, value: json.dumps({"version": 2, "settings": {name: value}}, indent=2),
    "JSON in one line": lambda name, value: json.dumps([{"a": 1, name: value, "z": None}], separators=(",", ":")),
    "shell history": lambda name, value: f": 1700000000:0;export {name}='{value}' && ./deploy.sh\n",
    "log": lambda name, value: f"2026-11-22T10:00:00Z INFO worker-3 starting with {name}={value} (attempt 2)\n",
    "Dockerfile": lambda name, value: f"FROM scratch\nENV {name}={value}\nRUN make\n",
    "header": lambda name, value: f"> POST /v1 HTTP/1.1\n> {name}: {value}\r\n> Accept: */*\r\n",
}
NAMELESS: dict[str, Build] = {
    "URL": lambda _, value: f"see https://api.internal/v1/things?access={value}&page=2\n",
    "words": lambda _, value: f"The key of the old account was {value}, I think.\n",
    "block": lambda _, value: f"data:\n  value: |\n    {value}\n  next: 1\n",
    "difference": lambda _, value: f"@@ -1 +1 @@\n-{value}\n+removed\n",
    "array": lambda _, value: f'keys = [\n    "{value}",\n]\n',
}


def positives(seeds: int) -> Iterator[Positive]:
    """Every sample in every context that leaves it what it is known by."""
    for place, (kind, _) in enumerate(SAMPLES):
        for seed in range(seeds):
            yield from _of_sample(kind, *sample(place, 1000 + seed))


def _of_sample(kind: str, name: str, value: str) -> Iterator[Positive]:
    line = value.replace("\n", "\\n")
    for context, build in CONTEXTS.items():
        if "JSON" in context or '"' not in value:
            yield _positive(kind, context, build(name, value if "JSON" in context else line), line)
    wide = f'{name} = "{line}"\r\n'
    yield Positive(kind, "UTF-16", wide.encode("utf-16"), line.encode("utf-16-le"))
    if kind in OF_TOKENS and name == "field":
        for context, build in NAMELESS.items():
            if context != "URL" or quote(value, safe=":") == value:
                yield _positive(kind, context, build(name, value), value)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(f"{name}={value}\n".encode()).decode()
            yield _positive(kind, "base64", f"data:\n  settings: {encoded}\n", encoded.rstrip("="))


def _positive(kind: str, context: str, text: str, secret: str) -> Positive:
    return Positive(kind, context, text.encode(), secret.encode())


ON_PURPOSE = ("/test/", "/tests/", "/testdata/", "_test.go", "/test_", ".pem", ".key", ".crt", ".p12")
LARGEST = 4 << 20


def installed_files() -> list[Path]:
    """Every text of the packages in this environment, with Go's and Node's own libraries where they are installed."""
    found: list[Path] = []
    for folder, names, files in os.walk(sysconfig.get_path("purelib")):
        names.sort()
        for name in sorted(files):
            path = Path(folder, name)
            if not path.is_symlink() and not any(mark in str(path) for mark in ON_PURPOSE):
                found.append(path)
    return found


def drawn(paths: list[Path], count: int, seed: int) -> list[Path]:
    """Some of `paths`, the same for the same seed."""
    return random.Random(seed).sample(paths, min(count, len(paths)))


def wrong_findings(paths: list[Path]) -> tuple[list[str], int]:
    """What is found in files that hold no secret, and how many bytes of text were looked at."""
    found: list[str] = []
    size = 0
    for path in paths:
        content = path.read_bytes()
        if len(content) <= LARGEST and b"\0" not in content[:8192]:
            size += len(content)
            found += [f"{path}:{one.line} {one.rule}" for one in find_secrets(content.decode("utf-8", "replace"))]
    return found, size


def generated_negatives(seed: int) -> Iterator[str]:
    """Lock files, digests, ids, placeholders and examples: what looks random or stands where a secret would."""
    draw = random.Random(seed)
    for number in range(200):
        data = draw.randbytes(64)
        yield f'"integrity": "sha512-{base64.b64encode(data).decode()}"'
        yield f'name = "p{number}"\nhash = "sha256:{data[:32].hex()}"\n'
        yield f"{data[:16].hex()}  release-{number}.tar.gz"
        yield f"index {data[:5].hex()}..{data[5:10].hex()} 100644"
        yield f"id: {uuid.UUID(bytes=data[:16], version=4)}"
        yield f"h1:{base64.b64encode(data[:32]).decode()}"
        yield f"background: url(data:image/png;base64,{base64.b64encode(draw.randbytes(600)).decode()})"
        yield f"e={data.hex()[:6]};function t(n,r){{return n.token=r.secret,n.password||{number}}}var a=t;"
    for name in ("API_KEY", "token", "client_secret", "DB_PASSWORD", "aws_secret_access_key"):
        for value in ("<your-key>", "${SECRET_1}", "changeme", "xxxxxxxxxxxxxxxx", "your-token-here-123", "$TOKEN_2",
                      "{{ vault.key_1 }}", "%(key1)s", "REPLACE_ME_12345", "os.environ['KEY_1']", "example-key-1234",
                      "********", "...", "null", "getSecret('a1')", "process.env.KEY_1"):  # fmt: skip
            yield f'{name} = "{value}"' if "'" not in value else f"{name} = {value}"


def wrong_in_generated(seed: int) -> list[str]:
    """What is found in those."""
    return [f"{one.rule}: {text[:200]}" for text in generated_negatives(seed) for one in find_secrets(text)]
