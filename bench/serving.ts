import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import {
  FEATURE_VERSION,
  modelName,
  promote,
  readLabelledCsv,
  saveVersion,
  trainModel,
  type LabelledExample,
} from "../lib/learning";
import { categories, openStore } from "../lib/store";
import { rounded, type Bench, type BenchResult } from "./result";
import { load, type LoadFigures, type Target } from "./support/inference-load";
import { ML_SERVER, mlServerPython, trainPeer, withMlServer } from "./support/ml-server";
import { startProbed, type ProbedNodeRed } from "./support/probed-node-red";

const root = path.resolve(__dirname, "../..");
/** A category with fewer payments to learn from is left out, for all alike. */
const SUPPORT = 50;
const PLAN = "00000000-0000-4000-8000-000000000001";
const BUDGET = `ynab:${PLAN}`;
const TOKEN = "a-token-for-the-benchmark-alone";
const VERSION = "bench";

export const bench: Bench = {
  summary: "categories served over HTTP by a real Node-RED, beside MLServer with scikit-learn",
  options: `
  --rows N       payments of the data to use, the first ones by date (20000)
  --requests N   single requests of each kind (1000)
  --no-peers     ours alone; MLServer is fetched from PyPI once
`,
  run: async (args, say) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        rows: { type: "string", default: "20000" },
        requests: { type: "string", default: "1000" },
        "no-peers": { type: "boolean" },
      },
    });
    const [rows, requests] = [Number(values.rows), Number(values.requests)];
    if (!(rows >= 1_000) || !Number.isInteger(requests) || requests < 1) {
      const error = new Error("--rows must be 1000 or more, and --requests a whole number above 0.");
      throw Object.assign(error, { code: "ERR_PARSE_ARGS_INVALID_OPTION_VALUE" });
    }
    const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-bench-"));
    try {
      return await run(folder, rows, requests, values["no-peers"] !== true, say);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function run(
  folder: string,
  most: number,
  requests: number,
  beside: boolean,
  say: (text: string) => void,
): Promise<BenchResult> {
  const shared = process.env["TALLYFLOW_SHARED"] ?? path.join(root, "..", "shared");
  const file = path.join(shared, "data/payments/birmingham_2014_2017.csv");
  const result: BenchResult = { name: "serving", ours: {}, peers: {}, ratios: {}, notes: [] };
  if (!existsSync(file)) {
    result.notes!.push(`Skipped: the data is not there (${file}).`);
    return result;
  }
  const { train, test } = split(file, most);
  say(`training on ${train.length} payments`);
  const began = performance.now();
  await saveModel(path.join(folder, "tallyflow.db"), train);
  result.ours["train"] = train.length;
  result.ours["test"] = test.length;
  result.ours["trainSeconds"] = rounded((performance.now() - began) / 1000);
  const measured = await measureOurs(folder, test, requests, say);
  Object.assign(result.ours, measured);
  result.notes!.push(
    "All are asked over HTTP on this machine by the same client, which uses one of its cores meanwhile.",
    "The two kinds of ours: category and confidence alone; all outputs, with the reason in words and the top three.",
    "Accuracy is that of the best guess, whether ours would answer it or abstain.",
    "Stalls are of Node-RED's event loop during all of these requests, by the clock, and the most CPU time within one.",
  );
  if (!beside) return result;

  const found = mlServerPython();
  if ("skipped" in found) {
    result.peers[ML_SERVER] = found;
    return result;
  }
  say("training the peer");
  const { accuracy: _same, trainSeconds } = trainPeer(found.python, folder, train, test);
  result.peers["trainSeconds"] = rounded(trainSeconds);
  for (const [kind, workers] of [
    ["one worker process, as it comes", 1],
    ["inference in the server's process", 0],
  ] as const) {
    const name = `${ML_SERVER}, ${kind}`;
    say(name);
    const figures = await withMlServer(found.python, folder, workers, (target) =>
      load(target, test, requests),
    );
    result.peers[name] = figures;
    const own = measured["category and confidence"];
    result.ratios[`p50 of ${name} / ours`] = rounded(figures.p50Ms / own.p50Ms);
    result.ratios[`our requests per second, 8 connections / ${name}`] = rounded(
      own.requestsPerSecondOf8 / figures.requestsPerSecondOf8,
    );
    result.ratios[`our rows per second by 10,000 / ${name}`] = rounded(
      own.rowsPerSecondBy10000 / figures.rowsPerSecondBy10000,
    );
    result.ratios[`our accuracy / ${name}`] = rounded(own.accuracy / figures.accuracy);
  }
  return result;
}

/** The first 80 % by date, and the rest. */
function split(file: string, most: number): { train: LabelledExample[]; test: LabelledExample[] } {
  const { rows: all } = readLabelledCsv(file, {
    text: ["merchant"],
    description: ["cost_centre", "directorate"],
    label: ["category"],
    date: ["date"],
    amount: ["amount_gbp"],
    account: ["card"],
  });
  const rows = all.slice(0, most);
  const cut = Math.floor(rows.length * 0.8);
  const support = new Map<string, number>();
  for (const { label } of rows.slice(0, cut)) support.set(label, (support.get(label) ?? 0) + 1);
  const frequent = ({ label }: LabelledExample) => (support.get(label) ?? 0) >= SUPPORT;
  return { train: rows.slice(0, cut).filter(frequent), test: rows.slice(cut).filter(frequent) };
}

/** Train, and put the model into production in a store of its own. */
async function saveModel(file: string, train: readonly LabelledExample[]): Promise<void> {
  const { model } = trainModel(train);
  const store = await openStore({ kind: "sqlite", path: file });
  try {
    const labels = [...new Set(train.map(({ label }) => label))];
    await store
      .collection(categories)
      .upsertMany(labels.map((id) => ({ id, budgetId: BUDGET, name: id, hidden: false, deleted: false })));
    const { info, threshold } = model;
    const name = modelName(BUDGET);
    const at = new Date().toISOString();
    await saveVersion(
      store,
      {
        model: name,
        version: VERSION,
        createdAt: at,
        estimator: info.estimator,
        parameters: {},
        featureVersion: FEATURE_VERSION,
        dataHash: info.dataHash,
        codeVersion: info.codeVersion,
        trainedOn: info.trainedOn,
        metrics: {},
        threshold,
      },
      model.encode(),
    );
    await promote(store, name, VERSION, at, "benchmark");
  } finally {
    await store.close();
  }
}

type OurFigures = Record<"category and confidence" | "all outputs", LoadFigures & Record<string, number>>;

async function measureOurs(
  folder: string,
  test: readonly LabelledExample[],
  requests: number,
  say: (text: string) => void,
): Promise<OurFigures> {
  const nodeRed = await startProbed({
    userDir: folder,
    port: 0,
    flows: () => [
      { id: "tab", type: "tab", label: "Benchmark" },
      { id: "store", type: "tally-store", path: path.join(folder, "tallyflow.db") },
      { id: "budget", type: "tally-budget", provider: "ynab", plan: PLAN },
      { id: "server", type: "tally-model-server", z: "tab", store: "store", budget: "budget", wires: [[]] },
    ],
    env: { TALLYFLOW_BUDGET_TOKEN: "never used", TALLYFLOW_MODEL_SERVER_TOKEN: TOKEN },
  });
  try {
    await ready(nodeRed);
    const narrow = [{ name: "top", parameters: { k: 1 } }, { name: "category" }, { name: "confidence" }];
    const figures: Partial<OurFigures> = {};
    for (const [kind, outputs, width] of [
      ["category and confidence", narrow, 1],
      ["all outputs", undefined, 3],
    ] as const) {
      say(`Tallyflow, ${kind}`);
      await nodeRed.look();
      const measured = await load(targetOf(nodeRed.url, outputs, width), test, requests);
      const { stalls, loop } = await nodeRed.look();
      figures[kind] = {
        ...measured,
        longestStallMs: rounded(Math.max(0, ...stalls.map(({ wallMs }) => wallMs))),
        longestStallCpuMs: rounded(Math.max(0, ...stalls.map(({ cpuMs }) => cpuMs))),
        eventLoopMaxMs: rounded(loop.maxMs),
        eventLoopP99Ms: rounded(loop.p99Ms),
      };
    }
    return figures as OurFigures;
  } finally {
    await nodeRed.stop();
  }
}

/** Until the node has opened its store and loaded its model. */
async function ready({ url }: ProbedNodeRed): Promise<void> {
  const until = Date.now() + 60_000;
  for (;;) {
    const answer = await fetch(`${url}/tallyflow/v2/health/ready`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    if (answer.ok) return;
    if (Date.now() > until) throw new Error(`The server is not ready: ${await answer.text()}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function targetOf(url: string, outputs: readonly object[] | undefined, width: number): Target {
  const column = (name: string, datatype: string, data: unknown[]) => ({
    name,
    datatype,
    shape: [data.length],
    data,
  });
  return {
    url: `${url}/tallyflow/v2/models/${modelName(BUDGET)}/infer`,
    headers: { Authorization: `Bearer ${TOKEN}` },
    requestOf: (rows) => ({
      inputs: [
        column(
          "text",
          "BYTES",
          rows.map(({ text }) => text),
        ),
        column(
          "description",
          "BYTES",
          rows.map(({ description }) => description),
        ),
        column(
          "amount",
          "INT64",
          rows.map(({ amount }) => amount),
        ),
        column(
          "currency",
          "BYTES",
          rows.map(({ currency }) => currency),
        ),
        column(
          "date",
          "BYTES",
          rows.map(({ date }) => date),
        ),
        column(
          "account",
          "BYTES",
          rows.map(({ account }) => account),
        ),
      ],
      ...(outputs && { outputs }),
    }),
    output: "top",
    width,
  };
}
