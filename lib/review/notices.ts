import { hash, randomBytes } from "node:crypto";
import { payeeName } from "../queue";
import { notices, queue, type Notice, type Store } from "../store";
import { formatAmount, TallyError, type Id, type Instant } from "../values";
import { decide, type Decided } from "./decide";
import { payments } from "./names";
import { waitingIn, type Waiting } from "./similar";
import { describe, type WaitingPayment } from "./waiting";

/**
 * Messages that ask a person to decide, and the answer of a pressed button. What a button sends back is a random token of
 * 128 bits and the number of the button: whoever does not have the message cannot make one up, and the store holds only
 * its hash. A button pressed twice decides once.
 */

/** `tf.`, 22 characters of the token, a dot and a digit: 27 bytes, of the 64 that Telegram gives a button. */
const PRESSED = /^tf\.([A-Za-z0-9_-]{22})\.(\d)$/;
const DAY_MS = 86_400_000;
/** Payments that one message asks about. */
const MOST_ITEMS = 500;
const BATCH = 500;

export interface AnnounceOptions {
  budgetId: Id;
  /** Messages at most; what more waits is told in one message without buttons. 5 when absent. */
  most?: number | undefined;
  /** How long the buttons work; 7 when absent. */
  days?: number | undefined;
}

/** A message for a phone. Texts are plain text: names in them were written by strangers. */
export interface Message {
  title: string;
  text: string;
  actions: { id: string; title: string }[];
  /** Names the message, say to replace or remove it on the phone. It is not what a button sends. */
  token: string;
}

export interface Pressed extends Partial<Decided> {
  /** False where the text is no button of ours. */
  ours: boolean;
  text: string;
}

/**
 * Messages for what has come to wait since the last time, similar payments in one. Each payment is told of once; were the
 * process to stop between this and the sending, it still stands on the dashboard.
 * @throws TallyError STORE_UNAVAILABLE
 */
export async function announce(
  store: Store,
  { budgetId, most = 5, days = 7 }: AnnounceOptions,
  now: () => Instant = () => new Date().toISOString(),
): Promise<Message[]> {
  await forgetExpired(store, now());
  const groups = new Map<string, Waiting[]>();
  for await (const one of waitingIn(store, budgetId)) {
    if (one.item.announcedAt) continue;
    const group = groups.get(one.key);
    if (group) group.push(one);
    else groups.set(one.key, [one]);
  }
  const all = [...groups.values()];
  const told = all.slice(0, most);
  const left = all.slice(most).flat();
  const described = await describe(
    store,
    told.map(([first]) => first!),
  );
  const messages: Message[] = [];
  for (const [at, group] of told.entries()) {
    const asked = group.slice(0, MOST_ITEMS);
    const token = randomBytes(16).toString("base64url");
    const choices = [...described[at]!.top.map(({ categoryId }) => categoryId), null];
    const notice: Notice = {
      id: hashed(token),
      budgetId,
      at: now(),
      expiresAt: new Date(Date.parse(now()) + days * DAY_MS).toISOString(),
      items: asked.map(({ item }) => item.id),
      choices,
    };
    await store.collection(notices).insertMissing([notice]);
    await mark(store, group, now());
    messages.push(messageOf(asked, described[at]!, token));
  }
  if (left.length > 0) {
    await mark(store, left, now());
    const text = `Decide them on the dashboard, on the page Review.`;
    messages.push({ title: `${payments(left.length)} more to review`, text, actions: [], token: "more" });
  }
  return messages;
}

/**
 * A button was pressed: decide what it stands for. Pressed again, it says what was decided.
 * @param id what the button sent back
 * @throws TallyError TOKEN_INVALID for a button that is not known or too old; what `decide` throws
 */
export async function press(
  store: Store,
  id: string,
  now: () => Instant = () => new Date().toISOString(),
): Promise<Pressed> {
  if (!id.startsWith("tf.")) return { ours: false, text: "This is not a button of Tallyflow." };
  const [, token, place] = PRESSED.exec(id) ?? [];
  const notice = token ? await store.collection(notices).get(hashed(token)) : undefined;
  const choice = notice?.choices[Number(place)];
  if (!notice || choice === undefined || notice.expiresAt <= now())
    throw new TallyError(
      "TOKEN_INVALID",
      "This button is not known, or is too old. Decide on the dashboard, on the page Review.",
    );
  // The notice names the act, so that a second press, or another button of the message, finds the first.
  const act = `act:${notice.id.slice(0, 22)}`;
  const decided = await decide(store, { ids: notice.items, categoryId: choice, act }, now);
  return { ours: true, ...decided };
}

function messageOf(asked: readonly Waiting[], newest: WaitingPayment, token: string): Message {
  const { payment, item } = asked[0]!;
  const name = payeeName(payment, { cleanPayees: true }) || "a payment without a name";
  const [best] = newest.top;
  const guess = best
    ? `Perhaps ${best.category} (${Math.round(best.confidence * 100)} %).`
    : "Nothing is suggested.";
  const sum = asked.reduce((total, one) => total + one.payment.amount, 0);
  const same = asked.every((one) => one.payment.currency === payment.currency);
  const amount = same ? `${formatAmount(sum, payment.currency)} ${payment.currency}` : "several currencies";
  const when = asked.length === 1 ? `On ${item.date}.` : `${asked.at(-1)!.item.date} to ${item.date}.`;
  return {
    title: `${name.slice(0, 60)}: ${amount}${asked.length > 1 ? ` (${payments(asked.length)})` : ""}`,
    text: [
      when,
      payment.description
        .replace(/[\s\p{Cc}]+/gu, " ")
        .trim()
        .slice(0, 120),
      guess,
    ]
      .filter(Boolean)
      .join(" "),
    actions: [
      ...newest.top.map(({ category }, at) => ({ id: `tf.${token}.${at}`, title: category.slice(0, 40) })),
      { id: `tf.${token}.${newest.top.length}`, title: "No category" },
    ],
    token: hashed(token).slice(0, 16),
  };
}

/** Only what still waits as it was read: what was decided meanwhile is not marked. */
async function mark(store: Store, waiting: readonly Waiting[], announcedAt: Instant): Promise<void> {
  for (let at = 0; at < waiting.length; at += BATCH)
    await store.collection(queue).updateMany(
      waiting.slice(at, at + BATCH).map(({ item: { id, stateSince } }) => ({
        id,
        expected: { state: "review", stateSince },
        set: { announcedAt },
      })),
    );
}

async function forgetExpired(store: Store, at: Instant): Promise<void> {
  const { items } = await store.collection(notices).find({ index: "byExpiry", to: at, limit: BATCH });
  await store.collection(notices).deleteMany(items.map(({ id }) => id));
}

function hashed(token: string): string {
  return hash("sha256", token, "base64url");
}
