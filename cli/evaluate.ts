import type { CommandIo } from "./io";
import { parseArgs } from "node:util";
import { evaluate, NETWORK, parseColumnMap, readLabelledCsv } from "../lib/learning";
import { TallyError, toTallyError } from "../lib/values";

const USAGE = `Usage: tallyflow evaluate --train A.csv --test B.csv --map FIELD=COLUMN[+COLUMN],... [--online] [--network] [--json]

Trains on one file, scores on another, and says how well categories are recognised.
  --map      text, label, date and amount are needed; account, context, description, type, currency and
             counterpartyAccount help, for example text=merchant,label=category,date=date,amount=amount_gbp
  --online   reveal each label after its prediction, as approvals in the budget do
  --target   precision that is promised for what is answered, .95 when absent
  --network  let a neural network compete too (needs TensorFlow.js)
  --json     print one JSON object
`;

/**
 * `tallyflow evaluate`: accuracy, macro F1, coverage and precision at the threshold, calibration error, speed.
 * @returns the exit code: 0, or 1 when something is wrong with what was asked
 */
export async function evaluateCommand(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        train: { type: "string" },
        test: { type: "string" },
        map: { type: "string" },
        target: { type: "string" },
        online: { type: "boolean" },
        network: { type: "boolean" },
        json: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    if (values.help) {
      io.stdout.write(USAGE);
      return 0;
    }
    if (!values.train || !values.test || !values.map) {
      throw new TallyError("CONFIG_INVALID", `--train, --test and --map are needed.\n${USAGE}`);
    }
    const target = values.target === undefined ? 0.95 : Number(values.target);
    if (!(target > 0 && target < 1))
      throw new TallyError("CONFIG_INVALID", "--target must be between 0 and 1.");
    const map = parseColumnMap(values.map);
    const train = readLabelledCsv(values.train, map);
    const test = readLabelledCsv(values.test, map);
    const skipped = train.skipped + test.skipped;
    if (skipped > 0) io.stderr.write(`${skipped} rows without a label, date or amount were left out.\n`);
    const {
      coverageAtTarget: _,
      notes,
      ...found
    } = evaluate(train.rows, test.rows, {
      targetPrecision: target,
      ...(values.network && { also: [NETWORK] }),
      online: values.online ?? false,
    });
    for (const note of notes) io.stderr.write(`${note}\n`);
    const result = { ...found, peakMemoryMb: Math.round(process.resourceUsage().maxRSS / 1024) };
    if (values.json) io.stdout.write(`${JSON.stringify(result)}\n`);
    else
      for (const [name, value] of Object.entries(result))
        io.stdout.write(`${name.padEnd(22)}${+value.toFixed(4)}\n`);
    return 0;
  } catch (thrown) {
    const message =
      thrown instanceof TypeError && "code" in thrown
        ? `${thrown.message}\n${USAGE}`
        : toTallyError(thrown).message;
    io.stderr.write(`${message}\n`);
    return 1;
  }
}
