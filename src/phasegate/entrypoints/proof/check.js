// Checks a bundle in the reader's own browser: digests, chains and signature, with no help from anywhere.
"use strict";
const Proof = (() => {
  const FORMAT = "phasegate-bundle-1";
  const LEDGER = "phasegate-ledger-1";
  const PAYLOAD = "application/vnd.in-toto+json";
  const STATEMENT = "https://in-toto.io/Statement/v1";
  const PREDICATE = "urn:phasegate:verification:v1";
  const EVENT = "phasegate-event-1";
  const utf8 = new TextEncoder();

  class Changed extends Error {
    constructor(where, why) {
      super(`${where}: ${why}`);
      this.where = where;
    }
  }

  // -- bytes ----------------------------------------------------------------------------------------------------------

  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

  function joined(parts) {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  function base64(text, where) {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4) throw new Changed(where, "no base64");
    const raw = atob(text);
    if (btoa(raw) !== text) throw new Changed(where, "base64 of another spelling");
    return Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
  }

  function parsed(text, where) {
    try {
      const value = JSON.parse(text);
      if (value !== null && typeof value === "object") return value;
    } catch {
      // told below
    }
    throw new Changed(where, "it cannot be read");
  }

  function text(bytes, where) {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new Changed(where, "it is no text");
    }
  }

  // -- SHA-2 (FIPS 180-4), for where the browser has none to offer ------------------------------------------------------

  // The constants are the first bits of the fractional parts of roots of primes (section 4.2): computed, not copied.
  const PRIMES = (() => {
    const found = [];
    for (let n = 2; found.length < 80; n++) if (found.every((prime) => n % prime)) found.push(n);
    return found.map(BigInt);
  })();

  function root(value, degree) {
    let low = 0n;
    let high = 1n << 80n;
    while (low < high) {
      const middle = (low + high + 1n) >> 1n;
      if (middle ** degree <= value) low = middle;
      else high = middle - 1n;
    }
    return low;
  }

  const MASK = (1n << 64n) - 1n;
  const CUBES = PRIMES.map((prime) => root(prime << 192n, 3n) & MASK);
  const SQUARES = PRIMES.slice(0, 8).map((prime) => root(prime << 128n, 2n) & MASK);
  const K32 = Uint32Array.from(CUBES.slice(0, 64), (value) => Number(value >> 32n));
  const H32 = SQUARES.map((value) => Number(value >> 32n));

  function padded(bytes, block) {
    const length = Math.ceil((bytes.length + 1 + block / 8) / block) * block;
    const whole = new Uint8Array(length);
    whole.set(bytes);
    whole[bytes.length] = 0x80;
    new DataView(whole.buffer).setBigUint64(length - 8, BigInt(bytes.length) * 8n);
    return new DataView(whole.buffer);
  }

  function ownSha256(bytes) {
    const data = padded(bytes, 64);
    const h = Uint32Array.from(H32);
    const w = new Uint32Array(64);
    const turn = (x, n) => (x >>> n) | (x << (32 - n));
    for (let at = 0; at < data.byteLength; at += 64) {
      for (let i = 0; i < 16; i++) w[i] = data.getUint32(at + 4 * i);
      for (let i = 16; i < 64; i++) {
        const s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
        const s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
      }
      let [a, b, c, d, e, f, g, last] = h;
      for (let i = 0; i < 64; i++) {
        const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
        const t1 = (last + s1 + ((e & f) ^ (~e & g)) + K32[i] + w[i]) | 0;
        const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
        const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        [last, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
      }
      [a, b, c, d, e, f, g, last].forEach((value, i) => (h[i] += value));
    }
    const out = new DataView(new ArrayBuffer(32));
    h.forEach((value, i) => out.setUint32(4 * i, value));
    return new Uint8Array(out.buffer);
  }

  function ownSha512(bytes) {
    const data = padded(bytes, 128);
    const h = SQUARES.slice();
    const w = new Array(80);
    const turn = (x, n) => ((x >> n) | (x << (64n - n))) & MASK;
    for (let at = 0; at < data.byteLength; at += 128) {
      for (let i = 0; i < 16; i++) w[i] = data.getBigUint64(at + 8 * i);
      for (let i = 16; i < 80; i++) {
        const s0 = turn(w[i - 15], 1n) ^ turn(w[i - 15], 8n) ^ (w[i - 15] >> 7n);
        const s1 = turn(w[i - 2], 19n) ^ turn(w[i - 2], 61n) ^ (w[i - 2] >> 6n);
        w[i] = (w[i - 16] + s0 + w[i - 7] + s1) & MASK;
      }
      let [a, b, c, d, e, f, g, last] = h;
      for (let i = 0; i < 80; i++) {
        const s1 = turn(e, 14n) ^ turn(e, 18n) ^ turn(e, 41n);
        const t1 = last + s1 + ((e & f) ^ (~e & MASK & g)) + CUBES[i] + w[i];
        const s0 = turn(a, 28n) ^ turn(a, 34n) ^ turn(a, 39n);
        const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        [last, g, f, e, d, c, b, a] = [g, f, e, (d + t1) & MASK, c, b, a, (t1 + t2) & MASK];
      }
      [a, b, c, d, e, f, g, last].forEach((value, i) => (h[i] = (h[i] + value) & MASK));
    }
    const out = new DataView(new ArrayBuffer(64));
    h.forEach((value, i) => out.setBigUint64(8 * i, value));
    return new Uint8Array(out.buffer);
  }

  // -- Ed25519 (RFC 8032, section 5.1) ----------------------------------------------------------------------------------

  const P = (1n << 255n) - 19n;
  const L = (1n << 252n) + 27742317777372353535851937790883648493n;
  const mod = (value, by = P) => ((value % by) + by) % by;

  function power(base, exponent) {
    let result = 1n;
    for (let square = mod(base); exponent; exponent >>= 1n, square = mod(square * square)) {
      if (exponent & 1n) result = mod(result * square);
    }
    return result;
  }

  const D = mod(-121665n * power(121666n, P - 2n));
  const ROOT = power(2n, (P - 1n) / 4n);
  const little = (bytes) => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);

  function point(bytes) {
    const sign = bytes[31] >> 7;
    const y = little(bytes) & ((1n << 255n) - 1n);
    if (y >= P) return null;
    const u = mod(y * y - 1n);
    const v = mod(D * y * y + 1n);
    let x = mod(u * v ** 3n * power(u * v ** 7n, (P - 5n) / 8n));
    if (mod(v * x * x) !== u) x = mod(x * ROOT);
    if (mod(v * x * x) !== u || (x === 0n && sign)) return null;
    if (Number(x & 1n) !== sign) x = P - x;
    return [x, y, 1n, mod(x * y)];
  }

  function sum([x1, y1, z1, t1], [x2, y2, z2, t2]) {
    const a = mod((y1 - x1) * (y2 - x2));
    const b = mod((y1 + x1) * (y2 + x2));
    const c = mod(2n * t1 * t2 * D);
    const d = mod(2n * z1 * z2);
    const [e, f, g, h] = [b - a, d - c, d + c, b + a];
    return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
  }

  function times(scalar, of) {
    let result = [0n, 1n, 1n, 0n];
    for (let each = of; scalar; scalar >>= 1n, each = sum(each, each)) if (scalar & 1n) result = sum(result, each);
    return result;
  }

  const BASE = (() => {
    const bytes = new Uint8Array(32).fill(0x66);
    bytes[0] = 0x58;
    return point(bytes);
  })();

  function ownVerifies(key, signature, message) {
    if (key.length !== 32 || signature.length !== 64) return false;
    const a = point(key);
    const r = point(signature.subarray(0, 32));
    const s = little(signature.subarray(32));
    if (!a || !r || s >= L) return false;
    const k = mod(little(ownSha512(joined([signature.subarray(0, 32), key, message]))), L);
    const left = times(s, BASE);
    const right = sum(r, times(k, a));
    return mod(left[0] * right[2]) === mod(right[0] * left[2]) && mod(left[1] * right[2]) === mod(right[1] * left[2]);
  }

  // -- the browser's own cryptography where there is some ----------------------------------------------------------------

  async function sha256(bytes, subtle) {
    return hex(subtle ? new Uint8Array(await subtle.digest("SHA-256", bytes)) : ownSha256(bytes));
  }

  async function verifies(key, signature, message, subtle) {
    try {
      const imported = await subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
      return await subtle.verify({ name: "Ed25519" }, imported, signature, message);
    } catch {
      return ownVerifies(key, signature, message); // no WebCrypto here, or none that knows Ed25519
    }
  }

  // -- a bundle -----------------------------------------------------------------------------------------------------------

  function lines(content) {
    const found = content.split("\n");
    if (found.pop() !== "") throw new Changed("The end", "the last line is cut off");
    return found;
  }

  async function bundle(content, subtle) {
    if (/[^\n\x20-\x7e]/.test(content)) throw new Changed("The bundle", "it holds characters that none is written with");
    const rows = lines(content);
    const top = parsed(rows[0] ?? "", "Line 1");
    if (top.format !== FORMAT) throw new Changed("Line 1", "the format is none that this page reads");
    const files = new Map();
    let fault = null;
    for (let at = 2; at < rows.length; at++) {
      const where = `Line ${at + 1}`;
      try {
        const file = parsed(rows[at], where);
        const data = base64(file.data, where);
        if ((await sha256(data, subtle)) !== file.sha256) throw new Changed(`${where} (${file.name})`, "it was changed");
        files.set(file.name, data);
      } catch (problem) {
        fault ??= problem;
      }
    }
    if (fault) throw fault instanceof Changed ? fault : new Changed("The files", "they cannot be read");
    const envelope = parsed(rows[1] ?? "", "Line 2");
    const payload = base64(String(envelope.payload), "Line 2 (the statement)");
    const statement = parsed(text(payload, "Line 2 (the statement)"), "Line 2 (the statement)");
    if (envelope.payloadType !== PAYLOAD || statement._type !== STATEMENT || statement.predicateType !== PREDICATE) {
      throw new Changed("Line 2 (the statement)", "it is of another type");
    }
    await named(statement.predicate?.files ?? [], files, subtle);
    const rest = utf8.encode(content.slice(rows[0].length + 1));
    if ((await sha256(rest, subtle)) !== top.digest) throw new Changed("Line 1 or 2", "the digests do not agree");
    return { envelope, payload, statement, files, digest: await sha256(utf8.encode(content), subtle) };
  }

  async function named(listed, files, subtle) {
    for (const file of listed) {
      const data = files.get(file.name);
      if (!data || data.length !== file.size || (await sha256(data, subtle)) !== file.digest.sha256) {
        throw new Changed(file.name, "it is not the file that the statement names");
      }
    }
    if (listed.length !== files.size) throw new Changed("The files", "there are others than the statement names");
  }

  async function signature(found, key, subtle) {
    if (!found.envelope.signatures.length) return "";
    if (!key) return "unchecked";
    const type = utf8.encode(PAYLOAD);
    const head = utf8.encode(`DSSEv1 ${type.length} ${PAYLOAD} ${found.payload.length} `);
    const message = joined([head, found.payload]);
    const raw = base64(key.raw, "The key");
    const spki = joined([Uint8Array.of(48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0), raw]); // RFC 8410, section 10.1
    if ((await sha256(spki, subtle)) !== key.id) throw new Changed("The key", "it is not the one it is called");
    for (const each of found.envelope.signatures) {
      const made = base64(each.sig, "Line 2 (the signature)");
      if (each.keyid === key.id && (await verifies(raw, made, message, subtle))) return key.id;
    }
    throw new Changed("Line 2 (the signature)", "the key did not sign this");
  }

  // -- a ledger -----------------------------------------------------------------------------------------------------------

  async function ledger(name, data, subtle) {
    const rows = lines(text(data, name));
    const top = parsed(rows[0] ?? "", `${name}, line 1`);
    if (top.format !== LEDGER) throw new Changed(`${name}, line 1`, "the format is none that this page reads");
    const events = rows.slice(1, rows.length - top.artifacts).map((row, at) => parsed(row, `${name}, line ${at + 2}`));
    let head = top.after;
    for (const event of events) {
      const where = `${name}, event ${event.position}`;
      if (event.position !== head.position + 1) throw new Changed(where, "it stands in another place");
      if (event.body !== null && (await sha256(utf8.encode(event.body), subtle)) !== event.body_digest) {
        throw new Changed(where, "its content was changed");
      }
      if ((await sha256(canonical(event), subtle)) !== event.hash) throw new Changed(where, "its fields were changed");
      if (event.previous !== head.hash) throw new Changed(where, "it does not follow the event before it");
      head = { position: event.position, hash: event.hash };
    }
    if (head.hash !== top.head.hash || head.position !== top.head.position) {
      throw new Changed(name, "it does not end where it says");
    }
    return { name, id: top.ledger, head, events };
  }

  function canonical(event) {
    const fields = [
      EVENT, event.ledger, event.position, event.clock.ms, event.clock.tick, event.stream, event.version, event.id,
      event.actor.kind, event.actor.name, event.actor.session, event.kind, event.schema, event.body_digest,
      event.previous,
    ];
    return joined(
      fields.flatMap((field) => {
        const bytes = utf8.encode(String(field));
        const length = new DataView(new ArrayBuffer(8));
        length.setBigUint64(0, BigInt(bytes.length));
        return [new Uint8Array(length.buffer), bytes];
      }),
    );
  }

  // -- all of it ------------------------------------------------------------------------------------------------------------

  const follows = (gates) => {
    const says = new Set(gates.map((gate) => gate.says));
    return says.has("fail") ? "FAILED" : says.has("unknown") || !says.size ? "UNKNOWN" : "PASSED";
  };

  /** Everything checked. Throws Changed, which says where; `subtle` null: with the code above alone. */
  async function check(content, key, subtle) {
    const found = await bundle(content, subtle);
    const signedBy = await signature(found, key, subtle);
    const ledgers = [];
    for (const [name, data] of found.files) if (name.endsWith(".ledger")) ledgers.push(await ledger(name, data, subtle));
    const predicate = found.statement.predicate;
    for (const seen of predicate.ledgers) {
      const there = ledgers.find((each) => each.name === seen.file);
      if (!there || there.head.hash !== seen.head) throw new Changed(seen.file, "it does not end where the statement says");
    }
    if (follows(predicate.verdicts) !== predicate.verificationResult) {
      throw new Changed("The result", "it does not follow from the verdicts");
    }
    return { ...found, signedBy, ledgers };
  }

  /** What `check` came to, whatever is wrong: the found, or where it is not as it was written and why. */
  async function outcome(content, key, subtle) {
    try {
      return { found: await check(content, key, subtle) };
    } catch (problem) {
      const where = problem instanceof Changed ? problem.where : "The bundle";
      return { where, why: problem instanceof Changed ? problem.message : `${where}: it cannot be read (${problem})` };
    }
  }

  return { outcome, ownSha256, ownSha512, ownVerifies, hex };
})();
