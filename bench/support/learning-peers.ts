import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { LabelledExample } from "../../lib/learning";
import type { LearningFigures } from "../learning";
import { pythonWith } from "./python";

/** How long one peer may take for one set. */
const PEER_MS = 600_000;
const PACKAGES = ["scikit-learn==1.7.2", "fasttext-wheel==0.9.2", "smart_importer==1.2"];
const PEERS = [
  "fastText",
  "complement naive Bayes of scikit-learn",
  "TF-IDF + linear SVM, texts alone",
  "TF-IDF + linear SVM",
  "smart_importer",
];
const SCRIPT = path.resolve(__dirname, "../../../bench/peers/learning.py");

/** The Python of the peers, made where it is not there yet; undefined without Python. */
export function learningPython(): string | undefined {
  return pythonWith("learning", PACKAGES);
}

/** Peers in Python, in a virtual environment of their own that is kept in a cache folder. One after another. */
export function learningPeers(
  train: readonly LabelledExample[],
  test: readonly LabelledExample[],
  say: (text: string) => void,
): Record<string, LearningFigures> {
  const python = learningPython();
  if (!python) return { Python: { skipped: "python3 with venv is not there" } };
  const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-bench-"));
  try {
    // [text, all that is known beside it, label]: one text for those that know no columns.
    const plain = (rows: readonly LabelledExample[]) =>
      JSON.stringify(
        rows.map((row) => [
          row.text,
          [row.description, row.type ?? "", row.account, ...(row.context ?? [])].filter(Boolean),
          row.label,
        ]),
      );
    writeFileSync(path.join(folder, "train.json"), plain(train));
    writeFileSync(path.join(folder, "test.json"), plain(test));
    const found: Record<string, LearningFigures> = {};
    for (const name of PEERS) {
      say(`  ${name}`);
      found[name] = measure(python, folder, name);
    }
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measure(python: string, folder: string, name: string): LearningFigures {
  const ran = spawnSync(python, [SCRIPT, folder, name], { encoding: "utf8", timeout: PEER_MS });
  if (ran.signal) return { skipped: `not done after ${PEER_MS / 60_000} minutes` };
  if (ran.status !== 0) return { skipped: ran.stderr.trim().split("\n").at(-1) ?? "failed" };
  return JSON.parse(ran.stdout) as LearningFigures;
}
