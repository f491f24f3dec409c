import { isIban, normaliseIban, TallyError, toTallyError } from "../../../values";
import type { RowError } from "../../port";
import { compact, present, reference } from "../text";
import type {
  ParsedStatement,
  ReaderOptions,
  StatementAccount,
  StatementBalance,
  StatementPayment,
  StatementReader,
} from "../types";
import { typeOf } from "./codes";
import { readDetails } from "./details";
import { fieldsOf, splitLines, type Field } from "./fields";
import { amountOf, readLine, shortDate, type StatementLine } from "./line";
import { readNonSwift } from "./nonswift";
import { numberOf, type Details } from "./parts";

/**
 * MT940 (statement) and MT942 (report during the day) as banks write them, with or without SWIFT blocks. Source:
 * SWIFT Standards category 9, and the dialects described in docs/statements.md.
 */
export const mt940Reader: StatementReader = { detect, read };

function detect(text: string): number {
  const head = splitLines(text.slice(0, 50_000));
  const tags = new Set([...head.matchAll(/^\s{0,2}:(\d{2}[A-Z]?|NS):/gm)].map((match) => match[1]!));
  if (tags.size === 0) return 0;
  const known = ["20", "25", "28", "28C", "60F", "60M", "61", "62F", "62M", "86", "64", "NS", "34F"].filter(
    (tag) => tags.has(tag),
  );
  if (known.length >= 3) return 1;
  return known.length > 0 ? 0.6 + known.length / 10 : 0;
}

function read(text: string, options: ReaderOptions): ParsedStatement {
  const fields = fieldsOf(text);
  const interim =
    fields.some(({ tag }) => ["34F", "13D", "90C", "90D"].includes(tag)) ||
    /\{2:[IO]942/.test(text.slice(0, 2000));
  const reader = new Reader(options, interim, widthOf(fields), text);
  for (const field of fields) reader.take(field);
  reader.close(undefined);
  if (reader.accounts.length === 0) {
    throw new TallyError(
      "STATEMENT_UNREADABLE",
      "This looks like MT940, but no statement is in it (no account, balance or row). Download it again.",
    );
  }
  return { format: interim ? "mt942" : "mt940", accounts: reader.accounts, errors: reader.errors };
}

/** Longest line of the texts that was wrapped, within what SWIFT allows; 65 where nothing was wrapped. */
function widthOf(fields: readonly Field[]): number {
  let width = 0;
  for (const { tag, lines } of fields) {
    if (tag !== "86") continue;
    for (const line of lines.slice(0, -1)) width = Math.max(width, line.length);
  }
  return width >= 60 && width <= 90 ? width : 65;
}

const LINES_OF_TEXT = 200;
const WIDTH_OF_TEXT = 4000;

interface Row {
  field: Field;
  texts: string[];
  nonSwift: string[];
}

interface Open {
  account: StatementAccount;
  line: number;
  rows: Row[];
  closed: boolean;
}

class Reader {
  readonly accounts: StatementAccount[] = [];
  readonly errors: RowError[] = [];
  private open: Open | undefined;

  constructor(
    private readonly options: ReaderOptions,
    private readonly interim: boolean,
    private readonly width: number,
    private readonly text: string,
  ) {}

  take(field: Field): void {
    const { tag } = field;
    if (tag === "END") this.close(field.line);
    else if (tag === "20") {
      this.close(field.line);
      this.begin(field);
    } else if (tag === "25" || tag === "25P") this.header(field).takeAccount(field);
    else if (tag === "28" || tag === "28C") this.header(field).takeNumber(field);
    else if (tag.startsWith("60")) this.takeBalance(field, "openingBalance");
    else if (tag.startsWith("62")) this.takeBalance(field, "closingBalance");
    else if (tag === "34F" || tag === "90C" || tag === "90D") this.takeCurrency(field);
    else if (tag === "61") this.current(field).rows.push({ field, texts: [], nonSwift: [] });
    else if (tag === "86") this.takeText(field, this.lastRow()?.texts);
    else if (tag === "NS") this.takeText(field, this.lastRow()?.nonSwift);
  }

  private begin(field: Field): Open {
    this.open = { account: { currency: "", payments: [] }, line: field.line, rows: [], closed: false };
    return this.open;
  }

  /** The statement that a row or balance belongs to; one is begun where the bank left out its header. */
  private current(field: Field): Open {
    return this.open ?? this.begin(field);
  }

  /** A header field after the closing balance begins the next statement. */
  private header(field: Field) {
    if (this.open?.closed || (this.open && this.open.rows.length > 0)) {
      this.close(field.line);
      this.begin(field);
    }
    const { account } = this.current(field);
    return {
      takeAccount: ({ lines }: Field) => void Object.assign(account, accountOf(lines[0] ?? "")),
      takeNumber: ({ lines }: Field) => {
        const number = present(lines[0]);
        if (number) account.statementId = number;
      },
    };
  }

  /** SWIFT allows six lines of 65 characters, banks write some dozens; what is far beyond that is no text of a row. */
  private takeText({ lines, line }: Field, texts: string[] | undefined): void {
    if (!texts) return;
    for (const text of lines.slice(0, LINES_OF_TEXT)) texts.push(text.slice(0, WIDTH_OF_TEXT));
    if (lines.length > LINES_OF_TEXT || lines.some((text) => text.length > WIDTH_OF_TEXT)) {
      this.errors.push({
        line,
        reason: "The text of this row is far longer than MT940 allows; its end was left out.",
      });
    }
  }

  private lastRow(): Row | undefined {
    return this.open?.closed ? undefined : this.open?.rows[this.open.rows.length - 1];
  }

  private takeBalance(field: Field, which: "openingBalance" | "closingBalance"): void {
    if (this.open && which === "openingBalance" && (this.open.closed || this.open.account.openingBalance)) {
      this.close(field.line);
    }
    if (this.open?.closed && which === "closingBalance") this.close(field.line);
    const open = this.current(field);
    this.guarded(field, () => {
      const balance = readBalance(
        field.lines[0] ?? "",
        (open.account.openingBalance?.currency ?? open.account.currency) || this.options.currency,
      );
      open.account[which] = balance;
      if (which === "openingBalance" || !open.account.currency) open.account.currency = balance.currency;
    });
    if (which === "closingBalance") open.closed = true;
  }

  /** MT942 has no balances; its floor limits and sums name the currency. */
  private takeCurrency(field: Field): void {
    const { account } = this.current(field);
    const currency = /^\d*([A-Z]{3})/.exec((field.lines[0] ?? "").trim())?.[1];
    if (currency && !account.currency) account.currency = currency;
  }

  /** Finish the open statement: its rows are read now that the currency is known. */
  close(line: number | undefined): void {
    const open = this.open;
    this.open = undefined;
    if (!open) return;
    const { account, rows } = open;
    if (!account.currency) this.assumeCurrency(open);
    const last = rows[rows.length - 1];
    for (const row of rows) {
      const unfinished = row === last && line === undefined && !open.closed && row.texts.length === 0;
      const payment = this.guarded(row.field, () => this.payment(row, account, unfinished));
      if (payment) account.payments.push(payment);
    }
    if (!open.closed && !this.interim) {
      const end = line ?? this.text.split(/\r\n|\n|\r/).length;
      this.errors.push({
        line: end,
        reason: `The statement that begins on line ${open.line} has no closing balance (:62F:): the file may have been cut off. What was there was read; compare with the bank.`,
      });
    }
    if (!account.openingBalance && !this.interim && open.closed) {
      this.errors.push({
        line: open.line,
        reason:
          "The statement has no opening balance (:60F:), so that its total cannot be checked: its beginning may be missing. Compare with the bank.",
      });
    }
    if (this.interim) account.interim = true;
    this.accounts.push(compact(account));
  }

  private assumeCurrency({ account, rows, line }: Open): void {
    account.currency = this.options.currency ?? "XXX";
    if (account.currency === "XXX" && rows.length > 0) {
      this.errors.push({
        line,
        reason:
          "The file does not name the currency of this statement; its amounts were read with two decimals. Say which currency the account has.",
      });
    }
  }

  private payment(row: Row, account: StatementAccount, unfinished: boolean): StatementPayment {
    const line = readLine(row.field.lines, account.currency);
    if (unfinished && line.code === undefined) {
      throw new TallyError("STATEMENT_ROW_INVALID", "The file ends in the middle of this row.");
    }
    for (const note of line.notes) this.errors.push({ line: row.field.line, reason: note });
    const details = this.details(row, line, account);
    const counterparty = partyOf(line, details);
    return compact<StatementPayment>({
      date: line.date,
      valueDate: line.valueDate,
      amount: line.amount,
      currency: account.currency,
      status: this.interim || line.expected ? "pending" : "booked",
      original: originalOf(line, account.currency),
      counterparty,
      description: details.description || line.supplementary.filter((text) => !numberOf(text).iban).join(" "),
      type: typeOf(details.postingText, details.gvc, line.code),
      bankId: reference(line.bankReference),
      reference: details.reference ?? customerReference(line, counterparty?.iban ?? counterparty?.account),
      mandateId: details.mandateId,
      creditorId: details.creditorId,
      line: row.field.line,
      raw: {
        ":61:": row.field.lines.join("\n").trimEnd(),
        ...(row.texts.length > 0 ? { ":86:": row.texts.join("\n").trimEnd() } : {}),
        ...details.raw,
      },
    });
  }

  private details(row: Row, line: StatementLine, account: StatementAccount): Details {
    if (row.texts.length === 0 && row.nonSwift.length > 0) return readNonSwift(row.nonSwift);
    const details = readDetails(row.texts, { own: account.iban ?? account.id, width: this.width });
    // Rabobank of old and ASN: the name of the other party stands behind the reference in `:61:`.
    const name = line.supplementary[0];
    const isName =
      name !== undefined &&
      /[A-Za-z]/.test(name) &&
      !/^\//.test(name) &&
      !/^\d{3}-/.test(name) &&
      !details.counterparty?.name;
    const beside = (row.field.lines[0] ?? "").trimEnd().endsWith(name ?? "\n");
    const number = numberOf(line.customerReference);
    const known =
      number.iban !== undefined ||
      (number.account !== undefined && number.account === details.counterparty?.account);
    if (isName && (beside || known) && numberOf(name).iban === undefined) {
      details.counterparty = { ...details.counterparty, name };
    }
    return details;
  }

  /** Run `read`; a row or balance that cannot be read is reported and the rest goes on. */
  private guarded<T>(field: Field, read: () => T): T | undefined {
    try {
      return read();
    } catch (thrown) {
      const error = toTallyError(thrown);
      if (!["STATEMENT_ROW_INVALID", "MONEY_INVALID", "DATE_INVALID"].includes(error.code)) throw error;
      this.errors.push({ line: field.line, reason: `:${field.tag}: left out: ${error.message}` });
      return undefined;
    }
  }
}

/** `:25:`: an IBAN, `BLZ/account`, `BIC/account`, each perhaps with a currency behind it. */
function accountOf(text: string): { iban?: string; id?: string; bic?: string; currency?: string } {
  const plain = text.trim().replace(/^\//, "");
  const match = /^(.*?)[\s/]?([A-Z]{3})$/.exec(plain);
  const currency = match && /\d/.test(match[1]!.slice(-1)) ? match[2] : undefined;
  const number = currency ? match![1]!.replace(/\/$/, "") : plain;
  const found = currency ? { currency } : {};
  const iban = normaliseIban(number);
  if (isIban(iban) || /^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(iban)) return { iban, ...found };
  const behind = /^([A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)\/(.+)$/.exec(number);
  if (behind) {
    const own = normaliseIban(behind[2]!);
    return { ...(isIban(own) ? { iban: own } : { id: behind[2]! }), bic: behind[1]!, ...found };
  }
  return number === "" ? found : { id: number, ...found };
}

/** `C140507EUR0,`; a currency that the bank left out is that of the other balance. */
function readBalance(text: string, fallback: string | undefined): StatementBalance {
  const match = /^\s*R?([CD])\s*(\d{6})\s*([A-Z]{3})?\s*([\d.,']*)/.exec(text);
  const currency = match?.[3] ?? fallback;
  if (!match || !currency) {
    throw new TallyError("STATEMENT_ROW_INVALID", `"${text.slice(0, 40)}" is not a balance.`);
  }
  const amount = amountOf(match[4]!, currency);
  const balance: StatementBalance = { amount: match[1] === "D" && amount !== 0 ? -amount : amount, currency };
  return match[2] === "000000" ? balance : { ...balance, date: shortDate(match[2]!, []) };
}

function partyOf(line: StatementLine, details: Details) {
  const number = numberOf(line.customerReference);
  const supplementary = numberOf(line.supplementary[0]);
  const found = { ...details.counterparty };
  if (!found.iban && !found.account) {
    if (number.iban) found.iban = number.iban;
    else if (supplementary.iban) found.iban = supplementary.iban;
  }
  return Object.keys(found).length > 0 ? found : undefined;
}

/** The customer reference, unless it is the other party's account. */
function customerReference(line: StatementLine, account: string | undefined): string | undefined {
  const found = reference(line.customerReference);
  return found === undefined || found === account ? undefined : found;
}

/** `/OCMT/USD100,50/` in the supplementary details: what was paid in another currency. */
function originalOf(line: StatementLine, currency: string): { amount: number; currency: string } | undefined {
  const match = /\/?OCMT\/([A-Z]{3})([\d,.]+)/.exec(line.supplementary.join(""));
  if (!match || match[1] === currency) return undefined;
  const size = amountOf(match[2]!, match[1]!);
  return { amount: line.amount < 0 ? -size : size, currency: match[1]! };
}
