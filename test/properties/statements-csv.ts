import fc from "fast-check";
import type { CsvMapping, ReaderOptions } from "../../lib/bank/statements";
import { addDays, formatAmount } from "../../lib/values";
import type { ModelAccount, ModelRow, Written } from "./statements";

/** CSV as banks with a profile write it, as any bank may, and by a mapping. */

const pad = (value: number) => String(value).padStart(2, "0");
const dateOf = ({ day }: ModelRow) => addDays("2024-01-01", day);
const compactDate = (row: ModelRow) => dateOf(row).replaceAll("-", "");

export const csvDialect = fc.record({
  bank: fc.constantFrom(
    "any",
    "any",
    "any",
    "mapping",
    "mapping",
    "bunq",
    "ing",
    "n26",
    "rabobank",
    "revolut",
  ),
  delimiter: fc.constantFrom(";", ",", "\t", "|"),
  comma: fc.boolean(),
  thousands: fc.boolean(),
  date: fc.constantFrom("ymd", "dmy.", "dmy/", "compact"),
  shape: fc.constantFrom("signed", "pair", "mark"),
  newest: fc.boolean(),
  balance: fc.boolean(),
  preamble: fc.nat(3),
  end: fc.constantFrom("\n", "\r\n", "\r"),
  lastEnd: fc.boolean(),
});
type Dialect = typeof csvDialect extends fc.Arbitrary<infer T> ? T : never;

interface Layout {
  header: string[];
  cells(row: ModelRow, balance: number): string[];
  delimiter: string;
  options: ReaderOptions;
  currency: string;
}

/**
 * One account. Rows of nothing are left out, since columns for money in and out cannot tell them from blanks, and so
 * are numbers without a mark that are as long as those of accounts.
 */
export function writeCsv(accounts: readonly ModelAccount[], d: Dialect): Written {
  const account = accounts[0]!;
  const layout = d.bank === "any" || d.bank === "mapping" ? anyBank(account, d) : ofBank(account, d.bank);
  const rows = account.rows.filter(
    ({ amount }) => amount !== 0 && (layout.currency !== "JPY" || Math.abs(amount) < 10 ** 8),
  );
  let balance = account.opening;
  let made = rows.map((row) => {
    balance += row.amount;
    return { row, line: quoted(layout.cells(row, balance), layout.delimiter) + d.end };
  });
  if (d.newest) made = made.reverse();
  const lines = layout.header.length > 0 ? [quoted(layout.header, layout.delimiter) + d.end] : [];
  if (d.bank === "any" || d.bank === "mapping") {
    for (let at = 0; at < d.preamble; at++) lines.unshift(`Report ${at}${d.end}`);
  }
  let text = lines.join("");
  const spans = made.map(({ line }) => {
    const from = text.length;
    text += line;
    return { from, to: text.length };
  });
  const wanted = made.map(({ row }) => ({
    date: dateOf(row),
    amount: row.amount,
    currency: layout.currency,
    ...(row.text === "" ? {} : { text: row.text }),
  }));
  return { text, options: layout.options, wanted, spans, ties: false, inferred: d.bank === "any" };
}

function quoted(cells: readonly string[], delimiter: string): string {
  return cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(delimiter);
}

function anyBank({ currency }: ModelAccount, d: Dialect): Layout {
  const money = (amount: number) => {
    const [whole, fraction] = formatAmount(amount, currency).split(".") as [string, string?];
    const grouped = d.thousands ? whole.replace(/\B(?=(\d{3})+$)/g, d.comma ? "." : ",") : whole;
    return grouped + (fraction ? (d.comma ? "," : ".") + fraction : "");
  };
  const date = (row: ModelRow) => {
    const [year, month, day] = dateOf(row).split("-").map(Number) as [number, number, number];
    return {
      ymd: dateOf(row),
      "dmy.": `${pad(day)}.${pad(month)}.${year}`,
      "dmy/": `${day}/${month}/${year}`,
      compact: compactDate(row),
    }[d.date]!;
  };
  const amounts = ({ amount }: ModelRow) => {
    if (d.shape === "signed") return [money(amount)];
    if (d.shape === "pair") return [amount < 0 ? money(-amount) : "", amount > 0 ? money(amount) : ""];
    return [money(Math.abs(amount)), amount < 0 ? "Debit" : "Credit"];
  };
  const columns = { signed: ["Amount"], pair: ["Debit", "Credit"], mark: ["Amount", "Debit/Credit"] }[
    d.shape
  ]!;
  const header = ["Booking date", "Description", "Currency", ...columns, ...(d.balance ? ["Balance"] : [])];
  const mapping: CsvMapping = {
    delimiter: d.delimiter as NonNullable<CsvMapping["delimiter"]>,
    skip: d.preamble,
    header: true,
    date: "Booking date",
    dateFormat: { ymd: "YYYY-MM-DD", "dmy.": "DD.MM.YYYY", "dmy/": "D/M/YYYY", compact: "YYYYMMDD" }[d.date]!,
    description: ["Description"],
    currency: "Currency",
    decimal: d.comma ? "," : ".",
    ...(d.shape === "signed" ? { amount: "Amount" } : {}),
    ...(d.shape === "pair" ? { amountOut: "Debit", amountIn: "Credit" } : {}),
    ...(d.shape === "mark" ? { amount: "Amount", direction: { column: "Debit/Credit", out: "Debit" } } : {}),
    ...(d.balance ? { balanceAfter: "Balance" } : {}),
  };
  return {
    header,
    delimiter: d.delimiter,
    currency,
    options: { dayFirst: true, currency, ...(d.bank === "mapping" ? { mapping } : {}) },
    cells: (row, balance) => [
      date(row),
      row.text,
      currency,
      ...amounts(row),
      ...(d.balance ? [money(balance)] : []),
    ],
  };
}

function ofBank({ id }: ModelAccount, bank: string): Layout {
  const dot = (amount: number) => formatAmount(amount, "EUR");
  const comma = (amount: number) => dot(amount).replace(".", ",");
  const base = { delimiter: ",", options: {}, currency: "EUR" };
  if (bank === "bunq") {
    return {
      ...base,
      header: ["Date", "Interest Date", "Amount", "Account", "Counterparty", "Name", "Description"],
      cells: (row) => [dateOf(row), dateOf(row), dot(row.amount), id, "", row.name, row.text],
    };
  }
  if (bank === "ing") {
    return {
      ...base,
      delimiter: ";",
      header:
        "Datum;Naam / Omschrijving;Rekening;Tegenrekening;Code;Af Bij;Bedrag (EUR);Mutatiesoort;Mededelingen;Saldo na mutatie;Tag".split(
          ";",
        ),
      cells: (row, balance) => [
        compactDate(row),
        row.name,
        id,
        "",
        "GT",
        row.amount < 0 ? "Af" : "Bij",
        comma(Math.abs(row.amount)),
        "Online bankieren",
        row.text,
        comma(balance),
        "",
      ],
    };
  }
  if (bank === "n26") {
    return {
      ...base,
      header:
        "Booking Date,Value Date,Partner Name,Partner Iban,Type,Payment Reference,Account Name,Amount (EUR),Original Amount,Original Currency,Exchange Rate".split(
          ",",
        ),
      cells: (row) => [
        dateOf(row),
        dateOf(row),
        row.name,
        "",
        "Presentment",
        row.text,
        "Main",
        dot(row.amount),
        "",
        "",
        "",
      ],
    };
  }
  if (bank === "rabobank") {
    return {
      ...base,
      header:
        "IBAN/BBAN,Munt,BIC,Volgnr,Datum,Rentedatum,Bedrag,Saldo na trn,Tegenrekening IBAN/BBAN,Naam tegenpartij,Code,Omschrijving-1,Omschrijving-2".split(
          ",",
        ),
      cells: (row, balance) => [
        id,
        "EUR",
        "RABONL2U",
        row.ref,
        dateOf(row),
        dateOf(row),
        (row.amount > 0 ? "+" : "") + comma(row.amount),
        comma(balance),
        "",
        row.name,
        "id",
        row.text,
        "",
      ],
    };
  }
  return {
    ...base,
    header: "Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance".split(
      ",",
    ),
    cells: (row, balance) => [
      "CARD_PAYMENT",
      "Current",
      `${dateOf(row)} 08:00:01`,
      `${dateOf(row)} 10:11:12`,
      row.text,
      dot(row.amount),
      "0.00",
      "EUR",
      "COMPLETED",
      dot(balance),
    ],
  };
}
