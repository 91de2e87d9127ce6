// Tells phasegate what a vitest run really did; handed to vitest by `--reporter`. It serves vitest 1 and later.

import { createRequire } from 'node:module';

const channel = createRequire(import.meta.url)('./channel.cjs');
const { send } = channel;

export default class PhasegateReporter {
  onInit(vitest) {
    this.vitest = vitest;
    this.counts = { files: 0, tests: 0, passed: 0, failed: 0 };
    this.listed = new Set();
    this.finished = new Set();
    this.ended = false;
    withoutThresholds(vitest);
    send('start', { tool: 'vitest', version: versionOf(vitest), node: process.version, root: rootOf(vitest) });
  }

  // -- vitest 3 and later ------------------------------------------------------------------------------------------

  onTestRunStart(specifications) {
    withoutThresholds(this.vitest);
    send('plan', { files: [], count: specifications.length });
    this.planned = true;
  }

  onTestModuleQueued(module) {
    send('load', { file: module.moduleId });
  }

  onTestModuleCollected(module) {
    this.inventory(module.task, module.moduleId);
  }

  onTestCaseReady(test) {
    send('enter', { key: test.id, file: test.module.moduleId, titles: titlesOf(test.task) });
  }

  onTestModuleEnd(module) {
    this.finish(module.task, module.moduleId);
  }

  onTestRunEnd(modules, errors, reason) {
    // Vitest 3 does not tell the end of a file that could not be loaded.
    for (const { task, moduleId } of modules) if (!this.finished.has(task.id) && ownErrors(task).length) this.finish(task, moduleId);
    this.end(errors, reason === 'interrupted' ? 'vitest was interrupted' : '');
  }

  // -- vitest 1 and 2 ----------------------------------------------------------------------------------------------

  onPathsCollected(paths) {
    if (!this.planned) send('plan', { files: [], count: (paths || []).length });
    this.planned = true;
  }

  onFinished(files, errors) {
    if (this.ended) return;
    for (const file of files || []) this.finish(file, file.filepath);
    this.end(errors || [], '');
  }

  // -- for all -----------------------------------------------------------------------------------------------------

  inventory(task, file) {
    if (this.listed.has(task.id)) return;
    this.listed.add(task.id);
    const tests = testsOf(task).map((test) => ({ key: test.id, titles: titlesOf(test) }));
    send('inventory', { file, project: projectOf(task), tests });
  }

  finish(task, file) {
    this.inventory(task, file);
    this.finished.add(task.id);
    const tests = testsOf(task);
    tests.forEach((test) => this.result(test));
    send('finish', { file, tests: tests.length, errors: ownErrors(task).map(errorOf) });
    suitesOf(task).forEach((suite) => {
      const errors = ownErrors(suite);
      const told = testsOf(suite).some((test) => outcomeOf(test, test.result || {}) === 'unrun');
      if (errors.length && !told) send('trouble', { file, errors: errors.map(errorOf), hook: true });
    });
    this.counts.files += 1;
  }

  result(test) {
    const result = test.result || {};
    const outcome = outcomeOf(test, result);
    const broken = outcome === 'unrun' && brokenSuite(test);
    const errors = ((broken ? broken.result.errors : result.errors) || []).map(errorOf);
    this.counts.tests += 1;
    if (outcome === 'passed' || outcome === 'xfailed') this.counts.passed += 1;
    if (outcome === 'failed' || outcome === 'xpassed') this.counts.failed += 1;
    send('result', {
      key: test.id,
      outcome,
      errors: ['failed', 'xpassed', 'unrun'].includes(outcome) ? errors : [],
      hook: Boolean(broken) || Object.values(result.hooks || {}).some((state) => state === 'run' || state === 'fail'),
      seconds: (result.duration || 0) / 1000,
      line: (test.location && test.location.line) || 0,
      tries: 1 + (result.retryCount || 0),
    });
  }

  end(errors, why) {
    this.ended = true;
    const list = Array.from(errors);
    if (list.length) send('trouble', { file: '', errors: list.map(errorOf) });
    send('end', { ok: !list.length && !this.counts.failed, why, ...this.counts });
  }
}

function outcomeOf(test, result) {
  if (test.mode === 'todo') return 'todo';
  // In a suite whose hook failed, vitest calls skipped what it could not run.
  const broken = brokenSuite(test);
  if (broken && (!result.state || result.state === 'skip')) return 'unrun';
  if (test.mode === 'skip' || result.state === 'skip' || result.pending) return 'skipped';
  if (result.state === 'pass') return test.fails ? 'xfailed' : 'passed';
  if (result.state === 'fail') return test.fails ? 'xpassed' : 'failed';
  return 'unrun';
}

/** The suite around a test whose hook failed before any of its tests had run. */
function brokenSuite(task) {
  for (let suite = task.suite || task.file; suite; suite = suite.suite) {
    if (ownErrors(suite).length && !testsOf(suite).some(hasRun)) return suite;
  }
  return null;
}

/** What went wrong in a suite or a file itself: in its hooks, or when it was loaded. */
function ownErrors(task) {
  return (task.result && task.result.errors) || [];
}

function hasRun(test) {
  return ['pass', 'fail'].includes(test.result && test.result.state);
}

function testsOf(task, found = []) {
  for (const child of task.tasks || []) {
    if (child.tasks) testsOf(child, found);
    else found.push(child);
  }
  return found;
}

function suitesOf(task, found = []) {
  for (const child of task.tasks || []) {
    if (child.tasks) {
      found.push(child);
      suitesOf(child, found);
    }
  }
  return found;
}

function titlesOf(task) {
  const titles = [];
  for (let each = task; each && !each.filepath; each = each.suite) if (each.name) titles.unshift(each.name);
  return titles;
}

function projectOf(task) {
  return task.projectName || '';
}

/** Vitest 1 does not say. */
function versionOf(vitest) {
  try {
    return vitest.version || createRequire(process.argv[1])('./package.json').version;
  } catch {
    return '';
  }
}

function rootOf(vitest) {
  return (vitest.config && vitest.config.root) || '';
}

/** An error of vitest comes with its places mapped back to the sources; `stack` alone names what was built from them. */
function errorOf(error) {
  const seen = channel.thrown(error);
  const places = (error && (error.stacks || error.parsedStacks)) || [];
  const mapped = Array.from(places, (place) => [channel.path(String(place.file || '')), Number(place.line) || 0]);
  const asserted = seen.asserted || Boolean(error && (error.name === 'AssertionError' || error.showDiff));
  return { ...seen, frames: mapped.length ? mapped.slice(0, 40) : seen.frames, asserted };
}

/** A threshold would fail a run of green tests, and `autoUpdate` would write into the user's settings. */
function withoutThresholds(vitest) {
  const provider = vitest.coverageProvider || vitest._coverageProvider;
  for (const options of [provider && provider.options, vitest._coverageOptions, vitest.config && vitest.config.coverage]) {
    try {
      if (options && options.thresholds) options.thresholds = undefined;
    } catch {
      // Frozen: it is told by the exit code then.
    }
  }
}
