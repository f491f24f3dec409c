import { meaningOf, readingText, SIGNAL_NAMES, valueText } from "../drift";
import { budgetIds, budgets, driftLooks, driftStates, type DriftLook } from "../store";
import { categoryNames } from "./read";
import type { PageOfRows, Row, Sources, ViewRequest } from "./types";

/**
 * What was found at each look at a model, newest look first: one row for each signal, which repeats what is known of the
 * look. `limit` counts looks of a budget. A budget that was watched and has no look yet is one row whose `signal` is null and
 * whose `text` says how much is missing.
 */
export async function readDrift({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const rows: Row[] = [];
  let next: string | undefined;
  const ids = await budgetIds(store, request.budgetId);
  for (const budgetId of ids) {
    const state = await store.collection(driftStates).get(budgetId);
    if (!state) continue;
    const page = await store.collection(driftLooks).find({
      index: "byBudget",
      equals: [budgetId],
      order: "desc",
      limit: request.limit,
      // A page belongs to one budget.
      ...(request.after && ids.length === 1 ? { after: request.after } : {}),
    });
    if (ids.length === 1) next = page.next;
    const budget = (await store.collection(budgets).get(budgetId))?.name ?? null;
    const common = {
      budgetId,
      budget,
      drifting: state.drifting,
      askedAt: state.askedAt ?? null,
      watchedAt: state.at,
      said: state.text ?? null,
    };
    if (page.items.length === 0 && !request.after) {
      const { recent, compared, needed } = state;
      const have = (n: number) => `${Math.min(n, needed)} of ${needed}`;
      rows.push({
        ...common,
        id: budgetId,
        signal: null,
        recent,
        compared,
        needed,
        text: `Not enough yet: ${have(recent)} recent payments, ${have(compared)} to compare with.`,
      });
    }
    const shifts = page.items.flatMap(({ readings }) => readings.flatMap((one) => one.shifts ?? []));
    const names = await categoryNames(store, shifts);
    for (const look of page.items)
      rows.push(
        ...signalRows(look, (id) => names.get(id)?.name ?? null).map((row) => ({ ...row, ...common })),
      );
  }
  return { rows, next };
}

function signalRows(look: DriftLook, nameOf: (categoryId: string) => string | null): Row[] {
  return look.readings.map((reading) => {
    const { signal, state, value, reference, low, high, p, recent, compared, needed, shifts = [] } = reading;
    const moved = shifts
      .filter(({ from, to }) => from !== to)
      .map(
        ({ categoryId, from, to }) =>
          `${nameOf(categoryId) ?? "a category that is gone"} ${valueText(from)} → ${valueText(to)}`,
      );
    return {
      id: `${look.id}|${signal}`,
      lookId: look.id,
      at: look.at,
      version: look.version,
      alerts: look.alerts,
      signal,
      name: SIGNAL_NAMES[signal],
      meaning: meaningOf(signal),
      state,
      value,
      valueText: valueText(value, signal),
      reference,
      low,
      high,
      p,
      recent,
      compared,
      needed,
      text: readingText(reading),
      moved: moved.length > 0 ? moved.join(", ") : null,
    };
  });
}
