#!/usr/bin/env node
import { demoCommand } from "./demo";
import { evaluateCommand } from "./evaluate";
import { EXIT, type CommandIo } from "./io";
import { parseCommand } from "./parse";
import { simulateCommand } from "./simulate";
import { startCommand } from "./start";
import { syncCommand } from "./sync";

/** The command line: `tallyflow COMMAND ...`. A command takes its arguments and answers its exit code. */
const COMMANDS: Readonly<Record<string, (argv: string[], io: CommandIo) => Promise<number>>> = {
  start: startCommand,
  parse: parseCommand,
  sync: syncCommand,
  demo: demoCommand,
  evaluate: evaluateCommand,
  simulate: simulateCommand,
};

async function main([name, ...argv]: string[]): Promise<number> {
  const command = name === undefined ? undefined : COMMANDS[name];
  if (command) return command(argv, process);
  const usage = `Usage: tallyflow COMMAND ...\nCommands: ${Object.keys(COMMANDS).join(", ")}. Each explains itself with --help.\n`;
  const asked = name === "--help" || name === "-h";
  (asked ? process.stdout : process.stderr).write(usage);
  return asked ? EXIT.ok : EXIT.couldNotRun;
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = EXIT.couldNotRun;
  },
);
