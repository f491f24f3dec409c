"use strict";
// The layers of docs/architecture.md as rules: imports run downwards only, and never in a circle.

module.exports = {
  forbidden: [
    {
      name: "no-circle",
      severity: "error",
      comment: "Modules that need each other are one module; split what they share out of both.",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "lib-knows-no-node-red",
      severity: "error",
      comment: "lib/ is a library: no Node-RED, no nodes, no programs, no simulators.",
      from: { path: "^lib/" },
      to: { path: ["^(nodes|simulators|cli|bench|test)/", "node_modules/(@types/)?(@node-red|node-red)"] },
    },
    {
      name: "values-stand-alone",
      severity: "error",
      from: { path: "^lib/values/" },
      to: { path: "^lib/(?!values/)" },
    },
    {
      name: "worker-stands-on-values",
      severity: "error",
      from: { path: "^lib/worker/" },
      to: { path: "^lib/(?!values/|worker/)" },
    },
    {
      name: "store-stands-on-values-and-worker",
      severity: "error",
      from: { path: "^lib/store/" },
      to: { path: "^lib/(?!values/|worker/|store/)" },
    },
    {
      name: "http-stands-on-store-and-values",
      severity: "error",
      from: { path: "^lib/http/" },
      to: { path: "^lib/(?!values/|store/|http/)" },
    },
    {
      name: "capabilities-meet-through-their-faces",
      severity: "error",
      comment: "Another capability is imported through its index.ts.",
      from: { path: `^lib/([^/]+)/` },
      to: {
        path: "^lib/[^/]+/",
        pathNot: [`^lib/$1/`, "^lib/[^/]+/index\\.ts$", "^lib/bank/statements/(index|types)\\.ts$"],
      },
    },
    {
      name: "others-use-the-faces",
      severity: "error",
      comment: "Nodes and programs import a capability through its index.ts.",
      from: { path: "^(nodes|cli|bench)/" },
      to: {
        path: "^lib/[^/]+/",
        pathNot: [
          "^lib/[^/]+/index\\.ts$",
          "^lib/bank/[^/]+/(index|types)\\.ts$",
          "^lib/budget/[^/]+/index\\.ts$",
        ],
      },
    },
    {
      name: "nodes-do-not-know-each-other",
      severity: "error",
      from: { path: "^nodes/([^/]+)/", pathNot: "^nodes/runtime/" },
      to: { path: "^nodes/[^/]+/", pathNot: ["^nodes/$1/", "^nodes/runtime/"] },
    },
    {
      name: "runtime-knows-no-node",
      severity: "error",
      from: { path: "^nodes/runtime/" },
      to: { path: "^nodes/(?!runtime/)" },
    },
    {
      name: "only-tests-use-tests",
      severity: "error",
      comment: "A benchmark may start the servers of the tests; nothing else leans on them.",
      from: { pathNot: "^(test|bench)/" },
      to: { path: "^test/" },
    },
    {
      name: "no-development-package-at-run-time",
      severity: "error",
      from: { path: "^(lib|nodes|cli)/", pathNot: "editor\\.ts$" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^dist/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    combinedDependencies: true,
  },
};
