// Writes what a reporter of ours sees, one frame a line, to the file that phasegate named in the environment.
//
// Loaded before all else (`node --require`), so that no code of the user has run when the functions are bound and the
// nonce is taken out of the environment. In a process that was not asked to report it does nothing.
'use strict';

const fs = require('node:fs');

const MESSAGE = 2000;
const FRAMES = 40;
const DEPTH = 5;
const STACK = 100000;
const LINE = 2000;

const { openSync, writeSync, closeSync } = fs;
const { stringify } = JSON;
const { O_WRONLY, O_APPEND } = fs.constants;
const { pid } = process;

const report = process.env.PHASEGATE_REPORT || '';
const nonce = process.env.PHASEGATE_REPORT_NONCE || '';
const ended = process.env.PHASEGATE_REPORT_ENDS || '';
delete process.env.PHASEGATE_REPORT;
delete process.env.PHASEGATE_REPORT_NONCE;
let next = 0;

/** Append one line to `path`, opened anew: a descriptor kept open could be closed by a test and given to another. */
function append(path, frame) {
  // Half a character, as a name may hold it, is nothing that a JSON reader takes.
  const line = stringify(frame).replace(/\\ud[89a-f][0-9a-f]{2}/gi, '\\ufffd') + '\n';
  const file = openSync(path, O_WRONLY | O_APPEND);
  try {
    const bytes = Buffer.from(line, 'utf8');
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  } finally {
    closeSync(file);
  }
}

/** Write one frame; a child forked from this process has another pid and writes nothing. */
function send(kind, fields) {
  if (!report || !nonce || process.pid !== pid) return;
  append(report, { ...fields, kind, nonce, seq: next++ });
}

/** What was thrown, in our words; `anything` is the user's, so reading it may throw too. */
function thrown(anything, depth = 0) {
  try {
    return described(anything, depth);
  } catch {
    return { name: '', message: 'what was thrown cannot be read' };
  }
}

function described(anything, depth) {
  if (typeof anything === 'string') return ofText(anything);
  if (anything === null || typeof anything !== 'object') return { name: '', message: text(anything) };
  const stack = typeof anything.stack === 'string' ? anything.stack : '';
  const cause = depth < DEPTH && anything.cause && typeof anything.cause === 'object' ? anything.cause : null;
  return {
    name: text(anything.name || anything.type || (stack.match(/^(\w*(?:Error|Exception))\b/) || [])[1] || ''),
    message: text(anything.message),
    code: text(anything.code),
    asserted: Boolean(anything.matcherResult) || anything.code === 'ERR_ASSERTION',
    frames: frames(stack),
    cause: cause ? thrown(cause, depth + 1) : null,
  };
}

/** What is left of an error that came as the text `Name: message` and its stack. */
function ofText(whole) {
  const stack = whole.slice(0, STACK);
  const lines = stack.split('\n');
  const first = lines.findIndex((line) => /^\s+at \S/.test(line));
  const said = (first < 0 ? lines : lines.slice(0, first)).join('\n').trim();
  const named = said.match(/^(?:\[)?([A-Z]\w*)(?: \[(\w+)\])?: /);
  return {
    name: named ? named[1] : '',
    code: (named && named[2]) || '',
    message: text(named ? said.slice(named[0].length) : said),
    frames: frames(stack),
  };
}

function text(value) {
  return value === undefined || value === null ? '' : String(value).slice(0, MESSAGE);
}

/** The places `[file, line]` of a stack, innermost first. */
function frames(stack) {
  const found = [];
  for (const line of stack.slice(0, STACK).split('\n')) {
    const place = line.length < LINE && line.match(/^\s*at (?:.*[\s(])?((?:file:\/\/)?\/[^()]*?):(\d+)(?::\d+)?\)?\s*$/);
    if (place) found.push([path(place[1]), Number(place[2])]);
    if (found.length === FRAMES) break;
  }
  return found;
}

/** A file as a path, given as one or as a URL. */
function path(file) {
  if (!file.startsWith('file://')) return file;
  try {
    return decodeURIComponent(new URL(file).pathname);
  } catch {
    return file.slice('file://'.length);
  }
}

/** Tell, in a process that runs one test file for `node --test`, how it ends: by itself, or because it was told to. */
function watchTheEnd() {
  delete process.env.PHASEGATE_REPORT_ENDS;
  const { exit } = process;
  const file = process.argv[1];
  let told = false;
  let error = null;
  process.exit = function (...code) {
    told = true;
    return exit.apply(process, code);
  };
  process.on('uncaughtExceptionMonitor', (anything) => {
    error = error || thrown(anything);
  });
  process.on('exit', (code) => append(ended, { file, told, code, error }));
}

if (ended && !report && process.env.NODE_TEST_CONTEXT) watchTheEnd();

module.exports = { send, thrown, text, frames, path };
