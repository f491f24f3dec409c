import type { CsvProfile } from "../profile";

/** Wise (TransferWise), statement of one balance: amounts signed, fees included, a running balance. */
export const wise: CsvProfile = {
  name: "wise",
  headers: [["TransferWise ID", "Date", "Amount", "Currency", "Description"]],
  columns: {
    bankId: ["TransferWise ID"],
    date: ["Date"],
    amount: ["Amount"],
    currency: ["Currency"],
    description: ["Description", "Payment Reference"],
    balanceAfter: ["Running Balance"],
    payer: ["Payer Name"],
    payee: ["Payee Name"],
    counterpartyAccount: ["Payee Account Number"],
    reference: ["Payment Reference"],
    type: ["Transaction Details Type", "Transaction Type"],
  },
  fixed: { dayFirst: true, decimal: "." },
  finish(payment, cell) {
    const merchant = cell("Merchant");
    if (merchant && !payment.counterparty?.name)
      payment.counterparty = { ...payment.counterparty, name: merchant };
  },
};

/** Wise, history over all balances: one row has a source and a target side; the direction tells which is ours. */
export const wiseHistory: CsvProfile = {
  name: "wise-history",
  headers: [
    [
      "ID",
      "Status",
      "Direction",
      "Created on",
      "Finished on",
      "Source amount (after fees)",
      "Target amount (after fees)",
    ],
  ],
  columns: {
    bankId: ["ID"],
    status: ["Status"],
    date: ["Finished on"],
    dateFallback: ["Created on"],
    amount: ["Source amount (after fees)"],
    currency: ["Source currency"],
    payer: ["Source name"],
    payee: ["Target name"],
    description: ["Reference", "Note"],
    reference: ["Reference"],
    category: ["Category"],
    type: ["Direction"],
  },
  fixed: { decimal: "." },
  money(cell, amount) {
    const direction = cell("Direction").toUpperCase();
    if (direction === "IN") {
      const currency = cell("Target currency");
      const value = amount(cell("Target amount (after fees)"), currency);
      return typeof value === "string" ? value : { amount: Math.abs(value), currency };
    }
    if (direction !== "OUT") {
      return `It moves ${cell("Source amount (after fees)")} ${cell("Source currency")} between own balances (${direction || "no direction"}); read the statement of each balance instead.`;
    }
    const currency = cell("Source currency");
    const value = amount(cell("Source amount (after fees)"), currency);
    if (typeof value === "string") return value;
    const fee = cell("Source fee amount") ? amount(cell("Source fee amount"), currency) : 0;
    if (typeof fee === "string") return fee;
    return { amount: -(Math.abs(value) + Math.abs(fee)), currency };
  },
};
