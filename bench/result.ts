/** What a benchmark hands back. Every figure was measured in the run that prints it, unless its name says otherwise. */
export interface BenchResult {
  name: string;
  /** Tallyflow's own figures. */
  ours: Record<string, unknown>;
  /** The same work done by something else, in the same run. */
  peers: Record<string, unknown>;
  /** Ours against a peer or a limit, each named by what is divided by what. */
  ratios: Record<string, number>;
  /** For people: what was skipped, estimated or left out, and why. */
  notes?: string[];
}

/** A benchmark: a module of this folder that the runner loads when it is asked for. */
export interface Bench {
  /** One line for `--help`. */
  summary: string;
  /** What it takes after its name, a line each. */
  options?: string;
  /**
   * @param args what followed the name, without `--json`
   * @param say words on the way, for people
   */
  run(args: readonly string[], say: (text: string) => void): Promise<BenchResult>;
}

/** Rounded for reading: 3 significant digits below 100, whole numbers above. */
export function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
