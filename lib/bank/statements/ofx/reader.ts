import {
  TallyError,
  currencyExponent,
  formatAmount,
  isCurrencyCode,
  isIban,
  normaliseIban,
  type Instant,
} from "../../../values";
import type { Party } from "../../../store";
import type { RowError } from "../../port";
import { decideMark, lexAmount, markEvidence, toMoney, type Mark } from "../fields/amounts";
import { lexDate } from "../fields/dates";
import type {
  ParsedStatement,
  ReaderOptions,
  StatementAccount,
  StatementBalance,
  StatementPayment,
  StatementReader,
} from "../types";
import { SECURITY_TRANSACTIONS, childOf, findAll, parseMarkup, type Aggregate } from "./markup";

/**
 * OFX 1.0.2 to 2.3 and Quicken's QFX (the same with `INTU.` tags): bank, credit-card, loan and investment statements.
 * Source: OFX Banking Specification 2.3, chapters 3 (data types), 11 (banking), 13 (investments).
 */
export const ofxReader: StatementReader = { detect, read };

const STATEMENTS = new Set(["STMTTRNRS", "CCSTMTTRNRS", "INVSTMTTRNRS", "LOANSTMTTRNRS"]);
const BODIES = ["STMTRS", "CCSTMTRS", "INVSTMTRS", "LOANSTMTRS"];
const PAYMENTS = new Set(["STMTTRN", "STMTTRNP"]);
/** Where the parts of a payment can be found whose start tag is damaged. */
const HOLDERS = new Set([
  ...PAYMENTS,
  ...BODIES,
  ..."BANKACCTFROM CCACCTFROM LOANACCTFROM BANKTRANLIST BANKTRANLISTP LEDGERBAL AVAILBAL".split(" "),
]);

function detect(text: string): number {
  const head = text.slice(0, 65536);
  if (/^\s*OFXHEADER\s*:/im.test(head.slice(0, 4096)) || /<\?OFX\s/i.test(head)) return 0.98;
  return /^\s*(?:<\?xml[^>]*>\s*)?<\s*OFX\s*>/i.test(head) ||
    /<OFX>\s*<(?:SIGNONMSGSRSV1|BANKMSGSRSV1)/i.test(head)
    ? 0.95
    : 0;
}

/** What the whole file decides for its parts. */
interface Reading {
  mark: Mark | undefined;
  options: ReaderOptions;
  errors: RowError[];
}

/** @throws TallyError STATEMENT_UNREADABLE when there is no `<OFX>` in the text */
function read(text: string, options: ReaderOptions): ParsedStatement {
  const root = parseMarkup(text);
  if (!root) {
    throw new TallyError(
      "STATEMENT_UNREADABLE",
      "The file holds no <OFX> element, so it is no OFX or QFX file. Download it again from the bank as OFX, QFX or CSV.",
    );
  }
  const errors: RowError[] = [];
  const amounts: string[] = [];
  for (const node of findAll(root, new Set([...PAYMENTS, "LEDGERBAL", "AVAILBAL"]))) {
    const found = lexAmount(node.leaves.get("TRNAMT") ?? node.leaves.get("BALAMT") ?? "");
    if (found) amounts.push(found.body);
  }
  const bodies = findAll(root, new Set(BODIES));
  const decimals = bodies.map((body) => currencyExponent((body.leaves.get("CURDEF") ?? "").toUpperCase()));
  const decision = decideMark(amounts, Math.max(...decimals, 0));
  const reading: Reading = { mark: decision.mark, options, errors };
  if (decision.unclear) {
    errors.push({
      reason:
        "The decimal mark cannot be told from the amounts; groups of three digits were taken as thousands. Check the amounts.",
    });
  }

  for (const status of findAll(root, new Set(["STATUS"]))) {
    const severity = status.leaves.get("SEVERITY")?.toUpperCase();
    if (severity !== "ERROR") continue;
    const message = status.leaves.get("MESSAGE") || "no message";
    errors.push({
      line: status.line,
      reason: `The bank reports error ${status.leaves.get("CODE") || "without a code"}: ${message.slice(0, 200)}`,
    });
  }

  const accounts: StatementAccount[] = [];
  for (const statement of findAll(root, STATEMENTS)) {
    // One of each by the specification; programs that convert files put all accounts into one.
    for (const body of statement.children) {
      if (BODIES.includes(body.tag)) accounts.push(readStatement(body, reading));
    }
  }
  // A statement whose wrapper is missing.
  if (accounts.length === 0) {
    for (const body of bodies) accounts.push(readStatement(body, reading));
  }
  if (accounts.length === 0 && errors.length === 0) {
    errors.push({ reason: "The file holds no statement. Ask the bank for a download with transactions." });
  }
  if (!root.closed) {
    errors.push({
      reason: "The file ends before </OFX>; payments after that point are missing. Download it again.",
    });
  }
  const quicken = /<\s*INTU\./i.test(text);
  return { format: quicken ? "qfx" : "ofx", accounts, errors };
}

function readStatement(body: Aggregate, reading: Reading): StatementAccount {
  const { errors, options } = reading;
  const from = childOf(body, "BANKACCTFROM", "CCACCTFROM", "INVACCTFROM", "LOANACCTFROM");
  const account: StatementAccount = { currency: currencyOf(body, reading), payments: [] };
  const number = from?.leaves.get("ACCTID") || from?.leaves.get("LOANACCTID") || options.account || "";
  if (isIban(number)) account.iban = normaliseIban(number);
  else if (number) account.id = number;
  const bank = from?.leaves.get("BANKID") ?? "";
  if (/^[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$/.test(bank)) account.bic = bank;

  for (const node of findAll(body, PAYMENTS)) {
    if (!node.closed) {
      errors.push({
        line: node.line,
        reason: "The file ends in the middle of this payment; it was left out.",
      });
      continue;
    }
    const payment = readPayment(node, account, reading);
    if (typeof payment === "string") errors.push({ line: node.line, reason: payment });
    else account.payments.push(payment);
  }
  reportTrades(body, account, reading);
  reportStrays(body, reading);
  settleIds(account, errors);
  reportUnsignedDebits(account, body, errors);

  // An available balance holds the credit limit of a card, so that it stands in for the ledger's only at a bank.
  const balance =
    readBalance(childOf(body, "LEDGERBAL"), account, reading) ??
    (body.tag === "STMTRS" ? readBalance(childOf(body, "AVAILBAL"), account, reading) : undefined);
  if (balance) account.closingBalance = balance;
  return account;
}

function currencyOf(body: Aggregate, { options, errors }: Reading): string {
  const stated = (body.leaves.get("CURDEF") ?? "").toUpperCase();
  if (isCurrencyCode(stated)) return stated;
  if (options.currency) return options.currency;
  const symbol = findAll(body, new Set(["CURRENCY"]))
    .map((node) => (node.leaves.get("CURSYM") ?? "").toUpperCase())
    .find(isCurrencyCode);
  const currency = symbol ?? "EUR";
  errors.push({
    line: body.line,
    reason: `The statement does not state its currency; ${currency} was ${symbol ? "taken from its payments" : "assumed"}.`,
  });
  return currency;
}

function readPayment(
  node: Aggregate,
  account: StatementAccount,
  reading: Reading,
): StatementPayment | string {
  const leaf = (tag: string) => node.leaves.get(tag) ?? "";
  const { errors } = reading;
  const pending = node.tag === "STMTTRNP";

  const posted = readDate(leaf(pending ? "DTTRAN" : "DTPOSTED"));
  const user = readDate(leaf("DTUSER"));
  const when = posted ?? user;
  if (!when)
    return `The payment has no date that exists ("${leaf("DTPOSTED").slice(0, 40)}"); it was left out.`;
  if (!posted)
    errors.push({ line: node.line, reason: "The booking date is missing; the date of the order was taken." });

  const foreign = childOf(node, "CURRENCY");
  const symbol = (foreign?.leaves.get("CURSYM") ?? "").toUpperCase();
  const currency = isCurrencyCode(symbol) ? symbol : account.currency;
  const amount = readAmount(leaf("TRNAMT"), currency, reading, node.line);
  if (typeof amount === "string") return `The amount cannot be read: ${amount}. The payment was left out.`;

  const raw: Record<string, string> = Object.fromEntries(node.leaves);
  for (const child of node.children) {
    for (const [tag, value] of child.leaves) raw[`${child.tag}.${tag}`] = value;
  }
  const payment: StatementPayment = {
    date: when.date,
    amount,
    currency,
    status: pending ? "pending" : "booked",
    description: leaf("MEMO") || leaf("EXTDNAME") || leaf("NAME"),
    line: node.line,
    raw,
  };
  if (when.instant) payment.instant = when.instant;
  const value = readDate(leaf("DTAVAIL")) ?? readDate(leaf("VALUEDATE"));
  if (value) payment.valueDate = value.date;
  if (leaf("FITID")) payment.bankId = leaf("FITID");
  if (leaf("TRNTYPE")) payment.type = leaf("TRNTYPE").toLowerCase();
  const reference = leaf("REFNUM") || (/^0*$/.test(leaf("CHECKNUM")) ? "" : leaf("CHECKNUM"));
  if (reference) payment.reference = reference;
  const counterparty = readParty(node);
  if (counterparty) payment.counterparty = counterparty;
  const original = readOriginal(childOf(node, "ORIGCURRENCY"), amount, currency);
  if (original) payment.original = original;
  if (leaf("CORRECTFITID")) {
    errors.push({
      line: node.line,
      reason: `The bank corrects its earlier payment ${leaf("CORRECTFITID").slice(0, 60)} (${leaf("CORRECTACTION") || "REPLACE"}); check that one.`,
    });
  }
  return payment;
}

function readParty(node: Aggregate): Party | undefined {
  const party: Party = {};
  const name =
    node.leaves.get("EXTDNAME") ||
    node.leaves.get("NAME") ||
    childOf(node, "PAYEE")?.leaves.get("NAME") ||
    "";
  if (name) party.name = name;
  const to = childOf(node, "BANKACCTTO", "CCACCTTO");
  const number = to?.leaves.get("ACCTID") ?? "";
  if (isIban(number)) party.iban = normaliseIban(number);
  else if (number) party.account = number;
  const bank = to?.leaves.get("BANKID") ?? "";
  if (/^[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$/.test(bank)) party.bic = bank;
  return Object.keys(party).length > 0 ? party : undefined;
}

/** ORIGCURRENCY: the amount was converted already; CURRATE is account currency per unit of the original (5.2). */
function readOriginal(
  node: Aggregate | undefined,
  amount: number,
  currency: string,
): { amount: number; currency: string } | undefined {
  const symbol = (node?.leaves.get("CURSYM") ?? "").toUpperCase();
  const rate = Number((node?.leaves.get("CURRATE") ?? "").replace(",", "."));
  if (!isCurrencyCode(symbol) || symbol === currency || !Number.isFinite(rate) || rate <= 0) return undefined;
  const decimals = (code: string) => (formatAmount(0, code).split(".")[1] ?? "").length;
  return {
    amount: Math.round((amount / rate) * 10 ** (decimals(symbol) - decimals(currency))),
    currency: symbol,
  };
}

/** Investment statements: what is no movement of cash is named, so that nothing is lost without a word. */
function reportTrades(body: Aggregate, account: StatementAccount, { errors }: Reading): void {
  for (const trade of findAll(body, SECURITY_TRANSACTIONS)) {
    const date = readDate(trade.leaves.get("DTTRADE") ?? "")?.date ?? "an unknown date";
    const total = trade.leaves.get("TOTAL");
    errors.push({
      line: trade.line,
      reason: `Security transaction ${trade.tag} of ${date}${total ? `, total ${total.slice(0, 30)} ${account.currency},` : ""} is no payment and was left out.`,
    });
  }
}

/** What a payment is made of stands in a list, or twice in one payment, where a start tag is damaged. */
function reportStrays(body: Aggregate, { errors }: Reading): void {
  for (const node of findAll(body, HOLDERS)) {
    const strays = PAYMENTS.has(node.tag) ? node.repeated : node.leaves;
    if (["TRNAMT", "DTPOSTED", "FITID"].some((tag) => strays.has(tag))) {
      errors.push({
        line: node.line,
        reason: `Parts of a payment stand in this <${node.tag}> without a beginning of their own; the payment they belong to was left out. Download the file again.`,
      });
    }
  }
}

/** A FITID that stands on different payments cannot name them: it is dropped from all of them, with a word. */
function settleIds(account: StatementAccount, errors: RowError[]): void {
  const seen = new Map<string, StatementPayment[]>();
  for (const payment of account.payments) {
    if (payment.bankId) seen.set(payment.bankId, [...(seen.get(payment.bankId) ?? []), payment]);
  }
  for (const [id, same] of seen) {
    const first = same[0]!;
    if (same.every((other) => other.date === first.date && other.amount === first.amount)) continue;
    for (const payment of same) delete payment.bankId;
    errors.push({
      line: first.line!,
      reason: `The id "${id.slice(0, 60)}" stands on ${same.length} different payments; it was not used as their id.`,
    });
  }
}

function reportUnsignedDebits(account: StatementAccount, body: Aggregate, errors: RowError[]): void {
  const debits = account.payments.filter((payment) => payment.type === "debit" && payment.amount > 0);
  if (debits.length === 0 || account.payments.some((payment) => payment.amount < 0)) return;
  errors.push({
    line: body.line,
    reason: `${debits.length} payments are of type DEBIT but no amount is negative; the amounts were read as written. Check whether money went out.`,
  });
}

function readBalance(
  node: Aggregate | undefined,
  account: StatementAccount,
  reading: Reading,
): StatementBalance | undefined {
  const text = node?.leaves.get("BALAMT");
  if (!node || !text || !node.closed) return undefined;
  const amount = readAmount(text, account.currency, reading, node.line);
  if (typeof amount === "string") {
    reading.errors.push({ line: node.line, reason: `The balance cannot be read: ${amount}.` });
    return undefined;
  }
  const date = readDate(node.leaves.get("DTASOF") ?? "")?.date;
  return date ? { amount, currency: account.currency, date } : { amount, currency: account.currency };
}

function readAmount(text: string, currency: string, reading: Reading, line: number): number | string {
  if (!text) return "it is missing";
  const found = lexAmount(text);
  if (!found) return `"${text.slice(0, 40)}" is not an amount`;
  // OFX knows no grouping (3.2.9.1), yet banks mix marks within a file: what one amount proves itself holds for it.
  const own = markEvidence(found.body);
  const money = toMoney(found, currency, own === "." || own === "," ? own : reading.mark);
  if (typeof money === "string") return money;
  const amount = found.sign === "-" ? -money.minor : money.minor;
  if (money.rounded) {
    reading.errors.push({
      line,
      reason: `${text.slice(0, 40)} has more decimals than ${currency} has; it was rounded to ${formatAmount(amount, currency)}.`,
    });
  }
  return amount === 0 ? 0 : amount;
}

const OFX_DATE =
  /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?(?:[.,:]\d+)?)?\s*(?:\[\s*([+-]?\d{1,2}(?:[.:]\d{1,2})?)\s*(?::[^\]]*)?\])?$/;

/** `YYYYMMDDHHMMSS.XXX[-5:EST]` (3.2.8.2): the date as written; an instant only when a zone is written too. */
function readDate(text: string): { date: string; instant?: Instant } | undefined {
  const match = OFX_DATE.exec(text);
  if (!match) {
    const other = lexDate(text);
    return other?.date
      ? { date: other.date, ...(other.instant ? { instant: other.instant } : {}) }
      : undefined;
  }
  const written = lexDate(match.slice(1, 4).join("-"));
  if (!written?.date) return undefined;
  const date = written.date;
  if (match[4] === undefined || match[7] === undefined) return { date };
  const [hour, minute, second] = [match[4], match[5]!, match[6] ?? "00"];
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return { date };
  const hours = offsetHours(match[7]);
  const ms = Date.parse(`${date}T${hour}:${minute}:${second}Z`) - hours * 3_600_000;
  return { date, instant: new Date(ms).toISOString() };
}

/** `-5`, `5.5` (hours) and `-3.30` or `+5:30` (hours and minutes, as banks write them). */
function offsetHours(text: string): number {
  const [whole, part] = text.split(/[.:]/) as [string, string | undefined];
  const hours = Math.abs(Number(whole));
  const fraction =
    part === undefined
      ? 0
      : part.length === 2 && part !== "75" && part !== "50"
        ? Number(part) / 60
        : Number(`0.${part}`);
  return (whole.startsWith("-") ? -1 : 1) * (hours + fraction);
}
