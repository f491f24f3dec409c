import {
  aliasMoves,
  FEATURE_VERSION,
  liveModel,
  listVersions,
  modelName,
  releaseModel,
  usableCategories,
  type LiveModel,
} from "../learning";
import { models, type Category, type ModelVersion, type Store } from "../store";
import { oneAtATime, type Id, type Json } from "../values";
import { INPUTS, OUTPUTS, quoted, Refusal, type IndexEntry } from "./protocol";

/** `<project>_<format>`, as the protocol wants it: the bytes of a model begin with TFM1. */
const PLATFORM = "tallyflow_tfm1";

/** What an inference needs: the model, and the categories that exist. */
export interface Served {
  live: LiveModel;
  usable: ReadonlyMap<Id, Category>;
}

/**
 * How long what was read of production serves further requests, in milliseconds: a promotion by another process, a
 * correction or a change of the categories counts for all requests that arrive this much later. A promotion by this
 * process counts at once.
 */
const FRESH_MS = 250;

/** The model of one budget's categories as a model repository. */
export class ModelRepository {
  readonly name: string;
  private unloaded = false;
  /** What production was at a time, and after how many moves of aliases. */
  private kept: { at: number; moves: number; served: Served } | undefined;
  private readonly readProduction = oneAtATime(() => this.production());

  constructor(
    private readonly store: Store,
    private readonly budgetId: Id,
  ) {
    this.name = modelName(budgetId);
  }

  /**
   * The model to answer by.
   * @param version an alias or a version; production when absent
   * @throws Refusal 404 for an unknown name or version, 503 when it is unloaded or nothing is in production
   */
  async served(name: string, version?: string): Promise<Served> {
    this.known(name);
    if (this.unloaded)
      throw new Refusal(503, `The model ${this.name} is unloaded. Load it by repository/models/<name>/load.`);
    if (version !== undefined && version !== "production") {
      const served = await this.read(version);
      if (!served) throw this.noVersion(version);
      return served;
    }
    const served = this.fresh() ?? (await this.readProduction());
    if (served) return served;
    if (version !== undefined) throw this.noVersion(version);
    throw new Refusal(503, `The model ${this.name} has no version in production yet. Train it first.`);
  }

  /**
   * Metadata of the model, or of one version of it.
   * @throws Refusal 404
   */
  async metadata(name: string, version?: string): Promise<Json> {
    this.known(name);
    const aliases = await this.aliases();
    const stored = await this.versions();
    const wanted = version === undefined ? aliases.get("production") : (aliases.get(version) ?? version);
    const found = stored.find((one) => one.version === wanted);
    if (version !== undefined && !found) throw this.noVersion(version);
    const properties: Record<string, string> = {
      ...Object.fromEntries(aliases),
      ...(found && {
        version: found.version,
        estimator: found.estimator,
        created_at: found.createdAt,
        trained_on: String(found.trainedOn.examples),
        threshold: String(found.threshold),
      }),
    };
    return {
      name: this.name,
      versions: version === undefined ? stored.map((one) => one.version) : [found!.version],
      platform: PLATFORM,
      inputs: INPUTS as unknown as Json,
      outputs: OUTPUTS as unknown as Json,
      properties,
    };
  }

  /** All versions, oldest first, each with whether it can answer. */
  async index(onlyReady: boolean): Promise<IndexEntry[]> {
    const entries = (await this.versions()).map(({ version, featureVersion }): IndexEntry => {
      const reason = this.unloaded
        ? "unloaded"
        : featureVersion === FEATURE_VERSION
          ? ""
          : "made by another version of Tallyflow";
      return { name: this.name, version, state: reason === "" ? "READY" : "UNAVAILABLE", reason };
    });
    return onlyReady ? entries.filter(({ state }) => state === "READY") : entries;
  }

  /** @throws Refusal 404 for an unknown name, 503 when nothing is in production */
  async load(name: string): Promise<void> {
    this.known(name);
    const before = this.unloaded;
    this.unloaded = false;
    try {
      await this.served(name);
    } catch (thrown) {
      this.unloaded = before;
      throw thrown;
    }
  }

  /** Until it is loaded again, or this server is started again, the model is not served. @throws Refusal 404 */
  unload(name: string): void {
    this.known(name);
    this.unloaded = true;
    this.kept = undefined;
    releaseModel(this.store, this.budgetId);
  }

  private fresh(): Served | undefined {
    const { kept } = this;
    const isFresh = kept && performance.now() - kept.at < FRESH_MS && kept.moves === aliasMoves(this.store);
    return isFresh ? kept.served : undefined;
  }

  private async production(): Promise<Served | undefined> {
    // Both before the reading: what changes meanwhile makes it old.
    const [at, moves] = [performance.now(), aliasMoves(this.store)];
    const served = await this.read();
    this.kept = served && !this.unloaded ? { at, moves, served } : undefined;
    return served;
  }

  /** The model document is read once, the categories at the same time. */
  private async read(version?: string): Promise<Served | undefined> {
    const [live, usable] = await Promise.all([
      liveModel(this.store, this.budgetId, version),
      usableCategories(this.store, this.budgetId),
    ]);
    return live && { live, usable };
  }

  /** @throws Refusal 404 for a name that is none here */
  known(name: string): void {
    if (name !== this.name)
      throw new Refusal(
        404,
        `There is no model ${quoted(name)} here. POST repository/index lists what there is.`,
      );
  }

  private noVersion(version: string): Refusal {
    return new Refusal(404, `The model ${this.name} has no version ${quoted(version)}.`);
  }

  private versions(): Promise<ModelVersion[]> {
    return listVersions(this.store, this.name);
  }

  private async aliases(): Promise<Map<string, string>> {
    const model = await this.store.collection(models).get(this.name);
    return new Map(Object.entries(model?.aliases ?? {}));
  }
}
