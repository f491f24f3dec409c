import type { Node, NodeAPI } from "node-red";
import type { BankHint, BankProvider, BankWebhooks } from "../../lib/bank";
import { addressRanges } from "../../lib/http";
import { cursors, type Store } from "../../lib/store";
import { sha256, TallyError, toTallyError } from "../../lib/values";
import {
  configNode,
  defineListener,
  httpApp,
  listenerOptions,
  StatusLine,
  type BankNode,
  type Lease,
  type OpenStore,
  type OptionsOf,
  type StoreNode,
} from "../runtime";
import { HintBuffer } from "./hints";
import { listen } from "./receiver";
import { rangesOf, schema } from "./schema";

type Options = OptionsOf<typeof schema>;

/** When the bank or the store does not answer, it is tried again after this long, and twice as long each time. */
const RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 3_600_000;
/** Left of Node-RED's own close time-out for giving back. */
const CLOSE_MARGIN_MS = 1_000;

/** The constructor of `tally-bank-webhook`: hears the bank's callbacks and sends on what to look at. */
export function webhookNode(RED: NodeAPI) {
  return defineListener(RED, (node, config) => new Webhook(RED, node, config));
}

/** What is open while the node listens. */
interface Open {
  webhooks: BankWebhooks;
  mayCall(address: string | undefined): boolean;
  store: Store;
}

class Webhook {
  private readonly status: StatusLine;
  private readonly abort = new AbortController();
  private readonly leases: Lease<unknown>[] = [];
  private readonly hints: HintBuffer;
  private options: Options | undefined;
  private open: Open | undefined;
  private opening: Promise<void> = Promise.resolve();
  private stopListening: (() => void) | undefined;
  private retry: NodeJS.Timeout | undefined;
  private retryMs = RETRY_MS;
  private registered = false;
  private heard = 0;
  private warned = false;

  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
    private readonly config: Record<string, unknown>,
  ) {
    this.status = new StatusLine(RED, node);
    this.hints = new HintBuffer((hints) => this.send(hints));
  }

  start(): void {
    try {
      const options = listenerOptions(schema, this.node, this.config);
      const { secret } = options;
      if (!secret) return this.show("grey", "ring", "status.off");
      this.options = options;
      const trusted = addressRanges(rangesOf(options.trustedProxies ?? ""));
      const app = httpApp(this.RED, "no bank can call it");
      this.stopListening = listen(app, {
        secretHash: sha256(secret),
        // Until it is known who may call, everybody is asked to come again later; nothing is taken.
        mayCall: (address) => this.open?.mayCall(address) ?? true,
        isTrustedProxy: trusted,
        refused: (address) => this.refused(address),
        take: (body) => this.take(body),
      });
      this.opening = this.tryOpen(options);
    } catch (thrown) {
      this.failed(toTallyError(thrown));
    }
  }

  /** Stop listening; a node that is gone for good also tells the bank to call no more. */
  async close(removed: boolean): Promise<void> {
    this.stopListening?.();
    this.abort.abort();
    clearTimeout(this.retry);
    this.hints.clear();
    await this.opening;
    try {
      if (removed && this.registered && this.open) await this.unregister(this.open);
    } finally {
      await this.giveBack();
      this.status.close();
    }
  }

  private async tryOpen(options: Options): Promise<void> {
    try {
      this.open ??= await this.openAll(options);
      await this.register(this.open, options);
      this.retryMs = RETRY_MS;
      this.listening();
    } catch (thrown) {
      const error = toTallyError(thrown);
      if (this.abort.signal.aborted) return;
      this.failed(error);
      if (!this.open) await this.giveBack();
      if (error.code === "CONFIG_INVALID") return;
      this.retry = setTimeout(() => {
        this.opening = this.tryOpen(options);
      }, this.retryMs);
      this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
    }
  }

  /** Held while the node lives: on its removal the bank must still be told, whatever else is removed with it. */
  private async openAll(options: Options): Promise<Open> {
    const store: Lease<OpenStore> = await configNode<StoreNode>(this.RED, this.config, "store").lease();
    this.leases.push(store);
    const bankNode = configNode<BankNode>(this.RED, this.config, "bank");
    const bank: Lease<BankProvider> = await bankNode.lease(store.value.store);
    this.leases.push(bank);
    const { webhooks } = bank.value;
    if (!webhooks)
      throw new TallyError(
        "CONFIG_INVALID",
        "This bank connection has no callbacks; bunq has. Remove this node, or choose another bank.",
        { details: { fields: ["bank"] } },
      );
    const ranges = options.sources ? rangesOf(options.sources) : webhooks.ranges;
    if (ranges.length === 0)
      throw new TallyError(
        "CONFIG_INVALID",
        'The bank does not say from which addresses it calls (bunq\'s sandbox does not). Enter them under "Callers"; 0.0.0.0/0, ::/0 lets anyone call who knows the secret.',
        { details: { fields: ["sources"] } },
      );
    return { webhooks, mayCall: addressRanges(ranges), store: store.value.store };
  }

  /** Have the bank call here, where an address is set; an address or a secret of before is not called any more. */
  private async register({ webhooks, store }: Open, options: Options): Promise<void> {
    const kept = await store.collection(cursors).get(this.keptId);
    const before = (kept?.value as { target?: unknown } | undefined)?.target;
    const isBefore = (url: string) => sha256(url) === before;
    const { signal } = this.abort;
    if (!options.publicUrl) {
      if (before === undefined) return;
      await webhooks.unregister(isBefore, signal);
      await store.collection(cursors).deleteMany([this.keptId]);
      return;
    }
    const url = targetOf(options);
    await webhooks.register(url, { replaces: (other) => other !== url && isBefore(other), signal });
    const value = { target: sha256(url) };
    await store.collection(cursors).upsertMany([{ id: this.keptId, value, at: new Date().toISOString() }]);
    this.registered = true;
    const missed = await webhooks.replay(url, signal);
    if (missed > 0) this.node.log(`The bank sends ${missed} callbacks again that did not arrive.`);
  }

  private async unregister({ webhooks, store }: Open): Promise<void> {
    const settings = this.RED.settings as { nodeCloseTimeout?: number };
    const limit = Math.max((settings.nodeCloseTimeout ?? 15_000) - CLOSE_MARGIN_MS, 100);
    const url = targetOf(this.options!);
    await webhooks.unregister((other) => other === url, AbortSignal.timeout(limit));
    await store.collection(cursors).deleteMany([this.keptId]);
  }

  /** Among the cursors, and only as a hash: the address holds the secret. */
  private get keptId(): string {
    return `webhook:${this.node.id}`;
  }

  private take(body: unknown): boolean {
    if (!this.open || this.abort.signal.aborted) return false;
    const hints = this.open.webhooks.hintsOf(body);
    this.heard++;
    this.hints.add(hints, this.options!.debounceSeconds * 1000);
    this.listening();
    return true;
  }

  private send(hints: BankHint[]): void {
    if (this.abort.signal.aborted) return;
    const payments = hints.filter(({ paymentId }) => paymentId !== undefined).length;
    const accounts = new Set(hints.map(({ accountId }) => accountId)).size;
    this.node.send({
      payload: { accounts, payments },
      tally: { job: this.options!.job, trigger: "webhook", hint: hints },
    } as never);
  }

  /** Said once: it may be a stranger who tries, or a proxy that is not trusted yet. */
  private refused(address: string): void {
    if (this.warned) return;
    this.warned = true;
    const message = `A callback with the right secret came from ${address || "nowhere"} and was refused. If that is a reverse proxy of yours, enter it under "Trusted proxies"; if it is the bank, under "Callers".`;
    this.node.warn(message);
    this.show("yellow", "ring", "status.refused", { address });
  }

  private listening(): void {
    const shape = this.registered ? "dot" : "ring";
    if (this.heard > 0) this.show("green", shape, "status.heard", { n: String(this.heard) });
    else this.show("green", shape, this.registered ? "status.registered" : "status.listening");
  }

  private show(
    fill: "green" | "yellow" | "grey",
    shape: "dot" | "ring",
    key: string,
    values: Record<string, string> = {},
  ): void {
    this.status.show({ fill, shape, text: this.RED._(key, values) });
  }

  private failed(error: TallyError): void {
    this.status.failed(error);
    this.node.error(error.message, { tally: { step: "bank-webhook", error: error.toJSON() } } as never);
  }

  private async giveBack(): Promise<void> {
    // The store came first and is given back last: the bank writes to it while it closes.
    for (const lease of this.leases.splice(0).reverse()) await lease.release();
  }
}

function targetOf({ publicUrl, secret }: Options): string {
  return `${publicUrl!.replace(/\/+$/, "")}/tallyflow/hook/${secret}`;
}
