"""The proof page checks the bundle in it by itself: in a browser and another engine, with and without WebCrypto."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from phasegate.attestation import statement as s
from phasegate.entrypoints import proof
from phasegate.entrypoints.proof import page
from tests.attestation.browsers import shown
from tests.attestation.sample import HOSTILE, KEY, OTHER, PUBLIC, made

NODE = os.path.join(os.path.dirname(sys.executable), "node")
SIGNED = made()
KEYS = {"right": {"id": PUBLIC.id, "raw": proof.to_base64(PUBLIC.raw)}}
KEYS["other"] = {"id": OTHER.id, "raw": proof.to_base64(OTHER.raw)}
KEYS["misnamed"] = KEYS["other"] | {"id": PUBLIC.id}
HARNESS = """
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
(async () => {
  const said = [];
  for (const { content, key, own } of asked) {
    const { found, where } = await Proof.outcome(content, key, own ? null : globalThis.crypto.subtle);
    said.push(found ? { signedBy: found.signedBy, ledgers: found.ledgers.length } : { where });
  }
  console.log(JSON.stringify(said));
})();
"""
VECTORS = """
const c = require("crypto");
const wrong = [];
for (let n = 0; n < 300; n++) {
  const bytes = c.randomBytes(n);
  for (const [name, own] of [["sha256", Proof.ownSha256], ["sha512", Proof.ownSha512]]) {
    if (Proof.hex(own(bytes)) !== c.createHash(name).update(bytes).digest("hex")) wrong.push([name, n]);
  }
}
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const bytes = (text) => Uint8Array.from(Buffer.from(text, "hex"));
for (const [key, message, signature, holds] of given) {
  if (Proof.ownVerifies(bytes(key), bytes(signature), bytes(message)) !== holds) wrong.push([key, holds]);
}
console.log(JSON.stringify(wrong));
"""
RFC_8032 = [
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
]  # fmt: skip
"""Of section 7.1: public key, message, signature."""


def in_node(script: str, given: object) -> list[dict[str, str]]:
    """What the page's own logic says in another engine."""
    code = files(proof).joinpath("check.js").read_text() + script
    done = subprocess.run([NODE, "-e", code], input=json.dumps(given), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + (b"B" if content[at : at + 1] == b"A" else b"A") + content[at + 1 :]


def state(dom: str) -> str:
    [found] = re.findall(r'<html[^>]*data-proof="(\w+)"', dom)
    return found


def test_its_own_cryptography_is_that_of_the_standards() -> None:
    order = (1 << 252) + 27742317777372353535851937790883648493
    cases = []
    for key, message, signature in RFC_8032:
        s_value = int.from_bytes(bytes.fromhex(signature)[32:], "little") + order
        malleable = signature[:64] + s_value.to_bytes(32, "little").hex()
        cases += [
            (key, message, signature, True),
            (key, message + "00", signature, False),
            (key, message, malleable, False),
        ]
        cases += [
            (key, message, f"{'ff' * 32}{signature[64:]}", False),
            (key, message, "", False),
            ("ff" * 32, message, signature, False),
        ]
    cases.append((PUBLIC.raw.hex(), b"text".hex(), KEY.sign(b"text").hex(), True))
    assert in_node(VECTORS, cases) == []


@pytest.mark.parametrize("own", [False, True], ids=["WebCrypto", "own"])
def test_with_and_without_webcrypto_it_says_the_same(own: bool) -> None:
    def ask(content: bytes, key: object) -> dict[str, object]:
        return {"content": content.decode(), "key": key, "own": own}

    unsigned = made(signed=False)
    lying = made(gates=(s.Gate("tests", "fail", (), ""),), says="PASSED")
    said = in_node(HARNESS, [
        ask(SIGNED, KEYS["right"]), ask(SIGNED, None), ask(unsigned, KEYS["right"]), ask(SIGNED, KEYS["other"]),
        ask(SIGNED, KEYS["misnamed"]), ask(lying, KEYS["right"]), ask(b"", None), ask(SIGNED[:-1], KEYS["right"]),
    ])  # fmt: skip
    assert said[:3] == [{"signedBy": who, "ledgers": 1} for who in (PUBLIC.id, "unchecked", "")]
    wheres = [each.get("where") for each in said[3:]]
    assert wheres == ["Line 2 (the signature)", "The key", "The result", "Line 1", "The end"]


def test_a_byte_flipped_anywhere_is_found_and_its_line_named() -> None:
    steps = sorted({*range(0, 250, 3), *range(250, len(SIGNED), 41)})
    given = [{"content": flipped(SIGNED, at).decode(), "key": KEYS["right"], "own": False} for at in steps]
    said = in_node(HARNESS, given)
    assert [at for at, each in zip(steps, said, strict=True) if not each.get("where")] == []
    for at, each in zip(steps, said, strict=True):
        line = SIGNED[:at].count(b"\n") + 1
        if line > 2 and b'"data"' in SIGNED[SIGNED[:at].rfind(b"\n") + 1 : at]:
            assert re.match(rf"Line {line}\b", each["where"]), (at, each)


def test_a_browser_shows_a_sound_page_green_and_what_others_wrote_as_text(tmp_path: Path) -> None:
    (tmp_path / "proof.html").write_bytes(page(SIGNED, PUBLIC))
    dom = shown(tmp_path / "proof.html", tmp_path / "browser")
    assert state(dom) == "good" and PUBLIC.id in dom and "12 of 12 tests pass" in dom
    assert "&lt;script&gt;alert(1)" in dom and HOSTILE not in dom and "\u202e" not in dom
    assert dom.count("<script") == 4


def test_a_browser_turns_red_where_a_byte_was_flipped_and_says_where(tmp_path: Path) -> None:
    whole = page(SIGNED, PUBLIC)
    data = whole.index(b'"data":"', whole.index(b'id="bundle"'))
    places = {
        "Line 3": data + 8,
        "Line 2": whole.index(b'"payload":"') + 400,
        "The key": whole.index(b'{"id":"') + 9,
        "cannot be shown": whole.index(b"// Checks a bundle") + 5,
        "did not run": whole.index(b"// Shows what") + 5,
    }
    for told, at in places.items():
        (tmp_path / "proof.html").write_bytes(flipped(whole, at))
        dom = shown(tmp_path / "proof.html", tmp_path / "browser")
        assert state(dom) == "bad", told
        assert told in re.sub(r"<script.*?</script>", "", dom, flags=re.DOTALL), told
        assert "12 of 12" not in dom


def test_a_browser_says_integrity_only_aloud(tmp_path: Path) -> None:
    (tmp_path / "proof.html").write_bytes(page(made(signed=False), None))
    dom = shown(tmp_path / "proof.html", tmp_path / "browser")
    assert state(dom) == "wait" and "Integrity only." in dom and "anybody could have written it" in dom


def test_the_page_needs_and_may_load_nothing() -> None:
    text = page(SIGNED, PUBLIC).decode()
    assert not re.search(r"""(?:src|href|action|url)\s*[=(]""", text.partition("<script")[0])
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy
