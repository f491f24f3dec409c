import { parentPort } from "node:worker_threads";
import { sha256, TallyError, toTallyError } from "../../values";
import { standBack } from "../../worker";
import { TrainedModel } from "../model";
import type { LabelledExample } from "../types";
import type { FromWorker, ToWorker } from "./protocol";
import { trainModel } from "./train";

/** The thread that trains: collects the examples as they come, trains once, hands the bytes back and is done. */
const port = parentPort;
if (port) {
  standBack();
  const examples: LabelledExample[] = [];
  const tell = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  port.on("message", (message: ToWorker) => {
    if (message.kind === "examples") {
      for (const example of message.examples) examples.push(example);
      return;
    }
    try {
      const began = performance.now();
      let reported = 0;
      const { production, note } = message.production ? readable(message.production) : {};
      const { model, gate, notes } = trainModel(examples, {
        ...message.options,
        ...(production && { production }),
        progress: (done, total, what) => {
          const now = performance.now();
          if (now - reported < 100 && done < total) return;
          reported = now;
          tell({ kind: "progress", done, total, what });
        },
      });
      const seconds = (performance.now() - began) / 1000;
      const artifact = model.encode() as Uint8Array<ArrayBuffer>;
      const { info, threshold } = model;
      if (note !== undefined) notes.push(note);
      tell({ kind: "trained", artifact, sha256: sha256(artifact), info, threshold, gate, notes, seconds }, [
        artifact.buffer,
      ]);
    } catch (error) {
      tell({ kind: "failed", error: toTallyError(error).toJSON() });
    }
    port.close();
  });
}

/** A model whose package was removed can serve nobody: a new one takes its place as if there were none. */
function readable(bytes: Uint8Array): { production?: TrainedModel; note?: string } {
  try {
    return { production: TrainedModel.decode(bytes) };
  } catch (error) {
    if (!(error instanceof TallyError) || error.code !== "DEPENDENCY_MISSING") throw error;
    return { note: `The model in production could not be compared with. ${error.message}` };
  }
}
