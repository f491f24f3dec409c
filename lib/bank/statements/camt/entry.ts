import { toTallyError } from "../../../values";
import { compact, present, reference, squash } from "../text";
import type { StatementPayment } from "../types";
import { typeOf } from "./codes";
import { counterparty, type Owner } from "./parties";
import { amountOf, direction, firstMoment, flatten, momentOf, statusOf, type CamtAmount } from "./values";
import { all, find, textAt, type XmlNode } from "./xml";

export interface EntryContext {
  owner: Owner;
  /** Currency of the account, where the statement names one. */
  currency: string | undefined;
  /** Date of the statement: of an entry that has none itself. */
  date: string | undefined;
  /** A report during the day (CAMT.052), which also lists what is not booked yet. */
  report: boolean;
  problem(line: number, reason: string): void;
}

/** Booked, or known but not booked; `INFO` entries never touch the account and are left out. */
const STATUSES: Readonly<Record<string, "booked" | "pending">> = {
  BOOK: "booked",
  PDNG: "pending",
  FUTR: "pending",
};

/**
 * The payments of an entry (`Ntry`). A batch whose transactions have amounts that add up to the entry is one payment
 * for each; otherwise the entry is one payment. A row that cannot be read is reported and yields nothing.
 */
export function paymentsOf(entry: XmlNode, context: EntryContext): StatementPayment[] {
  try {
    return read(entry, context);
  } catch (thrown) {
    const error = toTallyError(thrown);
    if (error.code !== "MONEY_INVALID" && error.code !== "DATE_INVALID") throw error;
    context.problem(entry.line, `Entry left out: ${error.message}`);
    return [];
  }
}

function read(entry: XmlNode, context: EntryContext): StatementPayment[] {
  const leaveOut = (why: string): StatementPayment[] => {
    context.problem(entry.line, `Entry left out: ${why}`);
    return [];
  };
  const amount = find(entry, "Amt");
  if (!amount) return leaveOut("it has no amount (Amt).");
  const total = amountOf(amount, context.currency);
  const sign = direction(entry);
  if (!sign) return leaveOut("it does not say whether money came in or went out (CdtDbtInd).");
  const code = statusOf(entry);
  if (code === "INFO")
    return leaveOut("it is for information only (status INFO) and no booking on the account.");
  // Every version asks for a status; of a bank that leaves it out, a statement holds what is booked.
  const status =
    code === "" ? (context.report && !find(entry, "BookgDt") ? "pending" : "booked") : STATUSES[code];
  if (!status) return leaveOut(`its status "${code.slice(0, 20)}" is none that CAMT knows.`);

  const booked = momentOf(find(entry, "BookgDt"));
  const valued = momentOf(find(entry, "ValDt"));
  const details = all(entry, "NtryDtls").flatMap((item) => all(item, "TxDtls"));
  const moment =
    booked ?? valued ?? detailMoment(details) ?? (context.date ? { date: context.date } : undefined);
  if (!moment) return leaveOut("it has no date.");
  if (!booked && !valued && !detailMoment(details)) {
    context.problem(entry.line, `The entry has no date; that of the statement (${moment.date}) was taken.`);
  }
  const reversal = /^(true|1)$/.test(textAt(entry, "RvslInd") ?? "");
  const base = { entry, sign, status, moment, valueDate: valued?.date, reversal, context };

  const parts = details.length > 1 ? amountsOfBatch(details, total, sign) : undefined;
  if (!parts) {
    const only = details.length === 1 ? details[0] : undefined;
    return [
      payment(
        base,
        only,
        { amount: sign * total.amount, currency: total.currency },
        bankIdOf(entry, only),
        details.length,
      ),
    ];
  }
  return details.map((item, at) =>
    payment(
      base,
      item,
      { amount: parts[at]!, currency: total.currency },
      bankIdInBatch(entry, item, at),
      1,
      true,
    ),
  );
}

interface Base {
  entry: XmlNode;
  sign: 1 | -1;
  status: "booked" | "pending";
  moment: { date: string; instant?: string };
  valueDate: string | undefined;
  reversal: boolean;
  context: EntryContext;
}

function payment(
  base: Base,
  details: XmlNode | undefined,
  money: CamtAmount,
  bankId: string | undefined,
  transactions: number,
  inBatch = false,
): StatementPayment {
  const { entry, moment, context } = base;
  const sign = money.amount === 0 ? base.sign : money.amount < 0 ? -1 : 1;
  const { party, creditorId } = counterparty(details, sign, base.reversal, context.owner);
  const refs = find(details, "Refs");
  const structured = creditorReference(details);
  return compact<StatementPayment>({
    date: moment.date,
    valueDate: base.valueDate,
    instant: moment.instant,
    amount: money.amount === 0 ? 0 : money.amount,
    currency: money.currency,
    original: originalAmount(details ?? entry, money, sign) ?? originalAmount(entry, money, sign),
    status: base.status,
    counterparty: party,
    description: description(entry, details, structured, transactions),
    type: typeOf(find(details, "BkTxCd"), find(entry, "BkTxCd")),
    bankId,
    reference:
      reference(textAt(refs, "EndToEndId")) ??
      structured ??
      reference(textAt(refs, "ChqNb")) ??
      reference(textAt(refs, "InstrId")),
    mandateId: reference(textAt(refs, "MndtId")),
    creditorId,
    line: inBatch && details ? details.line : entry.line,
    raw: {
      ...flatten(entry, (node) => node.name === "TxDtls"),
      ...(details ? prefixed("TxDtls/", flatten(details)) : {}),
    },
  });
}

/**
 * Signed amounts of the transactions of a batch, or undefined where one is missing, is in another currency, or they
 * do not add up to the entry. Some banks give each transaction the direction of its own ledger side: when the plain
 * amounts add up, all have the direction of the entry.
 */
function amountsOfBatch(details: readonly XmlNode[], total: CamtAmount, sign: 1 | -1): number[] | undefined {
  const plain: number[] = [];
  const signed: number[] = [];
  for (const item of details) {
    const candidates = [
      find(item, "Amt"),
      find(item, "AmtDtls", "TxAmt", "Amt"),
      find(item, "AmtDtls", "CntrValAmt", "Amt"),
      find(item, "AmtDtls", "InstdAmt", "Amt"),
    ];
    const own = candidates.find(
      (node) => node && (node.attributes["Ccy"] ?? total.currency) === total.currency,
    );
    if (!own) return undefined;
    const { amount } = amountOf(own, total.currency);
    plain.push(sign * amount);
    signed.push((direction(item) ?? sign) * amount);
  }
  const wanted = sign * total.amount;
  const sum = (amounts: number[]) => amounts.reduce((a, b) => a + b, 0);
  if (sum(signed) === wanted) return signed;
  return sum(plain) === wanted ? plain : undefined;
}

/** What was paid in another currency: the instructed amount, else the counter value. */
function originalAmount(node: XmlNode, money: CamtAmount, sign: 1 | -1): CamtAmount | undefined {
  for (const name of ["InstdAmt", "CntrValAmt", "TxAmt"]) {
    const amount = find(node, "AmtDtls", name, "Amt");
    const currency = amount?.attributes["Ccy"];
    if (!amount || !currency || currency === money.currency) continue;
    const found = amountOf(amount);
    return { amount: found.amount === 0 ? 0 : sign * found.amount, currency: found.currency };
  }
  return undefined;
}

/** Creditor references of the remittance: SCOR (RF...), QRR and ISR of Switzerland, the Belgian, Nordic ones. */
function creditorReference(details: XmlNode | undefined): string | undefined {
  for (const block of all(find(details, "RmtInf"), "Strd")) {
    const found = reference(textAt(block, "CdtrRefInf", "Ref") ?? textAt(block, "CdtrRefInf", "CdtrRef"));
    if (found) return found;
  }
  return undefined;
}

/** Lines of a text; one of full length (140) was cut there and goes straight on. */
function joined(lines: readonly string[]): string {
  return lines.reduce(
    (text, line, at) => text + (at === 0 || lines[at - 1]!.length === 140 ? "" : " ") + line,
    "",
  );
}

function description(
  entry: XmlNode,
  details: XmlNode | undefined,
  structured: string | undefined,
  transactions: number,
): string {
  const remittance = find(details, "RmtInf");
  const free = all(remittance, "Ustrd").map((node) => node.text);
  const additional = all(remittance, "Strd").flatMap((block) =>
    all(block, "AddtlRmtInf").map((node) => node.text),
  );
  const invoice = all(remittance, "Strd").flatMap((block) =>
    all(block, "RfrdDocInf").map((node) => textAt(node, "Nb") ?? ""),
  );
  const own = present(joined([...free, ...additional]));
  if (own) return own;
  const info = present(textAt(details, "AddtlTxInf")) ?? present(textAt(entry, "AddtlNtryInf"));
  const found =
    present(invoice.join(" ")) ?? structured ?? info ?? present(textAt(details, "RtrInf", "AddtlInf"));
  if (found) return found;
  const batch =
    textAt(entry, "NtryDtls", "Btch", "NbOfTxs") ?? (transactions > 1 ? String(transactions) : undefined);
  const name = textAt(entry, "NtryDtls", "Btch", "PmtInfId") ?? textAt(entry, "NtryDtls", "Btch", "MsgId");
  return batch ? squash(`Batch of ${batch} payments ${name ?? ""}`) : "";
}

/**
 * The bank's id of an entry: its reference at the account's bank, else that of its only transaction, else the
 * transaction's unique id. `NtryRef` often only counts the entries of a file and is no id.
 */
function bankIdOf(entry: XmlNode, details: XmlNode | undefined): string | undefined {
  const refs = find(details, "Refs");
  return (
    reference(textAt(entry, "AcctSvcrRef")) ??
    reference(textAt(refs, "AcctSvcrRef")) ??
    reference(textAt(refs, "AcctSvcrTxId")) ??
    reference(textAt(refs, "UETR")) ??
    reference(textAt(refs, "TxId"))
  );
}

/** In a batch the entry's reference is shared: a transaction needs one of its own, or is told by its place. */
function bankIdInBatch(entry: XmlNode, details: XmlNode, at: number): string | undefined {
  const refs = find(details, "Refs");
  const shared = reference(textAt(entry, "AcctSvcrRef"));
  const own = reference(textAt(refs, "AcctSvcrRef"));
  if (own && own !== shared) return own;
  const within =
    reference(textAt(refs, "UETR")) ??
    reference(textAt(refs, "TxId")) ??
    reference(textAt(refs, "InstrId")) ??
    reference(textAt(refs, "EndToEndId"));
  if (shared) return `${shared}/${within ?? at + 1}`;
  return reference(textAt(refs, "UETR")) ?? reference(textAt(refs, "TxId"));
}

function detailMoment(details: readonly XmlNode[]) {
  const dates = details.length === 1 ? find(details[0], "RltdDts") : undefined;
  return firstMoment(find(dates, "IntrBkSttlmDt"), find(dates, "TxDtTm"), find(dates, "AccptncDtTm"));
}

function prefixed(prefix: string, record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [prefix + key, value]));
}
