import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { Access, type AccessState } from "./access";
import { Bank, type BankChange } from "./bank";
import { Callbacks, type CallbacksState } from "./callbacks";
import { Cards, type CardAction } from "./cards";
import { Clock } from "./clock";
import { controlOf } from "./control";
import { OAuthServer } from "./oauth";
import { Orders, type OrdersState } from "./orders";
import type { World } from "./routes";
import { TwinServer } from "./server";
import type { BunqTwin, BunqTwinControl, BunqTwinOptions, CallbackFault, Fault } from "./types";

export * from "./types";
export { DOCUMENTED_LIMITS } from "./limits";

/** The bunq id of a household's payment. */
export const bunqPaymentId = (sequence: number): number => Bank.paymentId(sequence);

interface State {
  apiKey: string;
  access: AccessState;
  changes: BankChange[];
  offset: number;
  cards: CardAction[];
  orders: OrdersState;
  callbacks: CallbacksState;
}

const WEEK = 604_800;

/**
 * An offline twin of bunq's API v1 for a household: real HTTP, real signatures, real limits, callbacks that are sent,
 * and OAuth. It holds no more of the bank than reading accounts and payments needs; nothing can be paid with it.
 */
export async function startBunqTwin(options: BunqTwinOptions): Promise<BunqTwin> {
  const kept = options.stateFile ? load(options.stateFile) : undefined;
  const apiKey = options.apiKey ?? kept?.apiKey ?? `sandbox_${randomBytes(32).toString("hex")}`;
  const sessionSeconds = options.sessionSeconds ?? WEEK;
  const time = new Clock(options.now, kept?.offset ?? 0);
  const clock = () => time.now();
  // Without a set clock everything can be seen, whatever the household's years.
  const horizon = () =>
    options.now === undefined ? Math.max(time.reached(), endOf(options)) : time.reached();

  const access = new Access(apiKey, sessionSeconds, clock, kept?.access);
  const bank = new Bank(options.household, horizon, clock);
  if (kept) bank.replay(kept.changes);
  const cards = new Cards(bank, kept?.cards);
  const orders = new Orders(bank, kept?.orders);
  const callbacks = new Callbacks(horizon, () => save(), kept?.callbacks);
  const oauth = new OAuthServer(access, clock, options.redirectUrl);
  const world: World = {
    access,
    bank,
    cards,
    orders,
    callbacks,
    filterShape: options.filterShape ?? "flat",
    userType: options.userType ?? "person",
    sessionSeconds,
    userId: 9001,
    newerPages: options.newerPages ?? "next",
    now: clock,
  };
  const save = () => {
    if (!options.stateFile) return;
    store(options.stateFile, {
      apiKey,
      access: access.state,
      changes: bank.changes,
      offset: time.offset,
      cards: cards.made,
      orders: orders.state,
      callbacks: callbacks.state,
    });
  };
  const server = new TwinServer(world, oauth, options, (command) => run(control, command), save);
  const control = controlOf({ world, server, oauth, time, save });
  const origin = await server.listen(options.port ?? 0);
  save();
  return {
    url: `${origin}/v1`,
    apiKey,
    oauth: { ...oauth.client, authorizeUrl: `${origin}/auth`, tokenUrl: `${origin}/v1/token` },
    control,
    stop: () => server.close(),
  };
}

/** A command to `/__control`: `{"action": "advance", "days": 1}`. */
function run(control: BunqTwinControl, command: unknown): unknown {
  const { action, ...rest } = command as { action?: string } & Record<string, unknown>;
  /** The members of the command as the method's argument; whoever may send commands may also get them wrong. */
  const given = <T>() => rest as unknown as T;
  switch (action) {
    case "add-payment":
      return { id: control.addPayment(given()) };
    case "change-payment":
      return control.changePayment(
        Number(rest["id"]),
        rest["change"] as { description?: string; name?: string },
      );
    case "rotate-id":
      return { id: control.rotateId(Number(rest["id"])) };
    case "use-card":
      return { id: control.useCard(given()) };
    case "settle-card":
      return { id: control.settleCard(Number(rest["id"])) };
    case "expire-sessions":
      return control.expireSessions();
    case "revoke-key":
      return control.revokeKey();
    case "fault":
      return control.fault(given<Fault>());
    case "callback-fault":
      return control.callbackFault(given<CallbackFault>());
    case "clear-faults":
      return control.clearFaults();
    case "advance":
      return { now: control.advance(given()) };
    case "shift-clock":
      return { now: control.shiftClock(given()) };
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
