import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { evaluateCommand } from "../../cli/evaluate";
import { household } from "../learning/support";

describe("cli: evaluate", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "tallyflow-evaluate-"));
    const csv = (rows: ReturnType<typeof household>) =>
      [
        "Name,Category,Date,Amount",
        ...rows.map((r) => `${r.text},${r.label},${r.date},${r.amount / 100}`),
      ].join("\n");
    const rows = household(500);
    writeFileSync(path.join(folder, "train.csv"), csv(rows.slice(0, 400)));
    writeFileSync(path.join(folder, "test.csv"), csv(rows.slice(400)));
  });
  after(() => rmSync(folder, { recursive: true }));

  const evaluate = async (...more: string[]) => {
    const out = { stdout: "", stderr: "" };
    const io = {
      stdout: { write: (text: string) => (out.stdout += text) },
      stderr: { write: (text: string) => (out.stderr += text) },
    };
    const files = ["--train", path.join(folder, "train.csv"), "--test", path.join(folder, "test.csv")];
    const map = "text=Name,label=Category,date=Date,amount=Amount";
    const code = await evaluateCommand([...files, "--map", map, "--json", ...more], io);
    return { code, ...out };
  };

  it("scores a model on rows that it has not seen", async () => {
    const { code, stdout, stderr } = await evaluate();
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok((JSON.parse(stdout) as { accuracy: number }).accuracy > 0.95, stdout);
  });

  it("lets a neural network compete too, when asked to", async () => {
    const { code, stdout, stderr } = await evaluate("--network");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok((JSON.parse(stdout) as { accuracy: number }).accuracy > 0.95, stdout);
  });

  it("says which options there are when some are missing", async () => {
    const out: string[] = [];
    const io = { stdout: { write: () => true }, stderr: { write: (text: string) => out.push(text) } };
    assert.equal(await evaluateCommand([], io as never), 1);
    assert.match(out.join(""), /--train, --test and --map are needed/);
  });
});
