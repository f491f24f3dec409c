import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { SyncResult } from "../../cli/sync";
import { syncCommand } from "../../cli/sync";
import type { ActualClient } from "../servers/actual-client";

/** What a person who runs `tallyflow sync` has: a folder with a configuration file and statements in it. */
export interface Household {
  folder: string;
  statements: string;
  /** One pass of the shipped flow in a real Node-RED. */
  pass(config: Record<string, unknown>): Promise<SyncResult>;
  remove(): void;
}

/** A household in a folder of its own. */
export function household(): Household {
  const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-real-"));
  const file = path.join(folder, "tallyflow.json");
  return {
    folder,
    statements: path.join(folder, "statements"),
    async pass(config) {
      writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
      let out = "";
      let err = "";
      const code = await syncCommand(["--config", file, "--json"], {
        stdout: { write: (text) => (out += text) },
        stderr: { write: (text) => (err += text) },
      });
      // 1: the pass was made, and what could not be read is told.
      assert.ok(
        code === 0 || code === 1,
        `sync ended with ${code}: ${err.slice(0, 2000)}${out.slice(0, 500)}`,
      );
      return JSON.parse(out) as SyncResult;
    },
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** A row as it stands in Actual's own database, read by another client. */
export interface BudgetRow {
  account: string;
  date: string;
  amount: number;
  category: string | null;
  importId: string | null;
  payee: string | null;
  /** How the other side of a transfer says that it is one. */
  transfer: boolean;
}

/** Every standing row of the open budget after a sync, split parts left out. */
export async function rowsOf(client: ActualClient): Promise<BudgetRow[]> {
  await client.sync();
  const rows = await client.sql<{
    account: string;
    date: number;
    amount: number;
    category: string | null;
    imported_id: string | null;
    payee_name: string | null;
    transferred_id: string | null;
  }>(
    `SELECT t.account, t.date, t.amount, t.category, t.imported_id, t.transfer_id AS transferred_id,
       p.name AS payee_name
     FROM v_transactions_internal_alive t LEFT JOIN payees p ON p.id = t.payee WHERE t.parent_id IS NULL`,
  );
  return rows.map(({ account, date, amount, category, imported_id, payee_name, transferred_id }) => ({
    account,
    date: String(date).replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3"),
    amount,
    category,
    importId: imported_id,
    payee: payee_name,
    transfer: transferred_id !== null,
  }));
}

/** How many changes the open budget has ever seen, from whatever client: a pass that writes nothing adds none. */
export async function changesOf(client: ActualClient): Promise<number> {
  await client.sync();
  const [row] = await client.sql<{ n: number }>("SELECT COUNT(*) AS n FROM messages_crdt");
  return row!.n;
}

/** One booking of a statement that a test makes. */
export interface Booking {
  date: string;
  /** Minor units, signed. */
  amount: number;
  name: string;
  text?: string;
}

/** A camt.053 statement. Balances are left out: what it is about are the bookings. */
export function camt(
  account: { iban?: string; other?: string; currency: string },
  bookings: readonly Booking[],
) {
  const escape = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const id = account.iban
    ? `<IBAN>${account.iban}</IBAN>`
    : `<Othr><Id>${escape(account.other ?? "")}</Id></Othr>`;
  const entries = bookings.map(({ date, amount, name, text = "" }) => {
    const party = escape(name);
    const role = amount < 0 ? "Cdtr" : "Dbtr";
    return `<Ntry><Amt Ccy="${account.currency}">${(Math.abs(amount) / 100).toFixed(2)}</Amt>
<CdtDbtInd>${amount < 0 ? "DBIT" : "CRDT"}</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>${date}</Dt></BookgDt>
<NtryDtls><TxDtls><RltdPties><${role}><Nm>${party}</Nm></${role}></RltdPties>
<RmtInf><Ustrd>${escape(text)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-01T00:00:00</CreDtTm></GrpHdr>
<Stmt><Id>S</Id><CreDtTm>2026-03-01T00:00:00</CreDtTm><Acct><Id>${id}</Id><Ccy>${account.currency}</Ccy></Acct>
${entries.join("\n")}
</Stmt></BkToCstmrStmt></Document>
`;
}
