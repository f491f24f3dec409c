import http from "node:http";
import type { LabelledExample } from "../../lib/learning";
import { rounded } from "../result";

/** A server of the Open Inference Protocol and how it is asked for the categories of payments. */
export interface Target {
  /** Address of the inference of one model. */
  url: string;
  headers: Record<string, string>;
  requestOf(rows: readonly LabelledExample[]): object;
  /** The output whose elements are compared with the labels. */
  output: string;
  /** Elements of that output for each row; the first one is the answer. */
  width: number;
}

export interface LoadFigures {
  requests: number;
  p50Ms: number;
  p99Ms: number;
  /** One connection, one request after the other. */
  requestsPerSecond: number;
  /** Single payments over eight connections at once. */
  requestsPerSecondOf8: number;
  rowsPerSecondBy1000: number;
  rowsPerSecondBy10000: number;
  /** Share of all rows whose best guess was right. */
  accuracy: number;
}

const WARM_UP = 100;
const CONNECTIONS = 8;
/** Requests in batches of a thousand. */
const BATCHES = 10;
/** Payments in the largest request. */
const LARGE = 10_000;

/**
 * Ask a server for the same payments as any other: one by one, over several connections, in batches.
 * @param requests how many single requests are measured
 */
export async function load(
  target: Target,
  rows: readonly LabelledExample[],
  requests: number,
): Promise<LoadFigures> {
  const one = new Connection(target);
  const single = (i: number) => [rows[i % rows.length]!];
  for (let i = 0; i < WARM_UP; i++) await one.ask(single(i));
  const times: number[] = [];
  for (let i = 0; i < requests; i++) times.push((await one.ask(single(i))).ms);
  const singles = times.reduce((sum, ms) => sum + ms, 0) / 1000;
  times.sort((a, b) => a - b);

  const many = Array.from({ length: CONNECTIONS }, () => new Connection(target));
  for (const connection of many) await connection.ask(single(0));
  let next = 0;
  const beganMany = performance.now();
  await Promise.all(
    many.map(async (connection) => {
      while (next < requests) await connection.ask(single(next++));
    }),
  );
  const manySeconds = (performance.now() - beganMany) / 1000;

  const thousand = rows.slice(0, 1_000);
  await one.ask(thousand);
  let thousandMs = 0;
  for (let i = 0; i < BATCHES; i++) thousandMs += (await one.ask(thousand)).ms;

  let tenThousandMs = 0;
  let right = 0;
  let sent = 0;
  for (let from = 0; from < rows.length; from += LARGE) {
    // The last one is filled up with rows from the beginning, which count once.
    const part = Array.from({ length: LARGE }, (_, i) => rows[(from + i) % rows.length]!);
    const { ms, answers } = await one.ask(part);
    tenThousandMs += ms;
    sent += part.length;
    const own = part.slice(0, rows.length - from);
    right += own.filter(({ label }, i) => answers[i * target.width] === label).length;
  }
  for (const connection of [one, ...many]) connection.close();
  return {
    requests,
    p50Ms: rounded(times[Math.floor(times.length * 0.5)]!),
    p99Ms: rounded(times[Math.floor(times.length * 0.99)]!),
    requestsPerSecond: rounded(requests / singles),
    requestsPerSecondOf8: rounded(requests / manySeconds),
    rowsPerSecondBy1000: rounded((BATCHES * thousand.length * 1000) / thousandMs),
    rowsPerSecondBy10000: rounded((sent * 1000) / tenThousandMs),
    accuracy: rounded(right / rows.length),
  };
}

/** One connection that is kept. */
class Connection {
  private readonly agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

  constructor(private readonly target: Target) {}

  /** From the first byte that is sent to the last one that comes; writing and reading the JSON is not counted. */
  async ask(rows: readonly LabelledExample[]): Promise<{ ms: number; answers: unknown[] }> {
    const body = Buffer.from(JSON.stringify(this.target.requestOf(rows)));
    const began = performance.now();
    const { status, text } = await this.send(body);
    const ms = performance.now() - began;
    if (status !== 200) throw new Error(`The server answered ${status}: ${text.slice(0, 300)}`);
    const { outputs } = JSON.parse(text) as { outputs: { name: string; data: unknown[] }[] };
    const found = outputs.find(({ name }) => name === this.target.output);
    if (!found || found.data.length !== rows.length * this.target.width)
      throw new Error(`The answer has no output ${this.target.output} for ${rows.length} rows.`);
    return { ms, answers: found.data };
  }

  close(): void {
    this.agent.destroy();
  }

  private send(body: Buffer): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const headers = {
        ...this.target.headers,
        "Content-Type": "application/json",
        "Content-Length": body.length,
      };
      const request = http.request(
        this.target.url,
        { method: "POST", agent: this.agent, headers },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
          );
        },
      );
      request.on("error", reject);
      request.end(body);
    });
  }
}
