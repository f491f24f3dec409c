import {
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
 * The model of one budget's categories as a model repository. Which version is in production, what was decided in
 * review and which categories there are is read anew for each request, once; requests that wait share a read. So a
 * promotion or a correction counts for every request that arrives after it.
 */
export class ModelRepository {
  readonly name: string;
  private unloaded = false;
  private readonly categories: () => Promise<Map<Id, Category>>;

  constructor(
    private readonly store: Store,
    private readonly budgetId: Id,
  ) {
    this.name = modelName(budgetId);
    this.categories = oneAtATime(() => usableCategories(store, budgetId));
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
    // At once: neither needs the other.
    const [live, usable] = await Promise.all([
      liveModel(this.store, this.budgetId, version),
      this.categories(),
    ]);
    if (live) return { live, usable };
    if (version !== undefined) throw this.noVersion(version);
    throw new Refusal(503, `The model ${this.name} has no version in production yet. Train it first.`);
  }

  /**
   * Load the version in production, where there is one; it is undefined where there is none.
   * @throws TallyError MODEL_MISSING when it is damaged
   */
  async production(): Promise<string | undefined> {
    if (this.unloaded) return undefined;
    return (await liveModel(this.store, this.budgetId))?.version;
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
    releaseModel(this.store, this.budgetId);
  }

  private known(name: string): void {
    if (name !== this.name)
      throw new Refusal(404, `There is no model ${quoted(name)} here. POST repository/index lists what there is.`);
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
