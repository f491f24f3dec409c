import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { isCalendarDate } from "../../lib/values";
import { Access, type AccessState } from "./access";
import { Bank, type BankChange } from "./bank";
import type { World } from "./routes";
import { TwinServer } from "./server";
import type { BunqTwin, BunqTwinControl, BunqTwinOptions, Fault, NewTwinPayment } from "./types";

export * from "./types";
export { DOCUMENTED_LIMITS } from "./limits";

/** The bunq id of a household's payment. */
export const bunqPaymentId = (sequence: number): number => Bank.paymentId(sequence);

interface State {
  apiKey: string;
  access: AccessState;
  changes: BankChange[];
  offset: number;
}

const WEEK = 604_800;
const DAY_MS = 86_400_000;

/**
 * An offline twin of bunq's API v1 for a household: real HTTP, real signatures, real limits. It holds no more of the
 * bank than reading accounts and payments needs; nothing can be paid with it.
 */
export async function startBunqTwin(options: BunqTwinOptions): Promise<BunqTwin> {
  const kept = options.stateFile ? load(options.stateFile) : undefined;
  const apiKey = options.apiKey ?? kept?.apiKey ?? `sandbox_${randomBytes(32).toString("hex")}`;
  const sessionSeconds = options.sessionSeconds ?? WEEK;
  const started = Date.now();
  const base = options.now === undefined ? started : Date.parse(options.now);
  if (Number.isNaN(base)) throw new Error(`${options.now} is not an instant`);
  let offset = kept?.offset ?? 0;
  const clock = () => base + (Date.now() - started) + offset;
  // Without a set clock everything can be seen, whatever the household's years.
  const horizon = () => (options.now === undefined ? Math.max(clock(), endOf(options)) : clock());

  const access = new Access(apiKey, sessionSeconds, clock, kept?.access);
  const bank = new Bank(options.household, horizon);
  if (kept) bank.replay(kept.changes);
  const world: World = {
    access,
    bank,
    userType: options.userType ?? "person",
    sessionSeconds,
    userId: 9001,
    newerPages: options.newerPages ?? "next",
    now: clock,
  };
  const save = () => {
    if (options.stateFile)
      store(options.stateFile, { apiKey, access: access.state, changes: bank.changes, offset });
  };
  const server = new TwinServer(world, options, (command) => run(control, command), save);

  const control: BunqTwinControl = {
    addPayment(payment) {
      const id = bank.add(payment);
      save();
      return id;
    },
    changePayment(id, change) {
      bank.change(id, change);
      save();
    },
    expireSessions() {
      access.state.sessions = [];
      save();
    },
    revokeKey() {
      access.state.revoked = true;
      save();
    },
    fault(fault) {
      server.faults.add(fault);
    },
    clearFaults() {
      server.faults.clear();
    },
    advance(time) {
      const by =
        "to" in time
          ? Date.parse(isCalendarDate(time.to) ? `${time.to}T12:00:00Z` : time.to) - clock()
          : (time.days ?? 0) * DAY_MS + (time.hours ?? 0) * 3_600_000 + (time.seconds ?? 0) * 1000;
      if (!(by >= 0)) throw new Error("the twin's clock cannot be turned back");
      offset += by;
      save();
      return new Date(clock()).toISOString();
    },
    get counts() {
      return { ...access.counts, requests: server.requests };
    },
    paymentId: (sequence) => Bank.paymentId(sequence),
    accountId: (key) => bank.accountId(key),
    balance: (key) => bank.balance(key),
    visibleIds(key) {
      const { rows, count } = bank.visible(key);
      return rows.slice(0, count).map(({ id }) => id);
    },
  };
  const origin = await server.listen(options.port ?? 0);
  save();
  return { url: `${origin}/v1`, apiKey, control, stop: () => server.close() };
}

/** A command to `/__control`: `{"action": "advance", "days": 1}`. */
function run(control: BunqTwinControl, command: unknown): unknown {
  const { action, ...rest } = command as { action?: string } & Record<string, unknown>;
  switch (action) {
    case "add-payment":
      return { id: control.addPayment(rest as unknown as NewTwinPayment) };
    case "change-payment":
      return control.changePayment(
        Number(rest["id"]),
        rest["change"] as { description?: string; name?: string },
      );
    case "expire-sessions":
      return control.expireSessions();
    case "revoke-key":
      return control.revokeKey();
    case "fault":
      return control.fault(rest as unknown as Fault);
    case "clear-faults":
      return control.clearFaults();
    case "advance":
      return { now: control.advance(rest as Parameters<BunqTwinControl["advance"]>[0]) };
    case "counts":
      return control.counts;
    default:
      throw new Error(`unknown action ${String(action)}`);
  }
}

function endOf({ household }: BunqTwinOptions): number {
  return Date.parse(household.payments.at(-1)?.instant ?? household.options.until);
}

function load(file: string): State | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as State;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whole or not at all: a twin that dies while it writes keeps the state before. */
function store(file: string, state: State): void {
  writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
