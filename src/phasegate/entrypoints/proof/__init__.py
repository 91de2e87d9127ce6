"""The proof page: one file that a person opens anywhere, which checks the bundle in it by itself."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

import msgspec

from phasegate.attestation.envelope import to_base64
from phasegate.attestation.keys import PublicKey
from phasegate.report.style import CSS

LIMITS = (
    "This page shows that its contents are those that were written, and by which key. It does not show that the key is "
    "the right one: compare it with the one you were given. It does not show that the code is good, only which checks "
    "were run on which commit and what they said. What runs as the same user as phasegate could have bent the run "
    "before anything was signed."
)


def page(bundle: bytes, key: PublicKey | None) -> bytes:
    """The HTML that holds `bundle`, as `attestation.bundle.write` made it, and the key to check it with."""
    scripts = [_file("check.js"), _file("show.js")]
    style = CSS + _file("page.css")
    assert b"<" not in bundle, "a bundle has no letter that could end the element it lies in"
    kept = "" if key is None else msgspec.json.encode({"id": key.id, "raw": to_base64(key.raw)}).decode()
    allowed = " ".join(_hash(script) for script in scripts)
    policy = f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    return _PAGE.format(
        policy=policy, style=style, key=kept, bundle=bundle.decode("ascii"), limits=LIMITS,
        scripts="".join(f"<script>{script}</script>\n" for script in scripts),
    ).encode()  # fmt: skip


def _file(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_PAGE = """<!doctype html>
<html lang="en" data-proof="bad">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Proof of a verification</title>
<style>{style}</style>
</head>
<body>
<main>
<header>
<p class="period"><strong>phasegate verify</strong> · <span id="about">not checked</span></p>
<h1 id="verdict" class="bad">Not checked</h1>
</header>
<p id="state" class="state bad" role="status"><strong>Not checked.</strong> <span>The script of this page did not run, \
or was changed: nothing here is shown to hold.</span></p>
<div id="shown" hidden>
<section><h2>What was judged</h2><table class="pairs"><tbody id="what"></tbody></table></section>
<section><h2>What the gates said</h2><ul class="entries" id="gates"></ul></section>
<section id="warned"><h2>Mind</h2><ul class="entries" id="warnings"></ul></section>
<section><h2>Who approved</h2><div id="approvals"></div></section>
<section><h2>What was recorded</h2><div id="ledgers"></div></section>
<section><h2>What is in the bundle</h2><div id="files"></div></section>
</div>
<section><h2>What this shows and what it does not</h2><p>{limits}</p></section>
</main>
<script type="application/json" id="key">{key}</script>
<script type="text/plain" id="bundle">
{bundle}</script>
{scripts}</body>
</html>
"""
