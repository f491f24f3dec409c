import path from "node:path";
import {
  bankExtract,
  type BankExtractOptions,
  type BankExtractResult,
  type BankProvider,
} from "../../lib/bank";
import { openStatementFiles, type StatementFile } from "../../lib/bank/statements";
import type { StepContext } from "../../lib/runs";
import type { BankSettings, TallyMessage } from "../runtime";

/**
 * The statement that a message brings: bytes, `{ name, content }`, or text. A text of one line is none, unless it is
 * XML or OFX: schedules and buttons send such texts.
 */
export function givenStatement(msg: Readonly<TallyMessage>): StatementFile | undefined {
  const { payload } = msg;
  const { filename } = msg as { filename?: unknown };
  const name = typeof filename === "string" && filename ? path.basename(filename) : "msg.payload";
  if (payload instanceof Uint8Array) return { name, content: payload };
  if (typeof payload === "string")
    return /[\r\n]|^\s*(<|OFXHEADER)/.test(payload.trim()) ? { name, content: payload } : undefined;
  if (payload === null || typeof payload !== "object") return undefined;
  const given = payload as { name?: unknown; content?: unknown };
  if (typeof given.content !== "string" && !(given.content instanceof Uint8Array)) return undefined;
  return { name: typeof given.name === "string" && given.name ? given.name : name, content: given.content };
}

/**
 * Extract one statement as a file of the bank's folder would be, and leave the folder and its cursor as they are.
 * @throws TallyError STATEMENT_UNREADABLE when nothing of it can be read, STATEMENT_WRONG_ACCOUNT when all of it is of
 *   other accounts
 */
export async function extractGiven(
  context: StepContext,
  statements: NonNullable<BankSettings["statements"]>,
  file: StatementFile,
  options: BankExtractOptions,
): Promise<BankExtractResult> {
  const { folder: _folder, ...how } = statements;
  const provider = openStatementFiles({ ...how, store: context.store, files: [file] });
  try {
    return await bankExtract(context, withoutCursor(provider), options);
  } finally {
    await provider.close();
  }
}

/** A file that is given is read whole, however often, and does not count among the files of the folder. */
function withoutCursor(provider: BankProvider): BankProvider {
  return {
    kind: provider.kind,
    source: provider.source,
    get calls() {
      return provider.calls;
    },
    accounts: (signal) => provider.accounts(signal),
    async *payments(account, request) {
      for await (const page of provider.payments(account, { ...request, cursor: null }))
        yield { ...page, cursor: request.cursor };
    },
    close: () => provider.close(),
  };
}
