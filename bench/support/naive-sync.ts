import type { HouseholdPayment } from "../../simulators/household";

/** The budget of a run of the simulators, as their environment names it. */
export interface BudgetTarget {
  url: string;
  token: string;
  plan: string;
  /** Own id of the budget account for each bank account, by IBAN. */
  accounts: ReadonlyMap<string, string>;
}

/**
 * How a script that somebody writes in an evening does it: for each payment one request, one after another, without a
 * store, an import id, matching or a category. Keep-alive, as fetch does by itself.
 * @returns requests made and seconds taken
 */
export async function naiveSync(
  target: BudgetTarget,
  payments: readonly { payment: HouseholdPayment; iban: string }[],
): Promise<{ calls: number; seconds: number }> {
  const started = performance.now();
  let calls = 0;
  for (const { payment, iban } of payments) {
    const answer = await fetch(`${target.url}/plans/${target.plan}/transactions`, {
      method: "POST",
      headers: { authorization: `Bearer ${target.token}`, "content-type": "application/json" },
      body: JSON.stringify({
        transaction: {
          account_id: target.accounts.get(iban),
          date: payment.date,
          amount: payment.amount * 10,
          payee_name: payment.counterparty.name.slice(0, 200),
          memo: payment.description.slice(0, 200),
          cleared: "cleared",
          approved: false,
        },
      }),
    });
    calls++;
    const text = await answer.text();
    if (answer.status !== 201) throw new Error(`The twin answered ${answer.status}: ${text.slice(0, 300)}`);
  }
  return { calls, seconds: (performance.now() - started) / 1000 };
}
