import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  competingEstimators,
  createEstimator,
  NETWORK,
  register,
  trainModel,
  type Scores,
  type WorkerTrained,
} from "../../lib/learning";
import { loadTensorFlow, tensorFlow } from "../../lib/learning/estimators/network";
import { Layers, type Batch } from "../../lib/learning/estimators/network/layers";
import { seededRandom } from "../../lib/learning/random";
import { TallyError } from "../../lib/values";
import { nativeTensorFlow } from "../servers/tensorflow";
import { work, type Job, type NetworkAnswer, type NetworkJob, type TrainJob } from "./network-host";
import { household } from "./support";

const INSTALL_TIME = 20 * 60_000;
const rows = household(600);
const learn = rows.slice(0, 400);
const ask = rows.slice(400);

describe("learning: TensorFlow.js", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), "tallyflow-packages-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const brokenNative = () => {
    const home = path.join(folder, "node_modules/@tensorflow/tfjs-node");
    mkdirSync(home, { recursive: true });
    writeFileSync(path.join(home, "package.json"), '{"name":"@tensorflow/tfjs-node","main":"index.js"}');
    writeFileSync(path.join(home, "index.js"), 'throw new Error("libtensorflow.so.2: cannot open\\nmore");');
  };

  it("says what to install where it is absent", () => {
    assert.throws(
      () => loadTensorFlow([folder]),
      (error: TallyError) =>
        error.code === "DEPENDENCY_MISSING" &&
        error.message.includes("npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-cpu"),
    );
  });

  it("goes on in JavaScript when the native one is broken, and says so", () => {
    brokenNative();
    const { kind, note } = loadTensorFlow([folder, __dirname]);
    assert.equal(kind, "javascript");
    assert.match(note!, /tfjs-node is installed but cannot be loaded \(libtensorflow\.so\.2: cannot open\)/);
  });

  it("says both when the native one is broken and there is no other", () => {
    brokenNative();
    assert.throws(() => loadTensorFlow([folder]), /not installed.*cannot be loaded/);
  });
});

describe("learning: the network", () => {
  it("holds no tensor after learning, answering and explaining", () => {
    const { kind, leaked } = work({ learn: learn.slice(0, 200), ask: ask.slice(0, 40), reveal: true });
    assert.equal(kind, "javascript");
    assert.equal(leaked, 0);
  });

  it("is another network with another seed, and the same one with the same", () => {
    const answer = (seed: number): Scores => {
      const network = createEstimator(NETWORK, { seed });
      network.fit(learn.slice(0, 100));
      return network.predict(ask[0]!);
    };
    assert.deepEqual(answer(1), answer(1));
    assert.notDeepEqual(answer(1), answer(2));
  });

  it("learns down the gradient: as finite differences give it", () => {
    const { tf } = tensorFlow();
    const shape = { width: 4, hidden: 3, signs: 2, states: 3, gate: 3 };
    const random = seededRandom(5);
    const numbers = (n: number) => Float32Array.from({ length: n }, () => random() * 2 - 1);
    const start = new Layers(tf, shape, 1);
    start.grow(3);
    // Nothing at 0: there a step of relu has no one slope.
    const weights = Object.fromEntries(
      Object.entries(start.serialise()).map(([name, array]) => [
        name,
        name.endsWith("Squares") ? array : numbers(array.length),
      ]),
    );
    const wanted = Int32Array.from([2, 0]);
    const batch = (recalled: boolean): Batch => ({
      size: 2,
      categories: 3,
      bags: numbers(8),
      recalled: recalled ? numbers(12) : new Float32Array(12),
      states: numbers(6),
    });
    const lossOf = (of: Batch, given: Record<string, Float32Array>) => {
      const p = new Layers(tf, shape, 1, given).predict(of);
      return -Math.log(p[2]!) - Math.log(p[3]!);
    };
    const slopeOf = (of: Batch, array: Float32Array, i: number, given = weights) => {
      const value = array[i]!;
      const at = (moved: number) => {
        array[i] = value + moved;
        const loss = lossOf(of, given);
        array[i] = value;
        return loss;
      };
      return (at(0.01) - at(-0.01)) / 0.02;
    };
    // With so large a floor a step is a hundredth of the gradient.
    const rates = { denseRate: 1e4, gateRate: 1e4, floor: 1e12 };
    const close = (found: number, expected: number, what: string) =>
      assert.ok(Math.abs(found - expected) < 0.01, `${what}: ${found}, not ${expected}`);

    // Without memory the sum is what the payment says, whose own loss its weights are learned on.
    for (const recalled of [false, true]) {
      const of = batch(recalled);
      const layers = new Layers(tf, shape, 1, weights);
      const byBags = layers.learn(of, wanted, rates);
      const after = layers.serialise();
      if (!recalled) byBags.forEach((g, i) => close(g, slopeOf(of, of.bags, i), `bag ${i}`));
      for (const [name, array] of Object.entries(weights)) {
        if (name.endsWith("Squares") || /^(gate|signs)/.test(name) !== recalled) continue;
        array.forEach((value, i) =>
          close((value - after[name]![i]!) * 100, slopeOf(of, array, i), `${name} ${i}`),
        );
      }
    }
  });

  it("competes only when it is asked for", () => {
    assert.ok(!competingEstimators().includes(NETWORK));
    const { model, notes } = trainModel(learn.slice(0, 300), {
      estimators: [...competingEstimators(), NETWORK],
    });
    assert.ok(model.info.metrics.competition.some(({ estimator }) => estimator === NETWORK));
    assert.deepEqual(notes, []);
  });

  it("is left out, and that is said, where what it needs is not installed", () => {
    register({
      name: "needs-a-package",
      defaults: {},
      onRequest: true,
      create() {
        throw new TallyError("DEPENDENCY_MISSING", "Run npm install.");
      },
      restore: () => {
        throw new TallyError("DEPENDENCY_MISSING", "Run npm install.");
      },
    });
    const { model, notes } = trainModel(learn, { estimators: [...competingEstimators(), "needs-a-package"] });
    assert.deepEqual(notes, ["needs-a-package did not take part. Run npm install."]);
    assert.equal(model.info.metrics.competition.length, competingEstimators().length);
    assert.throws(() => trainModel(learn, { estimators: ["needs-a-package"] }), /Run npm install/);
  });
});

describe("learning: the network without TensorFlow.js", () => {
  const root = path.resolve(__dirname, "../../..");
  let folder: string;

  /** The built library beside all its packages but those of TensorFlow.js. */
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "tallyflow-without-"));
    const code = (from: string) => !/\.(map|d\.ts|tsbuildinfo)$/.test(from);
    cpSync(path.join(root, "dist/lib"), path.join(folder, "dist/lib"), { recursive: true, filter: code });
    cpSync(__dirname, path.join(folder, "dist/test/learning"), { recursive: true, filter: code });
    mkdirSync(path.join(folder, "node_modules"));
    const { dependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    for (const name of Object.keys(dependencies))
      symlinkSync(path.join(root, "node_modules", name), path.join(folder, "node_modules", name), "junction");
  });
  after(() => rmSync(folder, { recursive: true }));

  const estimators = [...competingEstimators(), NETWORK];
  const train = (job: TrainJob) =>
    inProcess<WorkerTrained>(path.join(folder, "dist/test/learning/network-host.js"), folder, { train: job });

  it("trains the others, also where a network is in production, and says what to install", async () => {
    const production = trainModel(learn, { estimators: [NETWORK] }).model.encode();
    const { info, gate, notes } = await train({ rows, options: { estimators, production } });
    assert.equal(info.metrics.competition.length, competingEstimators().length);
    assert.equal(gate.verdict, "first");
    assert.equal(notes.length, 2);
    for (const note of notes) assert.match(note, /npm install @tensorflow\/tfjs-core/);
  });

  it("finds it in Node-RED's user directory, wherever that is, and in the thread that trains", async () => {
    const packagesIn = path.join(folder, "user");
    mkdirSync(path.join(packagesIn, "node_modules"), { recursive: true });
    const installed = path.join(packagesIn, "node_modules/@tensorflow");
    symlinkSync(path.join(root, "node_modules/@tensorflow"), installed, "junction");
    const { info, notes } = await train({ rows, options: { estimators }, packagesIn });
    assert.deepEqual(notes, []);
    assert.equal(info.metrics.competition.length, estimators.length);
  });
});

describe("learning: the network on native TensorFlow.js", () => {
  let folder: string;

  before(async function () {
    this.timeout(INSTALL_TIME);
    const installed = await nativeTensorFlow();
    if ("unavailable" in installed) {
      console.log(`      skipped: ${installed.unavailable}`);
      this.skip();
    }
    folder = installed.folder;
  });

  const host = path.join(__dirname, "network-host.js");
  const natively = (network: NetworkJob) => inProcess<NetworkAnswer>(host, folder, { network });

  it("serves what the other backend learned, with the same answers", async () => {
    const here = work({ learn, ask });
    const there = await natively({ model: here.model, learn: [], ask });
    assert.deepEqual([here.kind, there.kind], ["javascript", "native"]);
    assert.ok(farthest(here, there) < 1e-4, String(farthest(here, there)));
    assert.deepEqual(there.model, here.model);

    const learned = await natively({ learn, ask });
    const served = work({ model: learned.model, learn: [], ask });
    assert.ok(farthest(learned, served) < 1e-4, String(farthest(learned, served)));
    assert.equal(learned.leaked, 0);
  });

  it("learns the same: labels one by one, too", async () => {
    const job = { learn, ask, reveal: true };
    const [here, there] = [work(job), await natively(job)];
    assert.ok(
      Math.abs(rightOf(here) - rightOf(there)) <= ask.length / 100,
      `${rightOf(here)}, ${rightOf(there)}`,
    );
    assert.ok(rightOf(there) / ask.length > 0.95);
    assert.equal(there.leaked, 0);
  });

  it("trains in a worker thread", async () => {
    const train: TrainJob = { rows, options: { estimators: [NETWORK] } };
    const { info, notes } = await inProcess<WorkerTrained>(host, folder, { train });
    assert.equal(info.estimator, NETWORK);
    assert.ok(info.metrics.accuracy > 0.9, String(info.metrics.accuracy));
    assert.deepEqual(notes, []);
  });
});

/** Let a process do a job, started in a folder whose packages it finds before its own. */
function inProcess<T>(host: string, cwd: string, job: Job): Promise<T> {
  const child = fork(host, {
    cwd,
    serialization: "advanced",
    env: { ...process.env, HOME: cwd, TF_CPP_MIN_LOG_LEVEL: "1" },
  });
  const answer = new Promise<T>((resolve, reject) => {
    child.once("message", (found) => resolve(found as T));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`The process ended with ${code}.`)));
  });
  child.send(job);
  return answer;
}

/** The largest difference between two probabilities of the same category. */
function farthest(one: NetworkAnswer, other: NetworkAnswer): number {
  let most = 0;
  one.answers.forEach(({ categories, probabilities }, i) => {
    assert.deepEqual(other.answers[i]!.categories, categories);
    probabilities.forEach(
      (p, c) => (most = Math.max(most, Math.abs(p - other.answers[i]!.probabilities[c]!))),
    );
  });
  return most;
}

function rightOf({ answers }: NetworkAnswer): number {
  return answers.filter(({ categories, probabilities }, i) => {
    const best = probabilities.indexOf(Math.max(...probabilities));
    return categories[best] === ask[i]!.label;
  }).length;
}
