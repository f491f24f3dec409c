import { parseArgs } from "node:util";
import { recentHousehold, simulatorEnv, startSimulators } from "../simulators";
import { EXIT, type CommandIo } from "./io";

const USAGE = `tallyflow simulate [--state DIR] [--bunq-port N] [--ynab-port N] [--seed N] [--scale N] [--from YYYY-MM-DD]
                   [--until YYYY-MM-DD] [--budgeted-until YYYY-MM-DD] [--no-limits] [--control]
                   [--aggregators]

Runs an offline bank (bunq) and budget (YNAB) with a made-up household and prints, as one line of JSON, the
environment variables that connect Tallyflow to them; with --aggregators Enable Banking, GoCardless and SimpleFIN stand
beside bunq, for the same accounts. Ends when its standard input closes or on Ctrl-C.
`;

/** The `simulate` command. Answers when it is stopped. */
export async function simulateCommand(argv: string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      state: { type: "string" },
      "bunq-port": { type: "string" },
      "ynab-port": { type: "string" },
      seed: { type: "string" },
      scale: { type: "string" },
      from: { type: "string" },
      until: { type: "string" },
      "budgeted-until": { type: "string" },
      "no-limits": { type: "boolean" },
      control: { type: "boolean" },
      aggregators: { type: "boolean" },
      "until-stdin-ends": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    io.stdout.write(USAGE);
    return EXIT.ok;
  }
  const until = values.until
    ? { until: values.until }
    : recentHousehold(new Date().toISOString().slice(0, 10));
  const simulators = await startSimulators({
    household: {
      ...until,
      ...(values.from ? { from: values.from } : {}),
      ...(values.seed ? { seed: Number(values.seed) } : {}),
      ...(values.scale ? { scale: Number(values.scale) } : {}),
      ...(values["budgeted-until"] ? { budgetedUntil: values["budgeted-until"] } : {}),
    },
    ...(values.state ? { stateDir: values.state } : {}),
    bunqPort: Number(values["bunq-port"] ?? 0),
    ynabPort: Number(values["ynab-port"] ?? 0),
    limits: !values["no-limits"],
    controlRoute: values.control ?? false,
    aggregators: values.aggregators ?? false,
  });
  io.stdout.write(
    JSON.stringify({ env: simulatorEnv(simulators), options: simulators.household.options }) + "\n",
  );
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
    // The process that started this one may die without a word; its end of the pipe then closes.
    if (values["until-stdin-ends"]) process.stdin.resume().once("end", resolve).once("error", resolve);
  });
  await simulators.stop();
  return EXIT.ok;
}
