/**
 * The network in a process of its own, since a process has one TensorFlow.js or none: which one is told by the folder
 * that it is started in. Does one job, answers, and is done.
 */
import {
  createEstimator,
  lookForPackagesIn,
  NETWORK,
  restoreEstimator,
  trainInWorker,
  type LabelledExample,
  type WorkerTrained,
  type WorkerTrainOptions,
} from "../../lib/learning";
import { tensorFlow } from "../../lib/learning/estimators/network";
import { decodeArtifact, encodeArtifact } from "../../lib/learning/model";
import { runAtOnce } from "../../lib/values";

export interface NetworkJob {
  /** A network that learned elsewhere; one that knows nothing when absent. */
  model?: Uint8Array;
  learn: LabelledExample[];
  ask: LabelledExample[];
  /** Learn each row that was asked about, too. */
  reveal?: boolean;
}

export interface NetworkAnswer {
  kind: string;
  model: Uint8Array;
  answers: { categories: readonly string[]; probabilities: Float32Array }[];
  /** Tensors that are held after the work and were not before it. */
  leaked: number;
}

/** Train a whole model in a worker thread. */
export interface TrainJob {
  rows: LabelledExample[];
  options: WorkerTrainOptions;
  /** Where packages are looked for too, as Node-RED's user directory. */
  packagesIn?: string;
}

export type Job = { network: NetworkJob } | { train: TrainJob };

export function work({ model, learn, ask, reveal }: NetworkJob): NetworkAnswer {
  const { tf, kind } = tensorFlow();
  const before = tf.memory().numTensors;
  const network = model
    ? runAtOnce(restoreEstimator(NETWORK, runAtOnce(decodeArtifact(model))))
    : createEstimator(NETWORK);
  network.fit(learn);
  const answers = ask.map((row) => (reveal ? network.reveal(row, row.label) : network.predict(row)));
  for (const row of ask.slice(0, 5)) network.explain(row, row.label, 5);
  const leaked = tf.memory().numTensors - before;
  return { kind, model: encodeArtifact(network.serialise()), answers, leaked };
}

async function answer(job: Job): Promise<NetworkAnswer | WorkerTrained> {
  if ("network" in job) return work(job.network);
  const { rows, options, packagesIn } = job.train;
  if (packagesIn !== undefined) lookForPackagesIn(packagesIn);
  return trainInWorker(rows, options);
}

if (require.main === module) {
  process.once("message", (job: Job) => {
    answer(job).then(
      (found) => process.send!(found, () => process.exit(0)),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}
