// Tells phasegate what a jest run really did; handed to jest by `--reporters`.
'use strict';

const channel = require('./channel.cjs');
const { send } = channel;

const STATUS = { pending: 'skipped', disabled: 'skipped', focused: 'passed', todo: 'todo' };

class PhasegateReporter {
  constructor(globalConfig) {
    this.files = 0;
    send('start', { tool: 'jest', version: version(), node: process.version, root: globalConfig.rootDir || '' });
  }

  onRunStart(results) {
    send('plan', { files: [], count: results.numTotalTestSuites });
  }

  onTestFileStart(test) {
    send('load', { file: test.path });
  }

  onTestCaseStart(test, begun) {
    send('enter', { key: '', file: test.path, titles: [...(begun.ancestorTitles || []), begun.title] });
  }

  // Not onTestFileResult alone: jest before 27 knows only this one, and calls it where there is no other.
  onTestResult(test, result) {
    const names = test.context && test.context.config && test.context.config.displayName;
    const project = (names && (names.name || names)) || '';
    const file = result.testFilePath || test.path;
    const ran = result.testResults || [];
    const key = (index) => `${this.files}/${index}`;
    send('inventory', {
      file,
      project: String(project),
      tests: ran.map((each, index) => ({ key: key(index), titles: [...each.ancestorTitles, each.title] })),
    });
    ran.forEach((each, index) => send('result', resultOf(each, key(index))));
    send('finish', { file, tests: ran.length, errors: errorsOf(result), skipped: Boolean(result.skipped) });
    this.files += 1;
  }

  onRunComplete(contexts, results) {
    send('end', {
      ok: Boolean(results.success),
      why: results.wasInterrupted ? 'jest was interrupted' : channel.text(results.runExecError && results.runExecError.message),
      files: results.numTotalTestSuites,
      tests: results.numTotalTests,
      passed: results.numPassedTests,
      failed: results.numFailedTests,
    });
  }
}

function resultOf(result, key) {
  const red = result.status === 'failed';
  const failing = Boolean(result.failing);
  const outcome = STATUS[result.status] || result.status;
  return {
    key,
    outcome: failing && outcome === 'passed' ? 'xfailed' : failing && red && unexpected(result) ? 'xpassed' : outcome,
    errors: red ? (result.failureMessages || []).map((message, at) => errorOf(message, (result.failureDetails || [])[at])) : [],
    hook: red && (result.failureMessages || []).some((message) => message.includes('_callCircusHook')),
    seconds: (result.duration || 0) / 1000,
    line: (result.location && result.location.line) || 0,
    tries: result.invocations || 1,
  };
}

function unexpected(result) {
  return (result.failureMessages || []).some((message) => message.includes('Failing test passed even though'));
}

function errorOf(message, detail) {
  const said = channel.thrown(message);
  const more = detail && typeof detail === 'object' ? channel.thrown(detail) : {};
  return { ...said, code: said.code || more.code || '', asserted: Boolean(more.asserted) };
}

/** What kept a file from being loaded, or went wrong outside its tests. */
function errorsOf(result) {
  if (result.testExecError) {
    const error = channel.thrown(result.testExecError);
    const stack = String(result.testExecError.stack || '');
    return [{ ...error, message: error.message || stack.split('\n')[0], hook: stack.includes('_callCircusHook') }];
  }
  const failed = result.failureMessage && !(result.testResults || []).some((each) => each.status === 'failed');
  return failed ? [channel.thrown(result.failureMessage)] : [];
}

function version() {
  try {
    return require(require.resolve('jest/package.json', { paths: [process.argv[1], process.cwd()] })).version;
  } catch {
    return '';
  }
}

module.exports = PhasegateReporter;
