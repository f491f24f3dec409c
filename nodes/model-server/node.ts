import type { Node, NodeAPI } from "node-red";
import type { BudgetProvider } from "../../lib/budget";
import { ModelRepository, ModelServer, Refusal, type Inferred } from "../../lib/serving";
import { TallyError, toTallyError } from "../../lib/values";
import {
  configNode,
  defineListener,
  httpApp,
  listenerOptions,
  StatusLine,
  type BudgetNode,
  type Lease,
  type OpenStore,
  type OptionsOf,
  type StoreNode,
} from "../runtime";
import { listen } from "./listener";
import { schema } from "./schema";

type Options = OptionsOf<typeof schema>;

/** When the store or the budget does not answer, it is tried again after this long, and twice as long each time. */
const RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 600_000;

/** The constructor of `tally-model-server`: serves the model of a budget over HTTP while it is deployed. */
export function modelServerNode(RED: NodeAPI) {
  return defineListener(RED, (node, config) => new Serving(RED, node, config));
}

class Serving {
  private readonly status: StatusLine;
  private server: ModelServer | undefined;
  private stopListening: (() => void) | undefined;
  private store: Lease<OpenStore> | undefined;
  private opening: Promise<void> = Promise.resolve();
  private retry: NodeJS.Timeout | undefined;
  private retryMs = RETRY_MS;
  private closed = false;
  private shown = "";
  private readonly heard = (event: { type?: string; subject?: string }) => this.movedTo(event);

  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
    private readonly config: Record<string, unknown>,
  ) {
    this.status = new StatusLine(RED, node);
  }

  start(): void {
    try {
      const options = listenerOptions(schema, this.node, this.config);
      const app = httpApp(this.RED, "no model can be served");
      this.server = this.make(options);
      // Without a token it listens all the same, and says to everybody why it refuses.
      this.stopListening = listen(app, options.path, this.server);
      if (!options.token) return this.show("grey", "ring", "off");
      this.RED.events.on("tallyflow:event", this.heard);
      this.opening = this.tryOpen();
    } catch (thrown) {
      this.failed(toTallyError(thrown));
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.stopListening?.();
    this.RED.events.off("tallyflow:event", this.heard);
    clearTimeout(this.retry);
    await this.server?.stop();
    await this.opening;
    await this.store?.release();
    this.status.close();
  }

  private make({ token, maxRows, maxBodyMb }: Options): ModelServer {
    return new ModelServer({
      token,
      maxRows,
      maxBodyBytes: Math.round(maxBodyMb * 1e6),
      inferred: (what) => this.inferred(what),
      failed: (error) => {
        this.node.error(error.message, { tally: this.tally(toTallyError(error)) } as never);
        this.node.debug((error.cause as Error | undefined)?.stack ?? "");
      },
    });
  }

  private async tryOpen(): Promise<void> {
    try {
      const repository = await this.open();
      this.server!.repository = repository;
      this.retryMs = RETRY_MS;
      await this.warm(repository);
    } catch (thrown) {
      const error = toTallyError(thrown);
      if (this.closed) return;
      this.failed(error);
      if (error.code === "CONFIG_INVALID") return;
      this.retry = setTimeout(() => {
        this.opening = this.tryOpen();
      }, this.retryMs);
      this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
    }
  }

  /** The store is held while the node lives; the budget is asked for its id only. */
  private async open(): Promise<ModelRepository> {
    this.store ??= await configNode<StoreNode>(this.RED, this.config, "store").lease();
    const { store } = this.store.value;
    const budget: Lease<BudgetProvider> = await configNode<BudgetNode>(this.RED, this.config, "budget").lease(
      store,
    );
    try {
      return new ModelRepository(store, budget.value.budgetId);
    } finally {
      await budget.release();
    }
  }

  /** Load what is in production, so that the first request does not wait for it. */
  private async warm(repository: ModelRepository): Promise<void> {
    try {
      const { live } = await repository.served(repository.name);
      if (!this.closed) this.serves(live.version);
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      if (!this.closed) this.show("yellow", "ring", "noModel");
    }
  }

  private movedTo({ type, subject }: { type?: string; subject?: string }): void {
    const repository = this.server?.repository;
    const moved = type === "model.promoted" || type === "model.rolled-back";
    if (!moved || !repository || subject !== repository.name) return;
    this.warm(repository).catch((thrown: unknown) => this.node.warn(toTallyError(thrown).message));
  }

  private inferred(what: Inferred): void {
    if (this.closed) return;
    this.serves(what.version);
    const milliseconds = Math.round(what.milliseconds * 100) / 100;
    this.node.send({ payload: { ...what, milliseconds }, tally: { step: "model-server" } } as never);
  }

  private serves(version: string): void {
    if (this.shown !== version) this.show("green", "dot", "serving", { version });
    this.shown = version;
  }

  private show(
    fill: "green" | "yellow" | "grey",
    shape: "dot" | "ring",
    key: "off" | "noModel" | "serving",
    values: Record<string, string> = {},
  ): void {
    this.status.show({ fill, shape, text: this.RED._(`status.${key}`, values) });
  }

  private failed(error: TallyError): void {
    this.shown = "";
    this.status.failed(error);
    this.node.error(error.message, { tally: this.tally(error) } as never);
  }

  private tally(error: TallyError): object {
    return { step: "model-server", error: error.toJSON() };
  }
}
