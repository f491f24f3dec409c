import type { Node, NodeAPI } from "node-red";
import type { BankProvider } from "../../lib/bank";
import type { StatementFileOptions } from "../../lib/bank/statements";
import type { AccountMapping } from "../../lib/queue";
import type { BudgetProvider } from "../../lib/budget";
import type { RunLedger } from "../../lib/runs";
import type { Store } from "../../lib/store";
import { TallyError, type CalendarDate } from "../../lib/values";
import type { Lease } from "./pool";

/** What the config nodes offer to other nodes. Each owns its connection; others lease it while they work. */

/** An open store and its run ledger. */
export interface OpenStore {
  store: Store;
  ledger: RunLedger;
}

export interface StoreNode extends Node {
  /** Opens the store when it is not open. Throws STORE_UNAVAILABLE, STORE_TOO_NEW, CONFIG_INVALID. */
  lease(): Promise<Lease<OpenStore>>;
}

export interface BankNode extends Node {
  /** Opens the connection when it is not open; tokens and rate budgets are kept in the store. */
  lease(store: Store): Promise<Lease<BankProvider>>;
  settings(): BankSettings;
}

/** What a bank node says beside the connection. */
export interface BankSettings {
  /** How statement files are read, for a bank of that kind; `folder` is absolute. Absent for others. */
  statements?: Omit<StatementFileOptions, "files" | "store" | "folder"> & { folder: string };
  /** The page to which banks send people back, when it is not the one of the editor's own address. */
  redirectUrl?: string;
}

export interface BudgetNode extends Node {
  lease(store: Store): Promise<Lease<BudgetProvider>>;
  settings(): BudgetSettings;
}

/** What a person chose for a budget, beside the connection. */
export interface BudgetSettings {
  /** With the rules of the accounts. */
  accounts: AccountMapping[];
  startDate?: CalendarDate | undefined;
  targetPrecision: number;
  policy: "review" | "suggest" | "uncategorised";
}

/** A config node that can say whether its connection works. */
export interface TestableNode extends Node {
  /** What was found, in a few words for people; throws when the connection does not work. */
  testConnection(): Promise<string>;
}

/** One thing to choose in a form. */
export interface ListItem {
  /** What the field holds when it is chosen. */
  value: string;
  /** For people. */
  label: string;
  /** Other texts that name the same thing. */
  also?: string[];
}

/** A config node that can say what there is to choose from behind its connection. */
export interface ListingNode extends Node {
  /** @throws TallyError NOT_FOUND when it has no such list */
  list(name: string): Promise<ListItem[]>;
}

/**
 * The config node that a field of a node points at.
 * @throws TallyError CONFIG_INVALID when none is chosen, or the chosen one is gone or disabled
 */
export function configNode<T extends Node>(
  RED: NodeAPI,
  config: Readonly<Record<string, unknown>>,
  field: "store" | "bank" | "budget",
): T {
  const id = config[field];
  const found = typeof id === "string" && id ? (RED.nodes.getNode(id) as T | null | undefined) : undefined;
  if (!found || !("lease" in found)) {
    throw new TallyError(
      "CONFIG_INVALID",
      id
        ? `The tally-${field} node that this node uses is gone or disabled. Open the node and choose one.`
        : `No ${field} is chosen. Open the node and choose a tally-${field} node.`,
      { details: { fields: [field] } },
    );
  }
  return found;
}

/**
 * A deployed store: the one with this id, or the first there is.
 * @throws TallyError NOT_FOUND
 */
export function storeOf(RED: NodeAPI, id?: string): StoreNode {
  const found: StoreNode[] = [];
  RED.nodes.eachNode((definition) => {
    if (definition.type !== "tally-store" || (id !== undefined && definition.id !== id)) return;
    const node = RED.nodes.getNode(definition.id) as StoreNode | null | undefined;
    if (node) found.push(node);
  });
  const [first] = found;
  if (first) return first;
  throw new TallyError("NOT_FOUND", id ? `There is no tally-store ${id}.` : "No flow has a tally-store yet.");
}
