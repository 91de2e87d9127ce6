// Lets mocha go on when a test file cannot be loaded, and remembers why; handed to mocha by `--require`.
//
// Mocha by itself ends at the first such file, before any reporter is there to tell of it. Here the file is told of as
// red, and the run fails for it: the reporter counts what is in `failed` among the failures.
'use strict';

require('./channel.cjs');

const failed = [];
module.exports = { failed };

try {
  const Mocha = require(require.resolve('mocha', { paths: [process.argv[1], process.cwd()] }));
  goingOn((Mocha.default || Mocha).prototype);
} catch {
  // Another way of being installed: mocha then ends as it always does, and no end is told.
}

function goingOn(mocha) {
  const { loadFilesAsync } = mocha;
  mocha.loadFilesAsync = async function (...options) {
    const all = this.files;
    for (const file of all) {
      this.files = [file];
      try {
        await loadFilesAsync.apply(this, options);
      } catch (error) {
        failed.push({ file, error });
      }
    }
    this.files = all;
  };
}
