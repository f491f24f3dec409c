import { driftStep, type DriftStepOptions, type DriftSummary, type Seen } from "../../lib/drift";
import { modelName, seededRandom } from "../../lib/learning";
import type { StepContext } from "../../lib/runs";
import {
  classifications,
  models,
  payments,
  queue,
  reviews,
  transactions,
  type Classification,
  type Payment,
  type QueueItem,
  type Review,
  type Store,
  type Transaction,
} from "../../lib/store";
import { importId, queueId } from "../../lib/values";
import { memoryStore, payment, stepContext, TestClock } from "../support/context";
import { paymentsOf, type Household } from "./support";

/** A store in which a model has answered payments, and people have said what they thought of it. */

export const BUDGET = "memory:b";
export const OPTIONS: DriftStepOptions = {
  budgetId: BUDGET,
  recent: 60,
  reference: 200,
  minimum: 30,
  falseAlarms: 0.05,
  alerts: 2,
  cooldownDays: 7,
  keep: 50,
};
/** Much is otherwise than it was. */
export const DRIFTED: Partial<Household> = { wrong: 0.5, abstains: 0.5, novel: 0.4, less: 0.1, shifted: 0.4 };

export class DriftBench {
  readonly clock = new TestClock(Date.parse("2026-03-01T00:00:00.000Z"));
  readonly events: { type: string; data: Record<string, unknown> }[] = [];
  readonly warnings: string[] = [];
  private readonly random = seededRandom(11);
  private planted = 0;

  private constructor(readonly store: Store) {}

  static async open(store?: Store): Promise<DriftBench> {
    return new DriftBench(store ?? (await memoryStore()));
  }

  days(count: number): void {
    this.clock.advance(count * 86_400_000);
  }

  /** Put a version into production, as a training does. */
  async promote(version: string): Promise<void> {
    const id = modelName(BUDGET);
    const collection = this.store.collection(models);
    const moves = (await collection.get(id))?.moves ?? [];
    const move = { alias: "production", version, at: this.clock.now(), reason: "test" };
    await collection.upsertMany([{ id, aliases: { production: version }, moves: [...moves, move] }]);
  }

  /** Payments that the model answers, an hour apart, and what people say of them. */
  async answer(count: number, household: Partial<Household> = {}): Promise<Seen[]> {
    const rows = paymentsOf(count, household, this.random).map((row): Seen => {
      const at = this.clock.now();
      this.clock.advance(3_600_000);
      return { ...row, paymentId: `bank:${this.planted++}`, at };
    });
    await this.plant(rows);
    return rows;
  }

  private async plant(rows: readonly Seen[]): Promise<void> {
    const docs = rows.map((row) => documentsOf(row));
    await this.store.collection(payments).upsertMany(docs.map((one) => one.payment));
    await this.store.collection(classifications).upsertMany(docs.map((one) => one.classification));
    await this.store.collection(queue).upsertMany(docs.map((one) => one.item));
    await this.store.collection(transactions).upsertMany(docs.flatMap((one) => one.transaction ?? []));
    await this.store.collection(reviews).upsertMany(docs.flatMap((one) => one.review ?? []));
  }

  context = (store = this.store): StepContext =>
    stepContext(store, this.clock, {
      emit: async (type, _subject, data) => void this.events.push({ type, data }),
      log: (level, message) => void (level === "warn" && this.warnings.push(message)),
    });

  look(more: Partial<DriftStepOptions> = {}, store = this.store): Promise<DriftSummary> {
    return driftStep(this.context(store), { ...OPTIONS, ...more });
  }
}

const KNOWN = "ALBERT HEIJN";

/** A name of letters alone, since numbers are taken for those of tills. */
function newName(id: string): string {
  const letters = [...id.replace(/\D/g, "")].map((digit) => "abcdefghij"[Number(digit)]).join("");
  return `Nieuwe winkel ${letters}`;
}

function documentsOf({ paymentId, at, answered, guess, confidence, novel, right }: Seen): {
  payment: Payment;
  classification: Classification;
  item: QueueItem;
  transaction?: Transaction;
  review?: Review;
} {
  const id = queueId(paymentId, BUDGET);
  const said = right === null ? undefined : right ? guess! : "c:other";
  const row = payment(paymentId.slice("bank:".length), {
    counterparty: { name: novel ? newName(paymentId) : `${KNOWN} 1234` },
  });
  const nearest = novel ? [] : [{ paymentId: "bank:long-ago", text: `${KNOWN} 9876`, categoryId: guess! }];
  return {
    payment: row,
    classification: {
      id: `${paymentId}|${BUDGET}|v1`,
      paymentId,
      budgetId: BUDGET,
      modelVersion: "v1",
      path: answered ? "model" : "abstain",
      ...(answered ? { categoryId: guess! } : {}),
      confidence,
      top: [{ categoryId: guess!, confidence }],
      reason: "test",
      explanation: { nearest, terms: [] },
      at,
    },
    item: {
      id,
      paymentId,
      budgetId: BUDGET,
      accountId: row.accountId,
      state: answered ? "synced" : "review",
      stateSince: at,
      enqueuedAt: at,
      date: row.date,
      importId: importId(paymentId, BUDGET),
      attempt: 0,
      dueAt: at,
      ...(answered ? { transactionId: `t:${paymentId}` } : {}),
    },
    ...(answered && said
      ? {
          transaction: {
            id: `t:${paymentId}`,
            budgetId: BUDGET,
            accountId: "memory:a1",
            date: row.date,
            amount: row.amount,
            currency: row.currency,
            categoryId: said,
            approved: true,
            deleted: false,
          },
        }
      : {}),
    ...(!answered && said
      ? {
          review: {
            id,
            paymentId,
            budgetId: BUDGET,
            at,
            suggestedCategoryId: guess!,
            chosenCategoryId: said,
          },
        }
      : {}),
  };
}
