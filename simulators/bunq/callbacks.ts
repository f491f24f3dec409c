import { FaultList } from "../twin-server";
import { BunqError } from "./errors";
import { timestamp } from "./objects";
import type { CallbackFault } from "./types";

/** Notification filters and the callbacks they lead to. Source: bunq's documentation, "Callbacks". */

interface Filter {
  id: number;
  created: string;
  updated: string;
  category: string;
  notification_target: string;
  [more: string]: unknown;
}

interface Failure {
  id: number;
  category: string;
  event_type: string;
  object_id: number;
  exception_message: string;
  response_code: number | null;
  target: string;
  body: string;
}

export interface CallbacksState {
  filters: Filter[];
  failures: Failure[];
  lastId: number;
}

interface Delivery {
  target: string;
  category: string;
  eventType: string;
  objectId: number;
  body: string;
  tries: number;
  /** Milliseconds since the epoch, on the twin's clock. */
  due: number;
}

/** "it is tried again for a maximum of 5 times, with an interval of one minute between each try". */
const TRIES = 6;
const INTERVAL_MS = 60_000;
const TIME_LIMIT_MS = 10_000;

export class Callbacks {
  readonly faults = new FaultList<CallbackFault>();
  readonly state: CallbacksState;
  #waiting: Delivery[] = [];
  readonly #under = new Set<Promise<void>>();
  readonly #stopped = new AbortController();

  constructor(
    private readonly now: () => number,
    private readonly changed: () => void,
    kept?: CallbacksState,
  ) {
    this.state = kept ?? { filters: [], failures: [], lastId: 5_000_000 };
  }

  /** The whole list of filters is replaced. */
  replace(list: unknown): void {
    if (!Array.isArray(list)) throw new BunqError(400, "Missing mandatory field notification_filters.");
    const at = timestamp(this.now());
    const filters = list.map((each: unknown): Filter => {
      const given = each as Record<string, unknown>;
      const { category, notification_target: target } = given;
      if (typeof category !== "string" || typeof target !== "string" || !/^https?:\/\//.test(target))
        throw new BunqError(400, "The notification filter is not valid.");
      const before = this.state.filters.find(
        (known) => known.category === category && known.notification_target === target,
      );
      const id = before?.id ?? ++this.state.lastId;
      return {
        ...given,
        id,
        created: before?.created ?? at,
        updated: at,
        category,
        notification_target: target,
      };
    });
    this.state.filters = filters;
    this.changed();
  }

  /** Call whoever asked for one of these categories. */
  announce(events: readonly [category: string, eventType: string][], object: Record<string, { id: number }>) {
    for (const [category, eventType] of events) {
      for (const { notification_target: target } of this.state.filters.filter(
        (filter) => filter.category === category,
      )) {
        const content = { target_url: target, category, event_type: eventType, object };
        const body = JSON.stringify({ NotificationUrl: content });
        const objectId = Object.values(object)[0]!.id;
        const delivery = { target, category, eventType, objectId, body, tries: 0, due: this.now() };
        const fault = this.faults.take({ method: category, path: target });
        if (fault?.kind === "drop") continue;
        if (fault?.kind === "fail") {
          this.#giveUp(delivery, null, "Time-out");
          continue;
        }
        const copies = fault?.kind === "repeat" ? (fault.copies ?? 2) : 1;
        for (let copy = 0; copy < copies; copy++) this.#waiting.push({ ...delivery });
      }
    }
    this.pump();
  }

  /** Send what is due by the twin's clock. */
  pump(): void {
    const due = this.#waiting.filter((delivery) => delivery.due <= this.now());
    this.#waiting = this.#waiting.filter((delivery) => delivery.due > this.now());
    for (const delivery of due) {
      const sent: Promise<void> = this.#send(delivery).finally(() => this.#under.delete(sent));
      this.#under.add(sent);
    }
  }

  async settled(): Promise<void> {
    while (this.#under.size > 0) await Promise.all(this.#under);
  }

  /** Send again what was given up. */
  retry(ids: unknown): void {
    if (typeof ids !== "string" || !/^\d+(,\d+)*$/.test(ids))
      throw new BunqError(400, "Missing mandatory field notification_filter_failed_ids.");
    const wanted = new Set(ids.split(",").map(Number));
    if (wanted.size > 100) throw new BunqError(400, "At most 100 ids can be retried at once.");
    const again = this.state.failures.filter(({ id }) => wanted.has(id));
    this.state.failures = this.state.failures.filter(({ id }) => !wanted.has(id));
    for (const { target, category, event_type: eventType, object_id: objectId, body } of again)
      this.#waiting.push({
        target,
        category,
        eventType,
        objectId,
        body,
        tries: TRIES - 1,
        due: this.now(),
      });
    this.changed();
    this.pump();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.settled();
  }

  async #send(delivery: Delivery): Promise<void> {
    let status: number | null = null;
    let problem = "";
    try {
      const answer = await fetch(delivery.target, {
        method: "POST",
        headers: { "Content-Type": "application/json", "User-Agent": "bunq" },
        body: delivery.body,
        redirect: "manual",
        signal: AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(TIME_LIMIT_MS)]),
      });
      await answer.arrayBuffer();
      ({ status } = answer);
      if (answer.ok) return;
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      problem = error instanceof Error ? error.message : String(error);
    }
    const tries = delivery.tries + 1;
    if (tries >= TRIES) this.#giveUp(delivery, status, problem);
    else this.#waiting.push({ ...delivery, tries, due: this.now() + INTERVAL_MS });
  }

  #giveUp(delivery: Delivery, status: number | null, problem: string): void {
    this.state.failures.push({
      id: ++this.state.lastId,
      category: delivery.category,
      event_type: delivery.eventType,
      object_id: delivery.objectId,
      exception_message: problem,
      response_code: status,
      target: delivery.target,
      body: delivery.body,
    });
    this.changed();
  }
}
