#!/usr/bin/env node
import { parseCommand, type CommandIo } from "./parse";

/** The command line: `tallyflow COMMAND ...`. A command takes its arguments and answers its exit code. */
const COMMANDS: Readonly<Record<string, (argv: string[], io: CommandIo) => Promise<number>>> = {
  parse: parseCommand,
};

async function main([name, ...argv]: string[]): Promise<number> {
  const command = name === undefined ? undefined : COMMANDS[name];
  if (command) return command(argv, process);
  process.stderr.write(`Usage: tallyflow COMMAND ...\nCommands: ${Object.keys(COMMANDS).join(", ")}\n`);
  return name === "--help" || name === "-h" ? 0 : 2;
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
