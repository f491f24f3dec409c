"use strict";
// Mocha's dots for people, and the counts as a file for scripts/test.mjs.
const { writeFileSync } = require("node:fs");
const { reporters, Runner } = require("mocha");

module.exports = class CountingReporter extends reporters.Dot {
  constructor(runner, options) {
    super(runner, options);
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = runner.stats;
      writeFileSync(process.env.TALLYFLOW_TEST_COUNTS, JSON.stringify({ passes, failures, pending }));
    });
  }
};
