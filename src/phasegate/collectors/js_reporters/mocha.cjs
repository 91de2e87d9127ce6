// Tells phasegate what a mocha run really did; handed to mocha by `--reporter`. What people read is written beside it.
'use strict';

const channel = require('./channel.cjs');
const { failed } = require('./mocha_loading.cjs');
const { send } = channel;

function PhasegateReporter(runner, options) {
  const keys = new Map();
  const counts = { tests: 0, passed: 0, failed: 0 };

  const keyOf = (test) => {
    const key = keys.get(test) || String(keys.size);
    keys.set(test, key);
    return key;
  };
  const titles = (test) => (typeof test.titlePath === 'function' ? test.titlePath() : [test.title]).map(String);
  const walk = (suite, found = []) => {
    found.push(...suite.tests);
    suite.suites.forEach((each) => walk(each, found));
    return found;
  };
  const inventory = (tests) => {
    const unknown = tests.filter((test) => !keys.has(test));
    const files = [...new Set(unknown.map((test) => test.file || ''))];
    for (const file of files) {
      const here = unknown.filter((test) => (test.file || '') === file);
      send('inventory', { file, tests: here.map((test) => ({ key: keyOf(test), titles: titles(test) })) });
    }
  };
  const told = new Set();
  const result = (test, outcome, errors = [], more = {}) => {
    if (told.has(test)) return;
    told.add(test);
    inventory([test]);
    const seconds = (test.duration || 0) / 1000;
    counts.tests += 1;
    if (outcome === 'passed') counts.passed += 1;
    if (outcome === 'failed') counts.failed += 1;
    send('result', { key: keyOf(test), outcome, errors, seconds, ...more });
  };
  const current = (test) => {
    // A retry is a copy of its test: it must not count as another one.
    let first = test;
    while (typeof first.retriedTest === 'function' && first.retriedTest()) first = first.retriedTest();
    return first;
  };

  send('start', { tool: 'mocha', version: version(), node: process.version, root: process.cwd() });
  const all = walk(runner.suite);
  inventory(all); // before `.only` and --grep leave anything out
  for (const { file, error } of failed) {
    const there = all.filter((test) => test.file === file).length;
    send('finish', { file, tests: there, errors: [channel.thrown(error)] });
  }

  runner.once('start', () => {
    const grep = runner._grep;
    const inverted = runner._invert;
    const left = new Set(walk(runner.suite));
    inventory([...left]);
    for (const test of new Set([...all, ...left])) {
      const matches = !grep || Boolean(test.fullTitle().match(grep)) !== Boolean(inverted);
      if (!left.has(test) || !matches) result(test, 'skipped', [], { deselected: true });
    }
  });
  runner.on('test', (test) => {
    inventory([current(test)]);
    send('enter', { key: keyOf(current(test)), file: test.file || '', titles: titles(test) });
  });
  const tries = (test) => 1 + (typeof test.currentRetry === 'function' ? test.currentRetry() : 0);
  runner.on('pass', (test) => result(current(test), 'passed', [], { tries: tries(test) }));
  runner.on('pending', (test) => {
    if (test.type !== 'hook') result(current(test), test.fn || test.body ? 'skipped' : 'todo');
  });
  runner.on('fail', (test, error) => {
    const seen = channel.thrown(error);
    if (test.type !== 'hook') return result(current(test), 'failed', [seen], { tries: tries(test) });
    const each = test.ctx && test.ctx.currentTest;
    const lost = /"(before|after) each"/.test(test.title) && each ? [current(each)] : [];
    const suite = test.parent ? walk(test.parent) : [];
    const others = suite.filter((other) => !told.has(other) && !lost.includes(other) && !other.pending);
    const after = /"after/.test(test.title);
    lost.forEach((one) => (told.has(one) ? send('trouble', { file: one.file || '', errors: [seen], key: keyOf(one), hook: true }) : result(one, 'failed', [seen], { hook: true })));
    if (after && !lost.length) send('trouble', { file: test.file || (test.parent && test.parent.file) || '', errors: [seen], hook: true });
    if (!after || lost.length) others.forEach((one) => result(one, 'failed', [seen], { hook: true }));
  });
  runner.once('end', () => {
    // Registered before mocha's own: its exit code counts the files that could not be loaded too.
    runner.failures = (runner.failures || 0) + failed.length;
    send('end', { ok: !runner.failures, why: runner._abort ? 'mocha was stopped early' : '', failures: runner.failures || 0, ...counts });
  });

  try {
    const { Spec } = require(require.resolve('mocha', { paths: [process.argv[1], process.cwd()] })).reporters;
    this.shown = new Spec(runner, options);
  } catch {
    // Nobody reads along then.
  }
}

function version() {
  try {
    return require(require.resolve('mocha/package.json', { paths: [process.argv[1], process.cwd()] })).version;
  } catch {
    return '';
  }
}

module.exports = PhasegateReporter;
