import { isCalendarDate } from "../../lib/values";
import { Bank, type Row } from "./bank";
import type { Clock } from "./clock";
import type { OAuthServer } from "./oauth";
import { cardActionObject, requestObject } from "./objects";
import { paymentWrapped, type World } from "./routes";
import type { TwinServer } from "./server";
import type { BunqTwinControl } from "./types";

/** What can be done to the twin from outside, and what its customers are called for. */

const DAY_MS = 86_400_000;

interface Parts {
  world: World;
  server: TwinServer;
  oauth: OAuthServer;
  time: Clock;
  save(): void;
}

export function controlOf({ world, server, oauth, time, save }: Parts): BunqTwinControl {
  const { access, bank, cards, orders, callbacks } = world;
  /** Callbacks for rows that came to be seen since then. */
  const tell = (since: number) => {
    save();
    if (callbacks.state.filters.length === 0) return;
    for (const row of bank.seenBetween(since, bank.now()))
      callbacks.announce(eventsOf(row), paymentWrapped(world, row));
  };
  const tellOf = (id: number): number => {
    save();
    const row = bank.accounts.map(({ key }) => bank.find(key, id)).find((each) => each !== undefined);
    if (row) callbacks.announce(eventsOf(row), paymentWrapped(world, row));
    return id;
  };
  const tellOfCard = (id: number): number => {
    save();
    const action = cards.made.find((each) => each.id === id)!;
    const accountId = bank.accountId(action.account);
    const object = cardActionObject(action, bank.accountOf(accountId)!, accountId, bank.now());
    const blocked = action.status === "BLOCKED";
    const event: Event = blocked
      ? ["CARD_TRANSACTION_FAILED", "CARD_TRANSACTION_NOT_ALLOWED"]
      : ["CARD_TRANSACTION_SUCCESSFUL", "CARD_PAYMENT_ALLOWED"];
    callbacks.announce([event], { MasterCardAction: object as { id: number } });
    return id;
  };
  const tellOfRequest = (id: number, eventType: string): number => {
    save();
    const request = orders.state.requests.find((each) => each.id === id)!;
    const accountId = bank.accountId(request.account);
    const object = requestObject(request, bank.accountOf(accountId)!, accountId);
    callbacks.announce([["REQUEST", eventType]], { RequestResponse: object });
    return id;
  };

  return {
    addPayment: (payment) => tellOf(bank.add(payment)),
    changePayment(id, change) {
      bank.change(id, change);
      save();
    },
    rotateId: (id) => tellOf(bank.rotate(id)),
    useCard(action) {
      const used = cards.use(action);
      for (const { id } of used.payments) tellOf(id);
      return tellOfCard(used.id);
    },
    settleCard: (id, amount) => tellOf(cards.settle(id, amount)),
    reverseCard(id) {
      cards.reverse(id);
      save();
    },
    schedulePayment(payment, at) {
      const id = orders.schedule(payment, Date.parse(at));
      save();
      return id;
    },
    request: (request) => tellOfRequest(orders.request(request).id, "REQUEST_RESPONSE_CREATED"),
    acceptRequest(id) {
      const payment = orders.accept(id);
      tellOfRequest(id, "REQUEST_RESPONSE_ACCEPTED");
      return tellOf(payment);
    },
    rejectRequest(id) {
      orders.reject(id);
      tellOfRequest(id, "REQUEST_RESPONSE_REJECTED");
    },
    refuseOAuth(refuse) {
      oauth.refuses = refuse;
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
      callbacks.faults.clear();
    },
    callbackFault(fault) {
      callbacks.faults.add(fault);
    },
    settled: () => callbacks.settled(),
    get filters() {
      return callbacks.state.filters.map(({ category, notification_target: target }) => ({
        category,
        target,
      }));
    },
    addFilter(filter) {
      callbacks.replace([...callbacks.state.filters, filter]);
    },
    get failures() {
      return callbacks.state.failures.map(({ id, category, target }) => ({ id, category, target }));
    },
    advance(to) {
      const by =
        "to" in to
          ? Date.parse(isCalendarDate(to.to) ? `${to.to}T12:00:00Z` : to.to) - time.now()
          : millis(to);
      if (!(by >= 0)) throw new Error("the twin's clock cannot be turned back");
      const since = bank.now();
      const now = time.shift(by);
      tell(since);
      callbacks.pump();
      return now;
    },
    shiftClock(by) {
      const since = bank.now();
      const now = time.shift(millis(by));
      tell(since);
      return now;
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
}

type Event = [category: string, eventType: string];

/** What is said of a payment: in all categories that it belongs to, as bunq does. */
function eventsOf({ amount, bunqType, scheduledId, type }: Row): Event[] {
  const direction = amount < 0 ? "CREATED" : "RECEIVED";
  const events: Event[] = [["MUTATION", `MUTATION_${direction}`]];
  if (bunqType?.[1] !== "REQUEST" && type !== "ideal") events.push(["PAYMENT", `PAYMENT_${direction}`]);
  if (scheduledId !== undefined) events.push(["SCHEDULE_RESULT", "SCHEDULE_RESULT_CREATED"]);
  return events;
}

const millis = ({ days = 0, hours = 0, seconds = 0 }: { days?: number; hours?: number; seconds?: number }) =>
  days * DAY_MS + hours * 3_600_000 + seconds * 1000;
