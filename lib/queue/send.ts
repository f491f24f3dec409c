import type { CreateOutcome } from "../budget";
import { matches, type QueueItem } from "../store";
import { mapInTurns, TallyError, toTallyError } from "../values";
import { keepApart } from "./apart";
import { handBack, isSuspicious, refusal } from "./failure";
import type { Pass } from "./pass";
import { prepare, type Prepared } from "./prepare";
import { readBack } from "./recover";
import { moveItems, type Move } from "./states";
import { take } from "./take";
import { writtenItem, writtenRow } from "./written";

/** Write items to the budget in one request. @throws TallyError when the request failed as a whole */
export async function sendBatch(pass: Pass, items: readonly QueueItem[]): Promise<void> {
  const { ready, ahead, refused } = await prepare(pass, items);
  const { skipped } = pass.result;
  if (ahead.length > 0) skipped["future-date"] = (skipped["future-date"] ?? 0) + ahead.length;
  await moveItems(
    pass.context.store,
    [
      ...ahead.map((item): Move => ({ item, to: "skipped", set: { skipReason: "future-date" } })),
      ...refused.map(({ item, error }) => refusal(pass, item, error)),
    ],
    pass.context.now(),
  );
  await write(pass, await keepApart(pass, ready));
}

async function write(pass: Pass, prepared: readonly Prepared[]): Promise<void> {
  const writes = new Map(prepared.map(({ item, write }) => [item.id, write]));
  const held = await take(
    pass,
    prepared.map(({ item }) => item),
    (item) => {
      const wrote = writes.get(item.id)!;
      const uncleared = wrote.cleared === "uncleared" ? true : undefined;
      return { wrote: writtenItem(wrote), transactionId: undefined, uncleared };
    },
  );
  if (!held) return;
  // What an earlier try may have written: a duplicate is then our own write.
  const earlier = new Map(prepared.map(({ item }) => [item.id, item.wrote]));
  try {
    const outcomes = await pass.budget.create(
      held.items.map((item) => writes.get(item.id)!),
      pass.context.signal,
    );
    await record(pass, held.items, outcomes, earlier);
    pass.result.batchIds.push(held.batchId);
  } catch (thrown) {
    await afterFailure(pass, held.items, toTallyError(thrown));
  }
}

async function record(
  pass: Pass,
  sending: readonly QueueItem[],
  outcomes: readonly CreateOutcome[],
  earlier: ReadonlyMap<string, QueueItem["wrote"]>,
): Promise<void> {
  const { counts } = pass;
  const byImportId = new Map(outcomes.map((outcome) => [outcome.importId, outcome]));
  const moves = await mapInTurns(sending, (item): Move => {
    const outcome = byImportId.get(item.importId);
    if (!outcome) {
      const message = "The budget's answer does not mention this payment.";
      return refusal(pass, item, new TallyError("PROVIDER_MALFORMED", message, { retryable: true }));
    }
    if (outcome.status === "rejected") return refusal(pass, item, asError(outcome));
    const { transactionId } = outcome;
    const known = transactionId ? { transactionId } : {};
    if (outcome.status === "duplicate") {
      counts["duplicates"]!++;
      return { item, to: "synced", set: { ...known, wrote: earlier.get(item.id) } };
    }
    if (item.uncleared && outcome.transaction && transactionId)
      pass.fresh.set(transactionId, outcome.transaction);
    const wrote = outcome.transaction ? { wrote: writtenRow(outcome.transaction) } : {};
    return { item, to: "synced", set: { ...known, ...wrote } };
  });
  const moved = await moveItems(pass.context.store, moves, pass.context.now());
  counts["synced"]! += moved.filter((item) => item.state === "synced").length;
  counts["lost"]! += moves.length - moved.length;
  await reportWrongMatches(pass, sending, outcomes);
}

/**
 * A budget that matches what is imported with what a person entered may take a row that stands for another payment.
 * That cannot be taken back from here, so a person is told.
 */
async function reportWrongMatches(
  { context, result }: Pass,
  sending: readonly QueueItem[],
  outcomes: readonly CreateOutcome[],
): Promise<void> {
  const paymentOf = new Map(sending.map((item) => [item.importId, item.paymentId]));
  const matched = outcomes.flatMap((outcome) =>
    outcome.status === "created" && outcome.matchedWith
      ? [{ row: outcome.matchedWith, paymentId: paymentOf.get(outcome.importId)! }]
      : [],
  );
  if (matched.length === 0) return;
  const known = await context.store.collection(matches).getMany(matched.map(({ row }) => row));
  const standsFor = new Map(known.map((match) => [match.id, match.paymentId]));
  for (const { row, paymentId } of matched) {
    const other = standsFor.get(row);
    if (other === undefined || other === paymentId) continue;
    const message = `The budget matched the payment ${paymentId} with the transaction that stands for the payment ${other}. Take the match apart in the budget, so that both stand.`;
    if (result.problems.length < 20) result.problems.push({ paymentId, message });
    context.log("warn", message);
  }
}

function asError({ error, retryAfterMs }: CreateOutcome & { status: "rejected" }): TallyError {
  const { code, message, retryable, details } = error;
  return new TallyError(code, message, {
    retryable,
    ...(details ? { details } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

async function afterFailure(pass: Pass, sending: readonly QueueItem[], error: TallyError): Promise<void> {
  const inDoubt = ["OUTCOME_UNKNOWN", "CANCELLED", "PROVIDER_MALFORMED"].includes(error.code);
  // Every other error means that nothing was written.
  const missing = inDoubt ? await readBack(pass, sending) : sending;
  if (error.code === "OUTCOME_UNKNOWN" && missing.length === 0) return;
  const [alone] = missing;
  if (alone && isToBlame(pass, sending, error)) {
    await moveItems(pass.context.store, [refusal(pass, alone, error)], pass.context.now());
    return;
  }
  await handBack(pass, missing, error, inDoubt);
  throw error;
}

/** Did a request fail that held a suspect only, while the budget took others in the same pass? */
function isToBlame(pass: Pass, sending: readonly QueueItem[], error: TallyError): boolean {
  const [first] = sending;
  return (
    sending.length === 1 &&
    (first?.setbacks ?? 0) > 0 &&
    pass.result.batchIds.length > 0 &&
    isSuspicious(error)
  );
}
