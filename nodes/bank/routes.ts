import type { NodeAPI } from "node-red";
import { z } from "zod";
import { csvPreview, keepStatement, type CsvMapping } from "../../lib/bank/statements";
import { formatAmount, TallyError } from "../../lib/values";
import { addRoutes, guarded, type BankNode, type BankSettings, type Request } from "../runtime";

/** What the bank's form asks: what the columns of a CSV file are, and to take a statement. */

/** Larger files are put into the folder itself; a form is not the way for them. */
export const MAX_UPLOAD_BYTES = 16 * 1024 * 1024;

const csvRequest = z.object({
  /** Text that was pasted, or bytes of a file in base64. */
  text: z.string().optional(),
  content: z.base64().optional(),
  account: z.string().optional(),
  currency: z.string().optional(),
  mapping: z.record(z.string(), z.unknown()).optional(),
});

export function registerBankRoutes(RED: NodeAPI): void {
  addRoutes(RED, "tally-bank", ({ admin, write }) => {
    admin.post(
      "/tallyflow/csv/infer",
      write,
      guarded(async (request, response) => void response.json(await inferred(request.body))),
    );
    admin.post(
      "/tallyflow/bank/:id/statements",
      write,
      guarded(async (request, response) => {
        const { folder, timeZone: _zone, ...options } = statementsOf(RED, String(request.params["id"]));
        const { name } = request.query;
        const content = await bodyOf(request, MAX_UPLOAD_BYTES);
        response.json(await keepStatement(folder, typeof name === "string" ? name : "", content, options));
      }),
    );
  });
}

async function inferred(body: unknown): Promise<object> {
  const parsed = csvRequest.safeParse(body);
  if (!parsed.success || (!parsed.data.text && !parsed.data.content))
    throw new TallyError("CONFIG_INVALID", "Send JSON with text, or with content in base64.");
  const { text, content, account, currency, mapping } = parsed.data;
  const preview = await csvPreview(content ? Buffer.from(content, "base64") : text!, {
    ...(account ? { account } : {}),
    ...(currency ? { currency } : {}),
    ...(mapping ? { mapping: mapping as unknown as CsvMapping } : {}),
  });
  return {
    ...preview,
    payments: preview.payments.map(({ line, date, amount, currency, counterparty, description }) => ({
      line,
      date,
      amount: formatAmount(amount, currency),
      currency,
      counterparty: counterparty?.name ?? counterparty?.iban ?? "",
      description,
    })),
  };
}

function statementsOf(RED: NodeAPI, id: string): NonNullable<BankSettings["statements"]> {
  const node = RED.nodes.getNode(id) as BankNode | null | undefined;
  if (node?.type !== "tally-bank")
    throw new TallyError("NOT_FOUND", "This bank is not deployed yet. Deploy first.");
  const { statements } = node.settings();
  if (statements) return statements;
  throw new TallyError("CONFIG_INVALID", "This bank, as it is deployed, does not read statement files.");
}

/**
 * The bytes of a request. Only `application/octet-stream` is taken: a page of another site cannot send that without
 * being asked about it first.
 */
async function bodyOf(request: Request, limit: number): Promise<Buffer> {
  if (!request.is("application/octet-stream"))
    throw new TallyError("CONFIG_INVALID", "Send the file's bytes as application/octet-stream.");
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // What is too much is still read to its end, so that the answer arrives, but is not kept.
    if (length <= limit) chunks.push(chunk);
  }
  if (length === 0) throw new TallyError("STATEMENT_UNREADABLE", "The file is empty.");
  if (length > limit) {
    const message = `The file is larger than ${limit / 1024 / 1024} MiB. Put it into the bank's folder yourself, or download it for a shorter period.`;
    throw new TallyError("STATEMENT_UNREADABLE", message);
  }
  return Buffer.concat(chunks);
}
