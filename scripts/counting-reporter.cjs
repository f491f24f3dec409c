"use strict";
// Mocha's dots for people, and for scripts/test.mjs a file with the counts and with the time that went into each spec file.
const { writeFileSync } = require("node:fs");
const { reporters, Runner } = require("mocha");

const { EVENT_HOOK_END, EVENT_RUN_END, EVENT_TEST_END } = Runner.constants;

module.exports = class CountingReporter extends reporters.Dot {
  constructor(runner, options) {
    super(runner, options);
    const files = {};
    let since = Date.now();
    const charge = ({ file = "" }) => {
      const now = Date.now();
      files[file] = (files[file] ?? 0) + now - since;
      since = now;
    };
    runner.on(EVENT_TEST_END, charge);
    runner.on(EVENT_HOOK_END, (hook) => charge({ file: hook.file ?? hook.ctx?.currentTest?.file }));
    runner.once(EVENT_RUN_END, () => {
      const { passes, failures, pending } = runner.stats;
      writeFileSync(process.env.TALLYFLOW_TEST_COUNTS, JSON.stringify({ passes, failures, pending, files }));
    });
  }
};
