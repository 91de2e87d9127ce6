// For each line of stdin, a diagram as a JSON string, writes a line: what the real Mermaid parser understood, or its error.

import { createInterface } from "node:readline";

import { JSDOM } from "jsdom";

// Mermaid cleans labels with DOMPurify, which needs a document before it is loaded.
const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");

const decoded = (label) =>
  (label ?? "").replace(/ﬂ°°(\d+)¶ß/g, (_, code) => String.fromCodePoint(Number(code)));

async function understood(diagram) {
  try {
    await mermaid.parse(diagram);
    const { db, type } = await mermaid.mermaidAPI.getDiagramFromText(diagram);
    const { nodes, edges } = db.getData();
    return {
      type,
      nodes: Object.fromEntries(nodes.map(({ id, label, cssClasses }) => [id, [decoded(label), cssClasses]])),
      edges: edges.map(({ start, end, label }) => [start, end, decoded(label)]),
    };
  } catch (error) {
    return { error: String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await understood(JSON.parse(line)))}\n`);
}
