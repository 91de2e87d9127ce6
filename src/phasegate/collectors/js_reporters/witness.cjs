// Takes the word of the tests themselves: each says when it begins, claims something, and comes to its end.
//
// Loaded before all else into every process of a run (`node --require`). phasegate has written the calls of
// `process.phasegate` into the test files; what is said goes, one line each, into a file that phasegate holds open.
'use strict';

const fs = require('node:fs');
const assert = require('node:assert');
const children = require('node:child_process');
const threads = require('node:worker_threads');
const { randomInt, randomUUID } = require('node:crypto');

const VARIABLES = ['PHASEGATE_WITNESS', 'PHASEGATE_WITNESS_NONCE'];
const KEY = 'phasegate.witness';
/** A claim that is refused takes a jest a millisecond or more to put into words. */
const SELDOM = 50;
const { openSync, writeSync, closeSync } = fs;
const { stringify } = JSON;
const { O_WRONLY, O_APPEND } = fs.constants;
const { apply, ownKeys, getOwnPropertyDescriptor: described } = Reflect;
const { then } = Promise.prototype;
const whole = assertions();

const said = threads.isMainThread
  ? VARIABLES.map((name) => process.env[name] || '')
  : threads.getEnvironmentData(KEY) || VARIABLES.map((name) => process.env[name] || '');
const [file, nonce] = said;
for (const name of VARIABLES) delete process.env[name];

/** The tests at work in this process: how many claims each has made. */
const open = new Map();
/** What was thrown out of a test: it may pass through others. */
const thrown = new WeakSet();
/** Every `expect` that was tried: each test file of jest has its own. */
const known = new WeakSet();
let deaf = '';

function say(fields) {
  const line = Buffer.from(stringify({ nonce, ...fields, bent: bent() || deaf }) + '\n', 'utf8');
  const at = openSync(file, O_WRONLY | O_APPEND);
  try {
    writeSync(at, line);
  } finally {
    closeSync(at);
  }
}

function begin(key) {
  open.set(key, (open.get(key) || 0));
  say({ kind: 'begin', key, claims: 0 });
}

function over(key) {
  const claims = open.get(key) || 0;
  open.delete(key);
  say({ kind: 'end', key, claims });
}

/** A test that gives back a promise is over when that is kept. */
function end(key, value) {
  const waits = value !== null && typeof value === 'object' && typeof value.then === 'function';
  if (waits) value.then(() => over(key), (error) => lose(key, error));
  else over(key);
  return value;
}

/** A test is left by what was thrown in it. */
function lose(key, error) {
  const known = typeof error === 'object' && error !== null;
  say({ kind: known && thrown.has(error) ? 'passed on' : 'thrown', key, claims: open.get(key) || 0 });
  open.delete(key);
  if (known) thrown.add(error);
  return error;
}

/** Run a test that is one expression, or a function from elsewhere. */
function run(key, test) {
  begin(key);
  try {
    return end(key, test());
  } catch (error) {
    throw lose(key, error);
  }
}

/** Something is claimed, by `expect` where it is given: the first time, and now and then, it shows that it can refuse. */
function claim(expect) {
  for (const [key, claims] of open) open.set(key, claims + 1);
  if (typeof expect !== 'function' || deaf || (known.has(expect) && randomInt(SELDOM))) return;
  known.add(expect);
  deaf = listens(expect);
}

/** Claim what cannot be so, of values that nobody could have foreseen; the claim that nothing refuses, or "". */
function listens(expect) {
  const [one, other] = [`phasegate ${randomUUID()}`, `phasegate ${randomUUID()}`];
  const keeps = typeof expect.getState === 'function' && typeof expect.setState === 'function';
  const ways = keeps ? ['toBe', 'toEqual'] : typeof expect.fail === 'function' ? ['equal'] : [];
  const state = keeps ? { ...expect.getState() } : null;
  try {
    return ways.find((way) => !refuses(() => (keeps ? expect(one)[way](other) : expect(one).to[way](other)))) || '';
  } finally {
    if (keeps) expect.setState(state);
  }
}

function refuses(claim) {
  try {
    claim();
    return false;
  } catch {
    return true;
  }
}

/** A test function that has no body in its file. */
function around(key, value) {
  if (typeof value !== 'function') return value;
  const test = function (...given) {
    return run(key, () => apply(value, this, given));
  };
  Object.defineProperty(test, 'length', { value: value.length });
  Object.defineProperty(test, 'name', { value: value.name });
  Object.defineProperty(test, 'toString', { value: () => String(value) });
  return test;
}

/** What node's own assertions are, name by name. */
function assertions() {
  const found = [];
  for (const of of [assert, assert.strict, assert.AssertionError.prototype]) {
    for (const name of ownKeys(of)) {
      const { value } = described(of, name) || {};
      if (typeof value === 'function') found.push([of, name, value]);
    }
  }
  return found;
}

/** The first of node's assertions that is no longer what it was. */
function bent() {
  for (const [of, name, value] of whole) {
    const now = described(of, name);
    if (!now || now.value !== value) return `assert.${String(name)}`;
  }
  return '';
}

/** Hand on to the processes and threads of the run where to tell; their environment is not the place to look for it. */
function handOn() {
  const { spawn } = children.ChildProcess.prototype;
  children.ChildProcess.prototype.spawn = function (options) {
    // A child that was given another environment is nobody's test run.
    if (options && Array.isArray(options.envPairs) && options.envPairs.some((pair) => pair.includes(__filename))) {
      options = { ...options, envPairs: [...options.envPairs, ...VARIABLES.map((name, at) => `${name}=${said[at]}`)] };
    }
    return apply(spawn, this, [options]);
  };
  threads.setEnvironmentData(KEY, said);
}

if (file && nonce) {
  const ways = Object.freeze({ begin, end, lose, run, claim, around });
  Object.defineProperty(process, 'phasegate', { value: ways, enumerable: false, writable: false, configurable: false });
  handOn();
}
