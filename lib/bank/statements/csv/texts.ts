import { anything, isDate, isFilled, isText, takeFree, type Assignment } from "./assign";
import type { ColumnFacts } from "./columns";
import { ownAccount } from "./facts";
import type { Layout, Table } from "./layout";

/** Who, what for, and the bank's own references: everything that is neither date nor money. */
export function pickTexts(pick: Assignment, layout: Layout, table: Table): void {
  const set = <K extends keyof Layout>(key: K, value: Layout[K] | undefined) => {
    if (value !== undefined) layout[key] = value;
  };
  const constant = (column: ColumnFacts) =>
    column.filled >= column.rows * 0.9 && column.distinct <= Math.max(1, column.rows * 0.2);
  const account = (column: ColumnFacts) =>
    isText(column) && constant(column) && column.length >= 4 && column.decimals === 0;
  const short = (column: ColumnFacts) => isText(column) && column.distinct <= 8 && column.length < 30;
  set("status", pick.take("status", short));
  // The counterparty's account is tried first where its words are sure, then the own account by its constancy.
  set(
    "counterpartyAccount",
    pick.take("counterpartyAccount", (column) => isText(column) && !pick.means(column.index, "account"), 8.2),
  );
  const own = ownAccount(table.preamble, {});
  const names = pick.find("counterparty", isText);
  // A word that may be either side's account is the own one only where it stands before the other side's name.
  const rivals = (column: ColumnFacts) =>
    column.distinct === 1 &&
    column.filled === column.rows &&
    pick.hasOther("counterpartyAccount", column.index);
  const ours = (column: ColumnFacts) =>
    account(column) &&
    !(
      !rivals(column) &&
      pick.means(column.index, "counterpartyAccount") &&
      (own !== undefined || (names !== undefined && column.index > names))
    );
  set(
    "account",
    pick.take("account", (column) => ours(column) && column.ibans > 0) ?? pick.take("account", ours),
  );
  if (layout.account === undefined && own === undefined) {
    const single = pick.free(
      (column) =>
        column.ibans >= column.rows * 0.9 &&
        column.distinct === 1 &&
        column.rows > 1 &&
        !pick.means(column.index, "counterpartyAccount"),
    )[0];
    if (single) {
      layout.account = single.index;
      pick.used.add(single.index);
    }
  }
  if (layout.counterpartyAccount === undefined) {
    set("counterpartyAccount", pick.take("counterpartyAccount", isText));
    if (layout.counterpartyAccount === undefined)
      set(
        "counterpartyAccount",
        takeFree(pick, (column) => column.ibans > 0),
      );
  }
  set("counterpartyBic", pick.take("counterpartyBic", isText));
  const person = (column: ColumnFacts) => isText(column) && column.letters >= 0.3;
  const payer = pick.find("payer", person);
  const payee = pick.find("payee", person);
  if (payer !== undefined && payee !== undefined && payer !== payee) {
    layout.payer = payer;
    layout.payee = payee;
    pick.used.add(payer).add(payee);
  }
  set("mandateId", pick.take("mandateId", anything));
  set("creditorId", pick.take("creditorId", anything));
  set("category", pick.take("category", isText));
  set(
    "bankId",
    pick.take(
      "bankId",
      (column) => isFilled(column) && !isDate(column) && column.filled >= column.rows * 0.5,
    ),
  );
  set("reference", pick.take("reference", isText));
  const name = (column: ColumnFacts) => isText(column) && column.letters >= 0.3;
  if (layout.payer === undefined) {
    const varied = (column: ColumnFacts) => name(column) && (column.distinct > 1 || column.rows === 1);
    set("counterparty", pick.take("counterparty", varied) ?? pick.take("counterparty", name, 6));
  }
  const types = (column: ColumnFacts) => isText(column) && column.distinct <= Math.max(12, column.rows * 0.5);
  const descriptions = pick.takeAll("description", isText);
  set("type", pick.take("type", types));
  set(
    "accountName",
    pick.take("accountName", (column) => isText(column) && constant(column)),
  );
  // What is the same on every row (the name of the product) describes none of them.
  const telling = descriptions.filter((column) => (pick.fact(column)?.distinct ?? 0) > 1);
  layout.description = telling.length > 0 && table.rows.length >= 3 ? telling : descriptions;
  if (descriptions.length === 0 && layout.counterparty === undefined && layout.reference !== undefined) {
    // Words in the column of references are the text (Revolut's first CSV).
    const worded = pick.fact(layout.reference);
    if (worded && worded.letters >= 0.8 && worded.length >= 5 && worded.distinct > 1) {
      descriptions.push(layout.reference);
      layout.description = descriptions;
      delete layout.reference;
    }
  }
  if (descriptions.length === 0 && layout.counterparty === undefined) {
    // No words: the column with most text describes the payment.
    const text = pick
      .free(
        (column) =>
          isText(column) &&
          !pick.means(column.index, "ignore") &&
          column.letters >= 0.5 &&
          column.currencies < column.filled * 0.8 &&
          column.ibans === 0,
      )
      .sort((a, b) => b.length * Math.min(1, b.distinct / 3) - a.length * Math.min(1, a.distinct / 3))[0];
    // Without words, the other side's name stands beside its account.
    const beside =
      table.header || layout.counterpartyAccount === undefined
        ? undefined
        : pick.free(
            (column) =>
              Math.abs(column.index - layout.counterpartyAccount!) === 1 &&
              isText(column) &&
              column.letters >= 0.9 &&
              column.length >= 4 &&
              column.ibans === 0 &&
              (column.distinct > 1 || column.rows === 1),
          )[0];
    if (beside) {
      layout.counterparty = beside.index;
      pick.used.add(beside.index);
    }
    if (text && text !== beside) {
      // Nothing tells which of several texts counts: all that hold words do.
      const worded = table.header
        ? [text]
        : pick.free(
            (column) =>
              column === text ||
              (isText(column) &&
                column.letters >= 0.5 &&
                column.length >= 5 &&
                column.distinct > 1 &&
                column.currencies === 0 &&
                column.ibans === 0 &&
                !column.directions),
          );
      layout.description = worded.slice(0, 4).map((column) => column.index);
      for (const column of layout.description) pick.used.add(column);
    }
  }
}
