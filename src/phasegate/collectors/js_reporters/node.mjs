// Tells phasegate what a run of `node --test` really did; handed to node by `--test-reporter`.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const channel = createRequire(import.meta.url)('./channel.cjs');
const { send } = channel;

export default async function* report(source) {
  const run = new Run();
  send('start', { tool: 'node:test', version: process.version, node: process.version, root: process.cwd() });
  for await (const event of source) run.see(event.type, event.data || {});
  run.end();
}

class Run {
  files = new Map();
  counts = { files: 0, tests: 0, passed: 0, failed: 0 };
  summary = null;
  diagnostics = {};

  see(type, data) {
    if (type === 'test:enqueue') this.enqueued(data);
    if (type === 'test:start') this.started(data);
    if (type === 'test:pass') this.ended(data, data.todo !== undefined ? 'todo' : data.skip !== undefined ? 'skipped' : 'passed');
    if (type === 'test:fail') this.ended(data, data.todo !== undefined ? 'todo' : 'failed');
    if (type === 'test:summary' && !data.file) this.summary = data;
    if (type === 'test:diagnostic' && data.nesting === 0) this.diagnosed(String(data.message));
  }

  diagnosed(message) {
    const [, name, count] = message.match(/^(tests|pass|fail|cancelled|skipped|todo) (\d+)$/) || [];
    if (name) this.diagnostics[name] = Number(count);
  }

  fileOf(data) {
    return data.file ? channel.path(String(data.file)) : '';
  }

  /** What is known of one file; its own node stands for the whole of it, and is no test. */
  state(file) {
    if (!this.files.has(file)) this.files.set(file, { path: [], keys: 0, open: [], own: false });
    return this.files.get(file);
  }

  isFile(data) {
    return data.nesting === 0 && data.file && resolve(String(data.name)) === this.fileOf(data);
  }

  enqueued(data) {
    if (!this.isFile(data)) return;
    const file = this.fileOf(data);
    this.state(file).own = true;
    this.counts.files += 1;
    send('load', { file });
  }

  // Tests start and end in the order of their declaration, each parent around its children.
  started(data) {
    if (this.isFile(data)) return;
    const file = this.fileOf(data);
    const state = this.state(file);
    state.path.length = data.nesting;
    state.path[data.nesting] = String(data.name);
    const titles = Array.from(state.path, (title) => title || '');
    const key = `${file}#${state.keys++}`;
    state.open[data.nesting] = { key, titles, children: 0 };
    if (data.nesting > 0 && state.open[data.nesting - 1]) state.open[data.nesting - 1].children += 1;
    send('enter', { key, file, titles });
  }

  ended(data, outcome) {
    const file = this.fileOf(data);
    const details = data.details || {};
    const error = details.error;
    if (this.isFile(data)) return this.fileEnded(file, outcome, error, details);
    const state = this.state(file);
    const open = state.open[data.nesting] || { key: `${file}#${state.keys++}`, titles: [String(data.name)], children: 0 };
    const failure = (error && error.failureType) || '';
    if (details.type === 'suite' || open.children) {
      // A suite is no test; it fails by its own when a hook does, or when describe throws.
      if (outcome === 'failed' && failure !== 'subtestsFailed') this.told(file, open, outcome, error, failure, details, data);
      return;
    }
    this.told(file, open, outcome, error, failure, details, data);
  }

  told(file, open, outcome, error, failure, details, data) {
    send('inventory', { file, tests: [{ key: open.key, titles: open.titles }] });
    this.counts.tests += 1;
    if (outcome === 'passed') this.counts.passed += 1;
    if (outcome === 'failed') this.counts.failed += 1;
    send('result', {
      key: open.key,
      outcome,
      errors: outcome === 'failed' ? [errorOf(error)] : [],
      hook: failure === 'hookFailed' || failure === 'cancelledByParent',
      timeout: failure === 'testTimeoutFailure',
      seconds: (details.duration_ms || 0) / 1000,
      line: data.line || 0,
    });
  }

  fileEnded(file, outcome, error, details) {
    const state = this.state(file);
    const failure = (error && error.failureType) || '';
    const errors = outcome === 'failed' && failure !== 'subtestsFailed' ? [errorOf(error)] : [];
    state.finished = true;
    if (!state.keys && !errors.length) {
      // A script without a test of node's is one test by itself.
      send('inventory', { file, tests: [{ key: file, titles: [] }] });
      send('result', { key: file, outcome, seconds: (details.duration_ms || 0) / 1000 });
      this.counts.tests += 1;
      this.counts.passed += outcome === 'passed' ? 1 : 0;
    }
    send('finish', { file, errors, tests: state.keys });
  }

  end() {
    for (const [file, state] of this.files) {
      if (state.own && !state.finished) send('finish', { file, errors: [], tests: state.keys });
    }
    const said = this.summary ? this.summary.counts : { tests: this.diagnostics.tests, failed: this.diagnostics.fail, passed: this.diagnostics.pass, cancelled: this.diagnostics.cancelled };
    const failed = (said.failed || 0) + (said.cancelled || 0);
    send('end', { ok: this.summary ? Boolean(this.summary.success) : !failed, why: '', ...this.counts });
  }
}

function errorOf(error) {
  if (!error) return { name: '', message: '' };
  const cause = error.cause;
  const inner = cause && typeof cause === 'object' ? channel.thrown(cause) : { ...channel.thrown(error), message: channel.text(cause || error.message) };
  return { ...inner, failure: String(error.failureType || '') };
}
