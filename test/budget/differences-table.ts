import type { Differential } from "./differential";

/** Why the rows of Tallyflow and of Actual's own import differ; a difference of any other kind is a fault. */
const REASONS: Readonly<Record<string, string>> = {
  "entered by hand: importedPayee":
    "Actual writes the bank's name into the row that a person entered. Tallyflow leaves that row as it is and remembers that the payment stands there.",
  "entered by hand: importedId":
    "Likewise the bank's id. To Tallyflow the row is known by its match; a row without one is matched again when its store was lost.",
  "written: payee":
    "Actual's import puts names into title case. Tallyflow leaves out what banks and tills put around a name and keeps its spelling, so that its payees and those of rules stay the same; a transfer has the other account as its payee.",
  "written: importedPayee": "The same spelling, kept beside the payee. Nothing for a transfer.",
  "written: notes": "Tallyflow adds how sure the category is and why (can be switched off in queue sync).",
  "written: category": "Actual's import gives none but by rules; Tallyflow gives the one that it learned.",
  "written: importedId":
    "Tallyflow's import id is made of the payment and the budget, so that a deleted payment can be imported again under the next one.",
  "written: transfer":
    "Both sides of a transfer between own accounts are linked, in one write. Actual's import writes two transactions that do not know each other.",
  "other side of a transfer: date":
    "Both sides have the day of the side that pays; the other bank may book later.",
  "other side of a transfer: payee": "The other account in place of a name.",
  "other side of a transfer: importedPayee": "It was not imported: it came with its other side.",
  "other side of a transfer: notes": "The notes of the side that pays.",
  "other side of a transfer: importedId": "It was not imported: it came with its other side.",
  "other side of a transfer: cleared": "It stays uncleared until a person has seen it.",
  "other side of a transfer: transfer": "As for the side that was written.",
};

const FIELDS: Readonly<Record<string, string>> = {
  importedPayee: "imported payee",
  importedId: "import id",
};

/** Rows of the table of differences: what, in how many payments, an example of both, and why. */
export function differenceRows({ kinds }: Differential): string[][] {
  return [...kinds]
    .sort(([a], [b]) => order(a) - order(b))
    .map(([kind, { payments, tallyflow, actual }]) => {
      const [origin, field] = kind.split(": ") as [string, string];
      const reason = REASONS[kind];
      if (!reason) throw new Error(`A difference that nobody explained: ${kind}: ${tallyflow} / ${actual}`);
      return [origin, FIELDS[field] ?? field, String(payments), tallyflow, actual, reason];
    });
}

/** Rows of the table of what came of both. */
export function outcomeRows({ tallyflow, actual, payments, entered }: Differential): string[][] {
  const row = (what: string, of: (one: Differential["actual"]) => number) => [
    what,
    String(of(tallyflow)),
    String(of(actual)),
  ];
  return [
    row(
      `rows added by the first import of ${payments} payments, ${entered} of them entered by hand`,
      (one) => one.added[0],
    ),
    row("rows added by the second", (one) => one.added[1]),
    row("payments without a row", (one) => one.lost),
    row("payments with two imported rows", (one) => one.doubled),
    row("payments that took the hand-entered row of another", (one) => one.mistaken),
    row("hand-entered rows that were recognised as no payment", (one) => one.unrecognised),
  ];
}

/** Both tables as the page has them, between its marks. */
export function differencesPart(result: Differential): string {
  const table = (head: readonly string[], rows: readonly string[][]) =>
    [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.map(escaped).join(" | ")} |`).join("\n");
  const outcome = table(["", "Tallyflow", "Actual's import"], outcomeRows(result));
  const head = ["row", "field", "payments", "Tallyflow, for example", "Actual's import", "why"];
  return `${outcome}\n\n${table(head, differenceRows(result))}`;
}

/** The cells of the tables between the marks of the page, without the padding of the formatter. */
export function documentedCells(page: string): string[][] {
  const [, part = ""] = /<!-- differences -->([\s\S]*?)<!-- \/differences -->/.exec(page) ?? [];
  return part
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^\|[\s|:-]+\|$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

const order = (kind: string) => Object.keys(REASONS).indexOf(kind);
const escaped = (text: string) => text.replace(/[\\|*_<]/g, "\\$&").replace(/\s+/g, " ");
