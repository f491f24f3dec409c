import { TallyError, toTallyError } from "../../../values";
import type { RowError } from "../../port";
import { compact, present } from "../text";
import type {
  ParsedStatement,
  ReaderOptions,
  StatementAccount,
  StatementBalance,
  StatementFormat,
  StatementReader,
} from "../types";
import { paymentsOf } from "./entry";
import { accountOf, bicOf, type Owner } from "./parties";
import { amountOf, direction, momentOf } from "./values";
import { find, readXml, textAt, type XmlNode } from "./xml";

/**
 * CAMT.052 (report during the day), .053 (statement) and .054 (notification), versions 1 to 13, any namespace prefix.
 * Source: ISO 20022 message definitions "Bank to Customer Cash Management".
 */
export const camtReader: StatementReader = { detect, read };

function detect(text: string): number {
  const head = text.slice(0, 20_000);
  if (!head.trimStart().startsWith("<")) return 0;
  if (/<(?:[\w.-]+:)?BkToCstmr(?:Stmt|AcctRpt|DbtCdtNtfctn)(?:V\d+)?[\s>/]/.test(head)) return 1;
  return /urn:iso:std:iso:20022:tech:xsd:camt\.05[234]\./.test(head) ? 0.95 : 0;
}

function formatOf(message: string): StatementFormat {
  if (message.startsWith("BkToCstmrAcctRpt")) return "camt.052";
  return message.startsWith("BkToCstmrDbtCdtNtfctn") ? "camt.054" : "camt.053";
}

function read(text: string, options: ReaderOptions): ParsedStatement {
  const accounts: StatementAccount[] = [];
  const errors: RowError[] = [];
  let format: StatementFormat | undefined;
  let open: OpenStatement | undefined;
  const problem = (line: number, reason: string) => void errors.push({ line, reason });
  readXml(text, {
    begin(message) {
      format ??= formatOf(message);
      open = new OpenStatement(formatOf(message), options, problem);
    },
    part: (node) => open?.part(node),
    end() {
      if (open) accounts.push(open.finish());
      open = undefined;
    },
    problem,
  });
  if (!format) {
    throw new TallyError(
      "STATEMENT_UNREADABLE",
      `This CAMT file holds no statement${errors[0] ? ` that can be read: ${errors[0].reason}` : ""}. Download it again, for a period with bookings.`,
    );
  }
  return { format, accounts, errors };
}

interface CodedBalance extends StatementBalance {
  code: string;
}

/** One `Stmt`, `Rpt` or `Ntfctn` while its parts come in; `Acct` comes before the entries in every version. */
class OpenStatement {
  private readonly account: StatementAccount = { currency: "", payments: [] };
  private readonly balances: CodedBalance[] = [];
  private readonly owner: Owner = {};
  private date: string | undefined;
  /** Of the closing balance, where the statement has no date of its own. */
  private balanceDate: string | undefined;
  private named: string | undefined;

  constructor(
    private readonly format: StatementFormat,
    private readonly options: ReaderOptions,
    private readonly problem: (line: number, reason: string) => void,
  ) {}

  part(node: XmlNode): void {
    if (node.name === "Ntry") {
      const context = {
        owner: this.owner,
        currency: this.currency(),
        date: this.date ?? this.balanceDate,
        report: this.format === "camt.052",
        problem: this.problem,
      };
      for (const payment of paymentsOf(node, context)) this.account.payments.push(payment);
    } else if (node.name === "Acct") this.readAccount(node);
    else if (node.name === "Bal") this.readBalance(node);
    else if (node.name === "Id") this.account.statementId = node.text.trim();
    else if (node.name === "CreDtTm") this.date = this.quietly(node, () => momentOf(node)?.date);
  }

  private readAccount(node: XmlNode): void {
    const { iban, account } = accountOf(node);
    this.named = textAt(node, "Ccy")?.toUpperCase();
    compact(
      Object.assign(this.account, {
        iban,
        id: account,
        bic: bicOf(find(node, "Svcr")),
        name: present(textAt(node, "Nm") ?? textAt(node, "Ownr", "Nm") ?? textAt(node, "Ownr", "Pty", "Nm")),
      }),
    );
    compact(
      Object.assign(this.owner, {
        iban,
        id: account,
        name: present(textAt(node, "Ownr", "Nm")) ?? textAt(node, "Nm"),
      }),
    );
  }

  private readBalance(node: XmlNode): void {
    const amount = find(node, "Amt");
    const sign = direction(node);
    const code = textAt(node, "Tp", "CdOrPrtry", "Cd") ?? textAt(node, "Tp", "Cd");
    if (!amount || !code) return;
    if (code === "CLBD") this.balanceDate = this.quietly(node, () => momentOf(find(node, "Dt"))?.date);
    if (!sign) {
      this.problem(
        node.line,
        `The balance ${code} does not say whether it is a credit or a debit; it was left out.`,
      );
      return;
    }
    this.quietly(node, () => {
      const found = amountOf(amount, this.named);
      this.balances.push({
        code,
        amount: found.amount === 0 ? 0 : sign * found.amount,
        currency: found.currency,
        ...dateOf(momentOf(find(node, "Dt"))),
      });
      return undefined;
    });
  }

  /** Run `read`; what cannot be read is reported and the statement goes on without it. */
  private quietly<T>(node: XmlNode, read: () => T): T | undefined {
    try {
      return read();
    } catch (thrown) {
      const error = toTallyError(thrown);
      if (error.code !== "MONEY_INVALID" && error.code !== "DATE_INVALID") throw error;
      this.problem(node.line, `<${node.name}> left out: ${error.message}`);
      return undefined;
    }
  }

  private currency(): string | undefined {
    return this.named ?? this.balance(...OPENING, ...CLOSING)?.currency;
  }

  private balance(...codes: readonly string[]): CodedBalance | undefined {
    for (const code of codes) {
      const found = this.balances.find((balance) => balance.code === code);
      if (found) return found;
    }
    return undefined;
  }

  finish(): StatementAccount {
    const { account } = this;
    const interim = this.balances.filter((balance) => balance.code === "ITBD");
    // On the pages of a long statement the interim balances stand at both ends.
    const opening = this.balance(...OPENING) ?? (interim.length > 1 ? interim[0] : undefined);
    const closing = this.balance(...CLOSING) ?? interim[interim.length - 1];
    if (opening) account.openingBalance = withoutCode(opening);
    if (closing) account.closingBalance = withoutCode(closing);
    if (this.format !== "camt.053" && closing?.code === "ITBD") account.interim = true;
    account.currency =
      this.currency() ?? closing?.currency ?? account.payments[0]?.currency ?? this.options.currency ?? "XXX";
    if (account.currency === "XXX" && account.payments.length > 0) {
      this.problem(account.payments[0]!.line ?? 1, "The statement does not name its currency.");
    }
    for (const payment of account.payments) {
      if (payment.currency !== account.currency) {
        this.problem(
          payment.line ?? 1,
          `The entry is in ${payment.currency}, but the account is in ${account.currency}; it was kept in ${payment.currency}.`,
        );
      }
    }
    return account;
  }
}

/** Booked balances at the beginning: opening, or the closing one of the statement before. */
const OPENING = ["OPBD", "PRCD"] as const;
const CLOSING = ["CLBD"] as const;

function withoutCode(balance: CodedBalance): StatementBalance {
  const { amount, currency, date } = balance;
  return { amount, currency, ...(date === undefined ? {} : { date }) };
}

function dateOf(moment: { date: string } | undefined): { date?: string } {
  return moment ? { date: moment.date } : {};
}
