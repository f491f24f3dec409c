import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { defineMappingTag, defineScalarTag, defineSequenceTag, FAILSAFE_SCHEMA, load } from "js-yaml";
import { parseStatement, type ParsedStatement, type StatementPayment } from "../../../lib/bank/statements";
import { parseAmount, TallyError } from "../../../lib/values";
import { sharedPath, skipWithout } from "../../support/shared";

/**
 * Every expected parse of the public data is met, or docs/statements.md says why not. A difference is a file and a
 * field; the table there and what is found here must be the same.
 */

const root = path.resolve(__dirname, "../../../..");

/** Python objects as plain data: mappings, sequences and texts, whatever the class. Nothing is executed. */
const PYTHON = "tag:yaml.org,2002:python/";
const record = {
  matchByTagPrefix: true,
  create: (): Record<string, unknown> => ({}),
  addPair: (carrier: Record<string, unknown>, key: unknown, value: unknown) => {
    carrier[String(key)] = value;
    return "";
  },
  has: (carrier: Record<string, unknown>, key: unknown) => String(key) in carrier,
  keys: (result: Record<string, unknown>) => Object.keys(result),
  get: (result: Record<string, unknown>, key: unknown) => result[String(key)],
  identify: () => false,
};
const schema = FAILSAFE_SCHEMA.withTags(
  defineMappingTag(PYTHON, record),
  defineSequenceTag(PYTHON, {
    matchByTagPrefix: true,
    create: (): unknown[] => [],
    addItem: (carrier: unknown[], item: unknown) => {
      carrier.push(item);
      return "";
    },
    identify: () => false,
  }),
  defineScalarTag(PYTHON, { matchByTagPrefix: true, resolve: (text: string) => text, identify: () => false }),
  defineScalarTag("tag:yaml.org,2002:binary", { resolve: (text: string) => text, identify: () => false }),
);

type Data = Record<string, unknown>;

function child(value: unknown, ...keys: string[]): unknown {
  let at = value;
  for (const key of keys) at = at !== null && typeof at === "object" ? (at as Data)[key] : undefined;
  return at;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "null" && value !== "" ? value : undefined;
}

/** A pickled date: two bytes year, month, day. */
function pickledDate(value: unknown): string | undefined {
  const encoded = Array.isArray(value) ? value[0] : value;
  if (typeof encoded !== "string" || encoded === "null") return undefined;
  const bytes = Buffer.from(encoded, "base64");
  const two = (number: number) => String(number).padStart(2, "0");
  return `${bytes.readUInt16BE(0)}-${two(bytes[2]!)}-${two(bytes[3]!)}`;
}

function pickledAmount(value: unknown): string {
  const decimal = child(value, "amount");
  return String(Array.isArray(decimal) ? decimal[0] : decimal);
}

/** Letters, digits and marks without blanks: where a bank broke the line is not compared. */
const tight = (value: string | undefined) => (value ?? "").replace(/\s+/g, "");

/** Fields that differ, for one file. */
type Differences = Set<string>;

function parse(file: string): ParsedStatement {
  try {
    return parseStatement(readFileSync(file));
  } catch (error) {
    if (!(error instanceof TallyError) || error.code !== "STATEMENT_UNREADABLE") throw error;
    // A refused file has no payments; the expected parse of such a file has none either.
    return { format: "mt940", accounts: [], errors: [{ reason: error.message }] };
  }
}

function compareMt940(file: string, expected: unknown): Differences {
  const differences: Differences = new Set();
  const differ = (field: string, same: boolean) => void (same || differences.add(field));
  const statement = parse(file);
  const rows = statement.accounts.flatMap((account) => account.payments);
  const wanted = (child(expected, "transactions") as unknown[]).map((item) => child(item, "data") as Data);
  differ("rows", rows.length === wanted.length);
  wanted.forEach((data, at) => {
    const row = rows[at];
    if (row) compareMt940Row(row, data, differ);
  });

  const data = (child(expected, "data") ?? {}) as Data;
  const balances = statement.accounts.flatMap((account) => [
    ...(account.openingBalance ? [{ ...account.openingBalance, which: "opening" }] : []),
    ...(account.closingBalance ? [{ ...account.closingBalance, which: "closing" }] : []),
  ]);
  for (const [name, which] of [
    ["final_opening_balance", "opening"],
    ["intermediate_opening_balance", "opening"],
    ["final_closing_balance", "closing"],
    ["intermediate_closing_balance", "closing"],
  ] as const) {
    const balance = data[name];
    if (!balance) continue;
    const currency = String(child(balance, "amount", "currency"));
    const amount = parseAmount(pickledAmount(child(balance, "amount")), currency, ".");
    const date = pickledDate(child(balance, "date"));
    differ(
      "balance",
      balances.some(
        (own) =>
          own.which === which && own.amount === amount && own.currency === currency && own.date === date,
      ),
    );
  }
  const account = text(data["account_identification"]);
  const last = statement.accounts[statement.accounts.length - 1];
  if (account) {
    const own = tight(`${last?.bic ? `${last.bic}/` : ""}${last?.iban ?? last?.id ?? ""}`);
    differ(
      "account",
      tight(account).replace(/(?<=\d)\/?[A-Z]{3}$/, "") === own ||
        tight(account).endsWith(`/${last?.id ?? "?"}`),
    );
  }
  return differences;
}

function compareMt940Row(
  row: StatementPayment,
  data: Data,
  differ: (field: string, same: boolean) => void,
): void {
  const currency = text(child(data, "amount", "currency"));
  differ("amount", row.amount === parseAmount(pickledAmount(data["amount"]), row.currency, "."));
  if (currency) differ("currency", row.currency === currency);
  const value = pickledDate(data["date"]);
  differ("value date", row.valueDate === value);
  differ(
    "date",
    row.date === (pickledDate(data["guessed_entry_date"]) ?? pickledDate(data["entry_date"]) ?? value),
  );
  const endToEnd = text(data["end_to_end_reference"]);
  const customer = text(data["customer_reference"]);
  if (endToEnd) differ("end-to-end reference", tight(row.reference) === tight(endToEnd));
  else if (customer && !/^(NONREF|KREF\+?|EREF)\s*$/.test(customer))
    differ("reference", tight(row.reference) === tight(customer));
  const bank = text(data["bank_reference"]);
  if (bank) differ("bank reference", tight(row.bankId) === tight(bank));
  const mandate = text(data["additional_position_reference"]);
  if (mandate) differ("mandate", tight(row.mandateId) === tight(mandate));
  const creditor = text(data["applicant_creditor_id"]);
  if (creditor) differ("creditor", tight(row.creditorId) === tight(creditor));
  const name = text(data["applicant_name"]);
  if (name) differ("counterparty", tight(row.counterparty?.name) === tight(name));
  const number = text(data["applicant_iban"]);
  if (number)
    differ(
      "counterparty account",
      tight(row.counterparty?.iban ?? row.counterparty?.account) === tight(number),
    );
  const purpose = text(data["purpose"]);
  if (purpose) differ("description", tight(row.description) === tight(purpose));
  const posting = text(data["posting_text"]);
  if (posting) differ("type", tight(row.type) === tight(posting).toLowerCase());
  const free = text(data["transaction_details"]);
  // Keyword dialects are taken apart, so only their pieces are compared, in the specs of the readers.
  if (free && !/^\s*(\/[A-Z]{2,}\/|\d{3}>)/.test(free))
    differ("description", tight(row.description) === tight(free));
}

/** Entries and records of a dumped message; a value that was dumped before is not repeated in it. */
function compareCamt(file: string, expected: unknown): Differences {
  const differences: Differences = new Set();
  const differ = (field: string, same: boolean) => void (same || differences.add(field));
  const statement = parse(file);
  const rows = statement.accounts.flatMap((account) => account.payments);
  const entries = (child(expected, "getEntries") as unknown[]).filter((item) => typeof item === "object");
  differ("rows", rows.length === entries.length);
  entries.forEach((entry, at) => {
    const row = rows[at];
    if (row) compareCamtRow(row, entry, differ);
  });
  const records = [
    ...entries.map((entry) => child(entry, "getRecord")),
    ...((child(expected, "getRecords") as unknown[]) ?? []),
  ].filter((item): item is Data => item !== null && typeof item === "object");
  assert.ok(records.length > 0 || entries.length === 0, `${file}: no record in the expected parse`);
  for (const wanted of records) {
    const number = text(child(wanted, "getAccount", "getIdentification"));
    const own = statement.accounts.find((account) => account.statementId === child(wanted, "getId"));
    differ("statement", own !== undefined);
    if (number) differ("account", (own?.iban ?? own?.id) === number);
    for (const balance of (child(wanted, "getBalances") as unknown[]) ?? []) {
      const which = text(child(balance, "getType"));
      const ours =
        which === "opening" ? own?.openingBalance : which === "closing" ? own?.closingBalance : undefined;
      if (!ours) {
        differ("balance", which !== "opening" && which !== "closing");
        continue;
      }
      differ(
        "balance",
        ours.amount === Number(child(balance, "getAmount", "getAmount")) &&
          ours.currency === child(balance, "getAmount", "getCurrency", "getCode") &&
          String(child(balance, "getDate", "0")).startsWith(ours.date ?? "?"),
      );
    }
  }
  return differences;
}

function compareCamtRow(
  row: StatementPayment,
  entry: unknown,
  differ: (field: string, same: boolean) => void,
): void {
  differ("amount", row.amount === Number(child(entry, "getAmount", "getAmount")));
  differ("currency", row.currency === child(entry, "getAmount", "getCurrency", "getCode"));
  const status = text(child(entry, "getStatus"));
  differ("status", row.status === (status === "PDNG" ? "pending" : "booked"));
  const booked = text(child(entry, "getBookingDate", "0"));
  if (booked) {
    const moment = row.instant === undefined ? `${row.date}T00:00:00` : row.instant.slice(0, 19);
    differ("date", booked.startsWith(moment));
  }
  const valued = text(child(entry, "getValueDate", "0"));
  if (valued) differ("value date", valued.startsWith(row.valueDate ?? "?"));
  const bank = text(child(entry, "getAccountServicerReference"));
  if (bank) differ("bank reference", row.bankId === bank);
  const details = (child(entry, "getTransactionDetails") as unknown[]) ?? [];
  if (details.length !== 1) return;
  const only = typeof details[0] === "object" ? details[0] : child(entry, "getTransactionDetail");
  const endToEnd = text(child(only, "getReference", "getEndToEndId"));
  if (endToEnd) differ("end-to-end reference", row.reference === endToEnd);
  const message = text(child(only, "getRemittanceInformation", "getMessage"));
  if (message) differ("description", tight(row.description) === tight(message));
  const other = row.amount < 0 ? "Creditor" : "Debtor";
  const parties = ((child(only, "getRelatedParties") as unknown[]) ?? []).filter((party) =>
    String(child(party, "getRelatedPartyType", "__CLASS__")).endsWith(`\\${other}`),
  );
  for (const party of parties) {
    const name = text(child(party, "getRelatedPartyType", "getName"));
    if (name) differ("counterparty", row.counterparty?.name === name);
    const number = text(child(party, "getAccount", "getIdentification"));
    if (number)
      differ("counterparty account", (row.counterparty?.iban ?? row.counterparty?.account) === number);
  }
}

/** Rows `| file | field | ...` of the table of differences, as `file: field`. */
function documented(): Set<string> {
  const page = readFileSync(path.join(root, "docs/statements.md"), "utf8");
  const section = page.split("## Differences from the expected parses")[1] ?? "";
  const found = new Set<string>();
  for (const line of section.split("\n")) {
    const cells = line.split("|").map((cell) => cell.trim());
    const [, file, fields, reason] = cells;
    if (!file || !fields || file === "file" || /^-+$/.test(file)) continue;
    assert.ok(reason, `the row of ${file} gives no reason`);
    for (const field of fields.split(",")) found.add(`${file.replace(/`/g, "")}: ${field.trim()}`);
  }
  return found;
}

describe("expected parses of public statements", () => {
  it("are met, or the difference is explained in docs/statements.md", function () {
    const folder = sharedPath("data/statements");
    if (!folder) skipWithout(this, "shared/data/statements");
    const found = new Set<string>();
    let compared = 0;
    const note = (file: string, differences: Differences) => {
      compared += 1;
      for (const field of differences) found.add(`${path.relative(folder, file)}: ${field}`);
    };
    for (const file of filesIn(path.join(folder, "mt940"), ".sta")) {
      const expected = load(readFileSync(file.replace(/\.sta$/, ".yml"), "utf8"), { schema, maxAliases: -1 });
      note(file, compareMt940(file, expected));
    }
    for (const file of filesIn(path.join(folder, "camt"), ".xml")) {
      const expected = file.replace(/\.xml$/, ".json");
      if (existsSync(expected)) note(file, compareCamt(file, JSON.parse(readFileSync(expected, "utf8"))));
      else assert.throws(() => parseStatement(readFileSync(file)), { code: "STATEMENT_UNREADABLE" });
    }
    assert.ok(compared >= 70, `only ${compared} expected parses were found`);
    const table = documented();
    assert.deepEqual(
      [...found].filter((item) => !table.has(item)).sort(),
      [],
      "not in the table of docs/statements.md",
    );
    assert.deepEqual(
      [...table].filter((item) => !found.has(item)).sort(),
      [],
      "in the table, but no difference any more",
    );
  });
});

function filesIn(folder: string, extension: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(extension))
    .sort()
    .map((name) => path.join(folder, name));
}
