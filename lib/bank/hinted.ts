import type { StepContext } from "../runs";
import { bankAccounts, type BankAccount } from "../store";
import { sourceOf } from "../values";
import { bankExtract, type BankExtractOptions, type BankExtractResult } from "./extract";
import type { BankHint, BankProvider, PaymentPage, PaymentsRequest } from "./port";

/**
 * Extract what hints point at: payments by their ids, or the account from its cursor where only that is known or where
 * the bank does not know the payment (yet). What comes goes the way of every extract, so that a payment which a later
 * extract brings again is written once. Hints at accounts of other connections are left to them; an account that was
 * never seen before means that all are looked at.
 * @throws TallyError as bankExtract does
 */
export async function bankExtractHinted(
  context: StepContext,
  provider: BankProvider,
  hints: readonly BankHint[],
  options: BankExtractOptions,
): Promise<BankExtractResult> {
  const own = hints.filter(({ accountId }) => sourceOf(accountId) === provider.source);
  const ids = [...new Set(own.map(({ accountId }) => accountId))];
  const known = await context.store.collection(bankAccounts).getMany(ids);
  if (known.length < ids.length) return bankExtract(context, provider, options);
  return bankExtract(context, narrowed(provider, own, known), options);
}

/** The provider as if it had nothing but what the hints point at. */
function narrowed(
  provider: BankProvider,
  hints: readonly BankHint[],
  accounts: readonly BankAccount[],
): BankProvider {
  return {
    kind: provider.kind,
    source: provider.source,
    ...(provider.ids ? { ids: provider.ids } : {}),
    get calls() {
      return provider.calls;
    },
    accounts: () => Promise.resolve([...accounts]),
    async *payments(account, request) {
      const own = hints.filter(({ accountId }) => accountId === account.id);
      const ids = own.flatMap(({ paymentId }) => paymentId ?? []);
      if (!provider.refetch || ids.length < own.length) return yield* provider.payments(account, request);
      const page = await refetched(provider, account, ids, request);
      yield page.page;
      if (page.missing) yield* provider.payments(account, request);
    },
    close: () => Promise.resolve(),
  };
}

/** The cursor stays where it is: what lies between it and these payments was not read. */
async function refetched(
  provider: BankProvider,
  account: BankAccount,
  ids: readonly string[],
  { cursor, since, signal }: PaymentsRequest,
): Promise<{ page: PaymentPage; missing: boolean }> {
  const { payments, errors, missing } = await provider.refetch!(account, ids, signal);
  const wanted = payments.filter(({ date }) => since === undefined || date >= since);
  return { page: { payments: wanted, errors, cursor }, missing: missing.length > 0 };
}
