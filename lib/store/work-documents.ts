import type { CalendarDate, Id, Instant, Json, StoredError } from "../values";
import type { Doc } from "./port";

/** Runs, models, history, and what several workers share. */

export interface Cursor extends Doc {
  value: Json;
  at: Instant;
}

/** Prefect's states. */
export type RunState =
  | "Scheduled"
  | "Late"
  | "Pending"
  | "Running"
  | "Retrying"
  | "AwaitingRetry"
  | "Paused"
  | "Cancelling"
  | "Completed"
  | "Failed"
  | "Crashed"
  | "Cancelled";

export interface Run extends Doc {
  job: string;
  state: RunState;
  trigger: string;
  parentId?: Id;
  /** Identifies the process, so that a restart can tell its orphans. */
  worker: string;
  startedAt: Instant;
  /** Renewed while it runs; a Running run whose heartbeat is old has crashed. */
  heartbeatAt: Instant;
  endedAt?: Instant;
  durationMs?: number;
  counts: Record<string, number>;
  error?: StoredError;
  /** Append-only. */
  transitions: { state: RunState; at: Instant; message?: string }[];
}

export interface RunStep extends Doc {
  /** The id is `<run id>|<number of the step, four digits>`. */
  runId: Id;
  step: string;
  /** The node that ran it, where a node did. */
  node?: string;
  state: RunState;
  startedAt: Instant;
  endedAt?: Instant;
  durationMs?: number;
  counts: Record<string, number>;
  error?: StoredError;
}

export interface Model extends Doc {
  /** The id is the model's name: `categories:<budget id>`. */
  aliases: { production?: string; candidate?: string; previous?: string };
  /** Who moved which alias, when and why; append-only. */
  moves: ModelMove[];
}

export interface ModelMove {
  alias: string;
  version: string;
  at: Instant;
  reason: string;
  /** It came of going back: what is `previous` by it was found wanting. */
  rolledBack?: boolean;
}

export interface ModelVersion extends Doc {
  /** The id is `<model name>@<version>`. */
  model: string;
  version: string;
  createdAt: Instant;
  /** Trained on the labels as they were known then. Absent: as of when it was made. */
  asOf?: Instant;
  estimator: string;
  parameters: Json;
  featureVersion: number;
  dataHash: string;
  codeVersion: string;
  trainedOn: { examples: number; from: CalendarDate; to: CalendarDate; categories: Id[] };
  metrics: Json;
  threshold: number;
  artifact: { chunks: number; bytes: number; sha256: string };
}

export interface ArtifactChunk extends Doc {
  /** The id is `<model version id>#<six digits>`. */
  model: string;
  data: string;
}

/** What two versions thought of one live payment before anybody said what it is. */
export interface ShadowOutcome extends Doc {
  /** The id is `<payment id>|<budget id>|<version>|<against>`. */
  paymentId: Id;
  budgetId: Id;
  /** Date of the payment. */
  date: CalendarDate;
  /** The version that did not decide ... */
  version: string;
  /** ... and the one in production, which did. */
  against: string;
  at: Instant;
  candidate: ShadowGuess;
  production: ShadowGuess;
}

export interface ShadowGuess {
  /** Its best guess, among the categories that could be given then. */
  categoryId: Id;
  confidence: number;
  /** Was it sure enough to answer? */
  answered: boolean;
}

export interface HistoryRow extends Doc {
  /** The id is the business key while current, `<business key>|<validFrom>` once closed. */
  entity: string;
  key: string;
  validFrom: Instant;
  /** Exclusive; `9999-12-31T00:00:00.000Z` while current. */
  validTo: Instant;
  isCurrent: boolean;
  /** A closed row whose key was deleted at `validTo`. */
  deletedAtEnd: boolean;
  /** Hash of the SCD2 attributes. */
  hash: string;
  /** Attributes whose change makes a new row. */
  attributes: Record<string, Json>;
  /** Attributes that are overwritten in place (SCD1). */
  overwritten: Record<string, Json>;
}

export interface RateBudget extends Doc {
  /** Counts up with each change: the guard of conditional updates. */
  revision: number;
  /** When each call of the running window was made, oldest first, in milliseconds since the epoch. */
  calls: number[];
  /** The provider said: nothing before this instant (milliseconds since the epoch). */
  blockedUntil?: number;
}

export interface Lease extends Doc {
  owner: string;
  until: Instant;
}

export interface StoredEvent extends Doc {
  /** The id is `<instant>|<random>`, so that the order of ids is the order of time. */
  at: Instant;
  type: string;
  subject?: string;
  data: Json;
}
