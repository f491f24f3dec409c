import { budgetExtract } from "../../lib/budget";
import { openActual } from "../../lib/budget/actual";
import { matchStep } from "../../lib/matching";
import { enqueue, moveItems, queueSync } from "../../lib/queue";
import {
  bankAccounts,
  matches,
  payments as paymentsOf,
  queue,
  type Payment,
  type QueueItem,
  type Store,
} from "../../lib/store";
import { makeId, ownId, queueId, type Id } from "../../lib/values";
import { makeHousehold, type Household, type HouseholdPayment } from "../../simulators/household";
import type { ActualServer } from "../servers/actual";
import type { ActualClient, CreatedBudget } from "../servers/actual-client";
import { memoryStore, stepContext, TestClock } from "../support/context";
import { optionsFor } from "./actual-fixture";

/**
 * The same payments imported twice by Tallyflow and twice by Actual's own import, into two budgets of a real server
 * that hold the same hand-entered transactions, and what then differs row by row.
 */

export const PAYMENTS = 5000;
/** So many days at the begin were entered by hand in both budgets. */
const ENTERED_DAYS = 45;

/** A row of a budget as Actual's database has it, with the names that ids stand for. */
interface Row {
  id: string;
  account: string;
  accountName: string;
  date: number;
  amount: number;
  payee: string | null;
  importedPayee: string | null;
  notes: string | null;
  category: string | null;
  importedId: string | null;
  cleared: number;
  transfer: string | null;
}

interface Budget {
  rows: Row[];
  /** Payment -> the row that stands for it. */
  rowOf: Map<number, Row>;
  added: [first: number, second: number];
}

export interface Differential {
  payments: number;
  entered: number;
  tallyflow: Outcome;
  actual: Outcome;
  /** Kind of difference -> in how many payments, with one of them. */
  kinds: Map<string, Kind>;
}

/** A field that differs, of rows of one origin. */
export interface Kind {
  payments: number;
  /** What both have in the first of them. */
  tallyflow: string;
  actual: string;
}

export interface Outcome {
  rows: number;
  /** Rows that the first and the second import added. */
  added: [first: number, second: number];
  /** Payments without a row, and imported rows beyond one for each payment. */
  lost: number;
  doubled: number;
  /** Hand-entered rows that were recognised as no payment, so that theirs stands beside them. */
  unrecognised: number;
  /** Payments whose row is the hand-entered one of another payment. */
  mistaken: number;
}

const ROWS = `SELECT t.id, t.account, own.name AS accountName, t.date, t.amount, t.notes, c.name AS category, t.imported_id AS importedId,
    t.cleared, t.imported_payee AS importedPayee, COALESCE(a.name, p.name) AS payee,
    CASE WHEN t.transfer_id IS NULL THEN NULL ELSE a.name END AS transfer
  FROM v_transactions_internal_alive t LEFT JOIN payees p ON p.id = t.payee
    LEFT JOIN accounts a ON a.id = p.transfer_acct LEFT JOIN categories c ON c.id = t.category
    LEFT JOIN accounts own ON own.id = t.account
  WHERE t.parent_id IS NULL`;

/** Import both ways and compare. Takes about a minute. */
export async function differential(server: ActualServer): Promise<Differential> {
  const household = makeHousehold({
    seed: 11,
    scale: 2,
    from: "2023-01-01",
    until: "2025-12-31",
    budgetedUntil: "2025-12-31",
  });
  const booked = household.payments.filter((payment) => payment.status === "booked").slice(0, PAYMENTS);
  const [mine, theirs] = [
    await World.make(server, household, booked),
    await World.make(server, household, booked),
  ];
  // Each in processes of its own, so that two cores do both at once.
  const [tallyflow, actual] = await Promise.all([byTallyflow(server, mine), byActual(theirs)]);
  return {
    payments: booked.length,
    entered: mine.entered.size,
    tallyflow: outcomeOf(mine, tallyflow),
    actual: outcomeOf(theirs, actual),
    kinds: kindsOf(booked, tallyflow, actual),
  };
}

/** A budget with accounts, categories and what people entered by hand. */
class World {
  /** Row of a hand-entered transaction -> the payment it stands for. */
  readonly entered = new Map<string, number>();

  private constructor(
    readonly household: Household,
    readonly booked: readonly HouseholdPayment[],
    readonly client: ActualClient,
    readonly created: CreatedBudget,
  ) {}

  static async make(
    server: ActualServer,
    household: Household,
    booked: readonly HouseholdPayment[],
  ): Promise<World> {
    const client = await server.client();
    const groups: Record<string, string[]> = {};
    for (const { group, name } of household.categories) (groups[group] ??= []).push(name);
    const created = await client.createBudget({
      name: "Differential",
      accounts: household.accounts.map(({ name }) => ({ name })),
      categories: groups,
    });
    const world = new World(household, booked, client, created);
    await world.enter();
    return world;
  }

  account(key: string): string {
    return this.created.accounts[this.household.accounts.find((one) => one.key === key)!.name]!;
  }

  category(key: string): string {
    return this.created.categories[this.household.categories.find((one) => one.key === key)!.name]!;
  }

  rows(): Promise<Row[]> {
    return this.client.sql<Row>(ROWS);
  }

  private async enter(): Promise<void> {
    const until = this.booked.find(
      ({ date }) => daysFrom(this.booked[0]!.date, date) > ENTERED_DAYS,
    )!.sequence;
    const known = new Set(this.booked.map(({ sequence }) => sequence));
    const entries = this.household.entries.filter(
      ({ payment, transferTo }) => payment < until && known.has(payment) && !transferTo,
    );
    for (const { key } of this.household.accounts) {
      const own = entries.filter((entry) => entry.account === key);
      await this.client.call(
        "addTransactions",
        this.account(key),
        own.map((entry) => ({
          date: entry.date,
          amount: entry.amount,
          payee_name: entry.payee,
          notes: `entered ${entry.payment}`,
          ...(entry.category ? { category: this.category(entry.category) } : {}),
        })),
        { runTransfers: false, learnCategories: false },
      );
    }
    for (const row of await this.rows()) {
      const payment = /^entered (\d+)$/.exec(row.notes ?? "")?.[1];
      if (payment !== undefined) this.entered.set(row.id, Number(payment));
    }
    await this.client.sync();
  }
}

async function byActual(world: World): Promise<Budget> {
  const run = async (): Promise<number> => {
    let added = 0;
    for (const { key } of world.household.accounts) {
      const own = world.booked.filter((payment) => payment.account === key);
      const result = (await world.client.call(
        "importTransactions",
        world.account(key),
        own.map(({ date, amount, counterparty, description, sequence }) => ({
          date,
          amount,
          payee_name: counterparty.name,
          notes: description,
          imported_id: String(sequence),
          cleared: true,
        })),
      )) as { added: string[] };
      added += result.added.length;
    }
    return added;
  };
  const added: [number, number] = [await run(), await run()];
  const rows = await world.rows();
  const rowOf = new Map<number, Row>();
  for (const row of rows) if (row.importedId) rowOf.set(Number(row.importedId), row);
  return { rows, rowOf, added };
}

const BANK = "household";
const paymentId = (sequence: number): Id => makeId(BANK, sequence);

async function byTallyflow(server: ActualServer, world: World): Promise<Budget> {
  const provider = await openActual({ ...optionsFor(server), syncId: world.created.syncId });
  const clock = new TestClock(Date.parse(`${world.booked.at(-1)!.date}T23:00:00Z`) + 86_400_000);
  const { budgetId } = provider;
  const mapping = world.household.accounts.map(({ key }) => ({
    bank: makeId(BANK, key),
    budget: world.account(key),
  }));
  const payments = world.booked.map((payment) => asPayment(payment, world.household));
  const categories = new Map(world.booked.map(({ sequence, category }) => [paymentId(sequence), category]));

  const pass = async (store: Store): Promise<void> => {
    const context = stepContext(store, clock);
    await store.collection(bankAccounts).upsertMany(
      world.household.accounts.map(({ key, iban, name, currency }) => ({
        id: makeId(BANK, key),
        source: BANK,
        iban,
        name,
        currency,
        timeZone: world.household.timeZone,
      })),
    );
    await store.collection(paymentsOf).upsertMany(payments);
    await enqueue(store, budgetId, payments, clock.now());
    await budgetExtract(context, provider);
    await matchStep(context, { budgetId, mapping });
    const { items } = await store
      .collection(queue)
      .find({ index: "byState", equals: [budgetId, "new"], limit: PAYMENTS });
    await moveItems(
      store,
      items.map((item) => {
        const key = categories.get(item.paymentId);
        const categoryId = key ? makeId("actual", world.category(key)) : null;
        return {
          item,
          to: "classified" as const,
          set: { categoryId, confidence: 0.9, reason: "seen before" },
        };
      }),
      clock.now(),
    );
    await queueSync(context, provider, { worker: "differential", mapping });
    await budgetExtract(context, provider);
    await matchStep(context, { budgetId, mapping });
  };

  const [first, second] = [await memoryStore(), await memoryStore()];
  const before = (await world.rows()).length;
  await pass(first);
  await world.client.sync();
  const between = (await world.rows()).length;
  // The second time nothing is remembered: what stands is told by the budget alone.
  await pass(second);
  await provider.close();
  await world.client.sync();
  const rows = await world.rows();
  const rowOf = await standingFor(first, budgetId, world, rows);
  await first.close();
  await second.close();
  return { rows, rowOf, added: [between - before, rows.length - between] };
}

/** Payment -> row, by the match, else as the other side of the transfer that its counterpart was written as. */
async function standingFor(
  store: Store,
  budgetId: Id,
  world: World,
  rows: readonly Row[],
): Promise<Map<number, Row>> {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const rowOf = new Map<number, Row>();
  for await (const match of store.collection(matches).scan({ index: "byBudget", equals: [budgetId] })) {
    const row = byId.get(ownId(match.id));
    if (row) rowOf.set(Number(ownId(match.paymentId)), row);
  }
  const others = await world.client.sql<{ id: string; other: string }>(
    "SELECT id, transfer_id AS other FROM v_transactions_internal_alive WHERE transfer_id IS NOT NULL",
  );
  const otherOf = new Map(others.map(({ id, other }) => [id, other]));
  for (const { sequence } of world.booked) {
    if (rowOf.has(sequence)) continue;
    const item: QueueItem | undefined = await store
      .collection(queue)
      .get(queueId(paymentId(sequence), budgetId));
    const lead = item?.transferPaymentId ? rowOf.get(Number(ownId(item.transferPaymentId))) : undefined;
    const row = lead && byId.get(otherOf.get(lead.id) ?? "");
    if (row) rowOf.set(sequence, row);
  }
  return rowOf;
}

function asPayment(payment: HouseholdPayment, household: Household): Payment {
  return {
    id: paymentId(payment.sequence),
    source: BANK,
    accountId: makeId(BANK, payment.account),
    status: "booked",
    date: payment.date,
    amount: payment.amount,
    currency: household.accounts.find(({ key }) => key === payment.account)!.currency,
    counterparty: payment.counterparty,
    description: payment.description,
    raw: null,
    fetchedAt: payment.instant,
  };
}

function outcomeOf(world: World, { rows, rowOf, added }: Budget): Outcome {
  const used = new Set([...rowOf.values()].map((row) => row.id));
  let mistaken = 0;
  for (const [sequence, row] of rowOf) {
    const entered = world.entered.get(row.id);
    if (entered !== undefined && !isSame(world, entered, sequence)) mistaken++;
  }
  const missing = world.booked.filter(({ sequence }) => !rowOf.has(sequence)).length;
  const unused = rows.filter((row) => !used.has(row.id));
  const unrecognised = unused.filter((row) => world.entered.has(row.id)).length;
  const doubled = unused.length - unrecognised;
  return { rows: rows.length, added, lost: missing, doubled, unrecognised, mistaken };
}

/** Is it the same payment, or one that nobody can tell from it: same account, day, amount and name? */
function isSame({ booked }: World, one: number, other: number): boolean {
  const find = (sequence: number) => booked.find((payment) => payment.sequence === sequence)!;
  const [a, b] = [find(one), find(other)];
  return a.account === b.account && a.amount === b.amount && a.counterparty.name === b.counterparty.name;
}

type Field =
  | "accountName"
  | "date"
  | "amount"
  | "payee"
  | "importedPayee"
  | "notes"
  | "category"
  | "importedId"
  | "cleared"
  | "transfer";
const FIELDS: readonly Field[] = [
  "accountName",
  "date",
  "amount",
  "payee",
  "importedPayee",
  "notes",
  "category",
  "importedId",
  "cleared",
  "transfer",
];

function kindsOf(booked: readonly HouseholdPayment[], mine: Budget, theirs: Budget): Map<string, Kind> {
  const kinds: Map<string, Kind> = new Map();
  for (const { sequence } of booked) {
    const [a, b] = [mine.rowOf.get(sequence), theirs.rowOf.get(sequence)];
    if (!a || !b) {
      count(kinds, "row", a ? "a row" : "none", b ? "a row" : "none");
      continue;
    }
    const origin = isOther(a) ? "other side of a transfer" : isWritten(a) ? "written" : "entered by hand";
    for (const field of FIELDS) {
      // Which of two equal ones that were entered by hand stands for which payment is all the same.
      if (field === "notes" && origin === "entered by hand" && areEqual(booked, a, b)) continue;
      if (a[field] !== b[field]) count(kinds, `${origin}: ${field}`, shown(a[field]), shown(b[field]));
    }
  }
  return kinds;
}

const isWritten = (row: Row) => row.importedId?.startsWith("TF1:") ?? false;
const isOther = (row: Row) => row.transfer !== null && !isWritten(row);

/** Were these rows entered by hand for payments that nobody can tell apart? */
function areEqual(booked: readonly HouseholdPayment[], one: Row, other: Row): boolean {
  const paymentOf = ({ notes }: Row) => booked.find(({ sequence }) => notes === `entered ${sequence}`);
  const [a, b] = [paymentOf(one), paymentOf(other)];
  return (
    a !== undefined && b !== undefined && a.date === b.date && a.counterparty.name === b.counterparty.name
  );
}

/** Our import ids follow from the id of the budget, which is another in each run. */
const shown = (value: string | number | null) => String(value ?? "nothing").replace(/^TF1:.*/, "TF1:…");

function count(kinds: Map<string, Kind>, kind: string, tallyflow: string, actual: string): void {
  const known = kinds.get(kind);
  if (known) known.payments++;
  else kinds.set(kind, { payments: 1, tallyflow, actual });
}

function daysFrom(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 86_400_000;
}
