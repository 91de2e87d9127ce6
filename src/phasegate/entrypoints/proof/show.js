// Shows what the check came to. Whatever a bundle says enters the page as text, never as markup.
"use strict";
(async () => {
  const RESULTS = { PASSED: "Passed", FAILED: "Failed", UNKNOWN: "Could not tell" };
  const TONES = { pass: "good", fail: "bad", unknown: "wait", PASSED: "good", FAILED: "bad", UNKNOWN: "wait" };
  const SAYS = { pass: "passed", fail: "failed", unknown: "cannot tell" };
  const at = (id) => document.getElementById(id);
  const plain = (value) => String(value).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\u2028\u2029]/gu, " ").slice(0, 4000);

  function make(tag, options = {}, ...children) {
    const node = document.createElement(tag);
    if (options.tone) node.className = options.tone;
    if (options.label) node.dataset.is = options.label;
    for (const child of children) node.append(child instanceof Node ? child : plain(child));
    return node;
  }

  function tell(tone, headline, words) {
    at("state").className = `state ${tone}`;
    at("state").replaceChildren(make("strong", {}, headline), make("span", {}, words));
    document.documentElement.dataset.proof = tone;
  }

  function rows(id, pairs) {
    for (const [name, value] of pairs) {
      if (value) at(id).append(make("tr", {}, make("th", {}, name), make("td", {}, make("code", {}, value))));
    }
  }

  function table(id, titles, listed, empty) {
    const place = at(id);
    if (!listed.length) return place.append(make("p", { tone: "quiet" }, empty));
    const cells = (row) => row.map((cell, n) => make("td", { label: titles[n] }, cell));
    const body = make("tbody", {}, ...listed.map((row) => make("tr", {}, ...cells(row))));
    const head = make("thead", {}, make("tr", {}, ...titles.map((title) => make("th", {}, title))));
    return place.append(make("table", { tone: "figures" }, head, body));
  }

  const when = (ms) => new Date(ms).toISOString().replace("T", " ").slice(0, 19);
  const mark = (says) => make("span", { tone: `mark ${TONES[says]}` }, SAYS[says] ?? says);

  function show({ statement, signedBy, ledgers, files, digest }) {
    const said = statement.predicate;
    const of = (name) => statement.subject.find((each) => each.digest[name])?.digest[name] ?? "";
    const clock = said.timeVerified.replace("T", " ").replace("Z", " UTC");
    at("verdict").textContent = RESULTS[said.verificationResult] ?? "Could not tell";
    at("verdict").className = TONES[said.verificationResult] ?? "wait";
    at("about").textContent = plain(`Commit ${of("gitCommit").slice(0, 12)}, judged ${clock}`);
    document.title = plain(`${RESULTS[said.verificationResult]}: commit ${of("gitCommit").slice(0, 12)}`);
    rows("what", [
      ["commit", of("gitCommit")], ["its tree", of("gitTree")], ["compared with", said.base.digest.gitCommit],
      ["project", said.resourceUri], ["policy (SHA-256)", said.policy.digest.sha256],
      ["judged by", `phasegate ${said.verifier.version.phasegate ?? ""}`], ["signed by the key", signedBy],
      ["this bundle (SHA-256)", digest],
    ]);
    for (const gate of said.verdicts) {
      const words = [make("p", { tone: "title" }, gate.gate, " ", mark(gate.says)), ...gate.reasons.map((why) => make("p", {}, why))];
      if (gate.remedy) words.push(make("p", { tone: "quiet" }, gate.remedy));
      at("gates").append(make("li", { tone: TONES[gate.says] }, ...words));
    }
    for (const warning of said.warnings) at("warnings").append(make("li", { tone: "wait" }, make("p", {}, warning)));
    at("warned").hidden = !said.warnings.length;
    table("approvals", ["what", "by", "counts", "why"],
      said.approvals.map((each) => [each.about, each.by, each.counts ? "yes" : "no", each.why]),
      "No exported ledger names one.");
    table("files", ["file", "bytes", "SHA-256"],
      said.files.map((file) => [file.name, file.size, make("code", {}, file.digest.sha256)]), "There is none.");
    for (const { name, id, head, events } of ledgers) at("ledgers").append(chain(name, id, head, events));
    at("shown").hidden = false;
    return files;
  }

  function chain(name, id, head, events) {
    const listed = events.slice(-MOST).map((event) => [
      event.position, when(event.clock.ms), event.kind, `${event.actor.kind} ${event.actor.name}`.slice(0, 40),
      event.body === null ? "left out" : event.body.slice(0, 300),
    ]);
    const more = events.length > MOST ? `, the last ${MOST} below` : "";
    const summary = make("summary", {}, `${name}: ${events.length} events${more}; head ${head.position}:${head.hash.slice(0, 16)}`);
    const lines = listed.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, cell))));
    return make("details", {}, summary, make("p", { tone: "quiet" }, `Ledger ${id}, ends at ${head.position}:${head.hash}`),
      make("table", { tone: "events" }, make("tbody", {}, ...lines)));
  }

  const MOST = 500;
  const key = at("key").textContent.trim();
  const subtle = globalThis.crypto?.subtle ?? null;
  const { found, why } = await Proof.outcome(at("bundle").textContent.replace(/^\n/, ""), key ? JSON.parse(key) : null, subtle);
  if (!found) return tell("bad", "This was changed.", why);
  show(found);
  if (!found.signedBy) return tell("wait", "Integrity only.", "All of it agrees, but no key signed it: anybody could have written it.");
  if (found.signedBy === "unchecked") return tell("wait", "Signed, and not checked.", "This page holds no key to check the signature with.");
  return tell("good", "Nothing was changed.",
    "Every digest, chain and signature was checked just now, in this browser. Compare the key with the one you trust.");
})().catch((problem) => {
  const state = document.getElementById("state");
  state.className = "state bad";
  state.textContent = `This was changed: it cannot be shown (${problem}).`;
  document.documentElement.dataset.proof = "bad";
});
