import {
  bankAccounts,
  payments,
  type AccountRules,
  type BankAccount,
  type Payment,
  type Store,
} from "../store";
import { isCalendarDate, localDate, TallyError } from "../values";
import type { AccountMapping } from "./mapping";

/** What a person sets for single bank accounts: see {@link AccountRules}. */

/** One setting of one account, as a table has it. */
export interface AccountRuleLine {
  /** IBAN, id or name of the bank account, as in the mapping. */
  bank: string;
  setting: string;
  value: string;
}

const VALUES: Readonly<Record<keyof AccountRules, readonly string[] | ((text: string) => boolean)>> = {
  pending: ["booked", "write"],
  vanished: ["delete", "keep"],
  sign: ["as-is", "inverted"],
  startDate: isCalendarDate,
  timeZone: isTimeZone,
};

const FORMS: Readonly<Partial<Record<keyof AccountRules, string>>> = {
  startDate: "a date, as YYYY-MM-DD",
  timeZone: "a time zone such as Europe/Amsterdam",
};

/**
 * The mapping with the settings of its accounts.
 * @throws TallyError CONFIG_INVALID for a setting or a value that there is not, or an account that is not mapped
 */
export function withRules(
  mapping: readonly AccountMapping[],
  lines: readonly AccountRuleLine[],
): AccountMapping[] {
  const rules = new Map<string, Record<string, string>>();
  for (const { bank, setting, value } of lines) {
    const allowed = (VALUES as Record<string, (typeof VALUES)[keyof AccountRules] | undefined>)[setting];
    if (!allowed)
      throw new TallyError(
        "CONFIG_INVALID",
        `There is no setting "${setting}" for a bank account. Choose one of ${Object.keys(VALUES).join(", ")}.`,
      );
    const fits = typeof allowed === "function" ? allowed(value) : allowed.includes(value);
    if (!fits) {
      const form =
        typeof allowed === "function" ? FORMS[setting as keyof AccountRules] : allowed.join(" or ");
      throw new TallyError(
        "CONFIG_INVALID",
        `"${value}" is no value of the setting ${setting} of bank account ${bank}. It must be ${form}.`,
      );
    }
    if (!mapping.some((line) => line.bank === bank))
      throw new TallyError(
        "CONFIG_INVALID",
        `The setting ${setting} is for bank account ${bank}, which is not in the account mapping. Name it there in the same words.`,
      );
    rules.set(bank, { ...rules.get(bank), [setting]: value });
  }
  return mapping.map((line) => {
    const own = rules.get(line.bank);
    return own ? { ...line, rules: own as AccountRules } : line;
  });
}

function isTimeZone(name: string): boolean {
  try {
    localDate(0, name);
    return true;
  } catch (thrown) {
    if (thrown instanceof TallyError && thrown.code === "CONFIG_INVALID") return false;
    throw thrown;
  }
}

/** A payment as the provider gives it, with the sign that the user wants for its account. */
export function ruled(payment: Payment, account: BankAccount): Payment {
  const inverted = account.rules?.sign === "inverted";
  return inverted === (payment.inverted ?? false) ? payment : turned(payment, inverted);
}

function turned<P extends Pick<Payment, "amount" | "original" | "balanceAfter" | "inverted">>(
  payment: P,
  inverted: boolean,
): P {
  const { original, balanceAfter } = payment;
  return {
    ...payment,
    amount: -payment.amount || 0,
    ...(original ? { original: { ...original, amount: -original.amount || 0 } } : {}),
    ...(balanceAfter === undefined ? {} : { balanceAfter: -balanceAfter || 0 }),
    inverted: inverted ? true : undefined,
  };
}

const CHUNK = 500;

/**
 * Bring the stored payments of an account to its sign and time zone, where these were changed since. Can be cut off at
 * any point and is then done again: each payment knows its sign.
 */
export async function applyRules(store: Store, account: BankAccount): Promise<number> {
  const sign = account.rules?.sign ?? "as-is";
  const timeZone = account.rules?.timeZone ?? account.timeZone;
  const applied = { sign: "as-is", timeZone: account.timeZone, ...account.applied };
  if (applied.sign === sign && applied.timeZone === timeZone) return 0;
  const collection = store.collection(payments);
  const ids: string[] = [];
  for await (const { id } of collection.scan({ index: "byAccount", equals: [account.id] }, ["raw"]))
    ids.push(id);
  let changed = 0;
  for (let at = 0; at < ids.length; at += CHUNK) {
    const updates = (await collection.getMany(ids.slice(at, at + CHUNK), ["raw"])).flatMap((payment) => {
      const turns = (sign === "inverted") !== (payment.inverted ?? false);
      const { amount, original, balanceAfter, inverted } = turns
        ? turned(payment, sign === "inverted")
        : payment;
      const { instant, date } = payment;
      const told = instant !== undefined && date === localDate(instant, applied.timeZone);
      const moved = told ? localDate(instant, timeZone) : date;
      if (!turns && moved === date) return [];
      return [
        {
          id: payment.id,
          expected: { date, inverted: payment.inverted ?? null },
          set: { date: moved, amount, original, balanceAfter, inverted },
        },
      ];
    });
    changed += (await collection.updateMany(updates)).updatedIds.length;
  }
  await store
    .collection(bankAccounts)
    .updateMany([{ id: account.id, expected: {}, set: { applied: { sign, timeZone }, timeZone } }]);
  return changed;
}
