import { timingSafeEqual } from "node:crypto";
import { createRequire } from "node:module";
import { calendarDate, sha256, toTallyError, type Json } from "../values";
import { parseBody, readBody, tooLarge, writeInferResponse } from "./body";
import { infer } from "./infer";
import { readInferRequest } from "./infer-request";
import { Refusal } from "./protocol";
import type { ModelRepository } from "./repository";

/** A request as it came, without anything of the web framework that took it. */
export interface ServingRequest {
  method: string;
  /** Below the server's own path and still encoded: `/models/x/infer`. */
  path: string;
  /** The header `Authorization`. */
  authorization: string | undefined;
  /** The header `Content-Length`, where there is one. */
  contentLength: number | undefined;
  /** The header `Content-Encoding`. */
  contentEncoding: string | undefined;
  body: AsyncIterable<Uint8Array>;
  /** The body as JSON, where somebody has read it already. */
  parsed?: unknown;
  /** Did the caller go away? Then there is nobody to answer. */
  isGone(): boolean;
}

export interface ServingAnswer {
  status: number;
  headers: Record<string, string>;
  body: readonly Buffer[];
}

/** What became of an inference, for whoever watches the server. */
export interface Inferred {
  model: string;
  version: string;
  rows: number;
  abstained: number;
  milliseconds: number;
}

export interface ServingOptions {
  /** Nothing is served without one: all requests are refused. */
  token: string | undefined;
  maxRows: number;
  maxBodyBytes: number;
  inferred?(what: Inferred): void;
  /** A failure that is no refusal; the caller is told only that there was one. */
  failed?(error: Error): void;
}

const { version: PACKAGE_VERSION } = createRequire(__filename)("../../../package.json") as {
  version: string;
};
/** Bodies that are held at the same time, in multiples of the largest one. */
const BODIES = 8;
const EXTENSIONS = ["model_repository"];
const HEADERS = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
};

const MORE_HEADERS: Partial<Record<Refusal["status"], Record<string, string>>> = {
  401: { "WWW-Authenticate": "Bearer" },
  503: { "Retry-After": "5" },
};

/** Answers requests of the Open Inference Protocol. It knows no web framework and no Node-RED. */
export class ModelServer {
  /** What is served; absent while it is not open, when it is alive and not ready. */
  repository: ModelRepository | undefined;
  private readonly secret: Buffer | undefined;
  private heldBytes = 0;
  private stopping = false;
  /** How to end the waiting for bodies. */
  private readonly waiting = new Set<() => void>();
  private underWay = 0;
  private idle: (() => void) | undefined;

  constructor(private readonly options: ServingOptions) {
    this.secret = options.token ? Buffer.from(sha256(options.token), "hex") : undefined;
  }

  /** Has it no token, so that it refuses everybody? */
  get isOff(): boolean {
    return this.secret === undefined;
  }

  /** From now on requests get 503; resolves when those under way have been answered, as soon as that can be. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const giveUp of this.waiting) giveUp();
    if (this.underWay > 0) await new Promise<void>((resolve) => (this.idle = resolve));
  }

  /** The answer to one request, errors included; never rejects. */
  async answer(request: ServingRequest): Promise<ServingAnswer> {
    this.underWay++;
    try {
      return await this.route(request);
    } catch (thrown) {
      const refusal = thrown instanceof Refusal ? thrown : this.refusalOf(thrown);
      return said(refusal.status, { error: refusal.message, ...refusal.more }, MORE_HEADERS[refusal.status]);
    } finally {
      if (--this.underWay === 0) this.idle?.();
    }
  }

  private async route(request: ServingRequest): Promise<ServingAnswer> {
    const method = request.method === "HEAD" ? "GET" : request.method;
    // A probe has no token. It learns that somebody is there, which it knew.
    if (this.secret && method === "GET" && /^\/health\/live\/?$/.test(request.path))
      return said(200, { live: true });
    this.admit(request.authorization);
    const [area, ...rest] = segments(request.path);
    const only = (wanted: "GET" | "POST") => {
      if (method !== wanted) throw new Refusal(405, `This address takes ${wanted} only.`);
    };
    if (area === undefined) {
      only("GET");
      return said(200, { name: "tallyflow", version: PACKAGE_VERSION, extensions: EXTENSIONS });
    }
    if (area === "health" && ["live", "ready"].includes(rest.join())) {
      only("GET");
      return this.ready({ live: true });
    }
    const answer =
      area === "models"
        ? await this.ofModel(request, rest, only)
        : area === "repository"
          ? await this.ofRepository(request, rest, only)
          : undefined;
    if (!answer) throw new Refusal(404, "There is nothing at this address.");
    return answer;
  }

  /** `/models/<name>[/versions/<version>][/ready|/infer]`, or nothing where there is none of these. */
  private async ofModel(
    request: ServingRequest,
    [name, ...of]: readonly string[],
    only: (method: "GET" | "POST") => void,
  ): Promise<ServingAnswer | undefined> {
    if (name === undefined) return undefined;
    const version = of[0] === "versions" ? of[1] : undefined;
    const [what, ...more] = version === undefined ? of : of.slice(2);
    if (more.length > 0) return undefined;
    switch (what) {
      case undefined:
        only("GET");
        return said(200, await this.open().metadata(name, version));
      case "ready":
        only("GET");
        return this.ready({ name }, name, version);
      case "infer":
        only("POST");
        return this.infer(request, name, version);
      default:
        return undefined;
    }
  }

  /** `/repository/index` and `/repository/models/<name>/load|unload`, or nothing where it is none of these. */
  private async ofRepository(
    request: ServingRequest,
    [part, name, act, ...more]: readonly string[],
    only: (method: "GET" | "POST") => void,
  ): Promise<ServingAnswer | undefined> {
    if (part === "index" && name === undefined) {
      only("POST");
      const wanted = await this.withBody(request, (body) => Promise.resolve(body));
      const onlyReady = (wanted as { ready?: unknown } | null)?.ready === true;
      return said(200, (await this.open().index(onlyReady)) as unknown as Json);
    }
    if (part !== "models" || name === undefined || more.length > 0) return undefined;
    if (act !== "load" && act !== "unload") return undefined;
    only("POST");
    if (act === "load") await this.open().load(name);
    else this.open().unload(name);
    return said(200, {});
  }

  /** @throws Refusal 401; compared in constant time, so that how long it takes tells nothing of the token */
  private admit(authorization: string | undefined): void {
    if (!this.secret)
      throw new Refusal(401, "This server has no token and refuses everybody. Set one in the editor.");
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? "";
    if (!timingSafeEqual(Buffer.from(sha256(given), "hex"), this.secret))
      throw new Refusal(401, "The token is missing or wrong. Send it as Authorization: Bearer <token>.");
  }

  private open(): ModelRepository {
    if (this.repository && !this.stopping) return this.repository;
    throw new Refusal(503, "The server is not ready yet. Try again in a moment.");
  }

  private async ready(
    said200: Record<string, Json>,
    name?: string,
    version?: string,
  ): Promise<ServingAnswer> {
    try {
      const repository = this.open();
      await repository.served(name ?? repository.name, version);
    } catch (thrown) {
      const refusal = thrown instanceof Refusal ? thrown : this.refusalOf(thrown);
      throw new Refusal(refusal.status, refusal.message, { ...said200, ready: false });
    }
    return said(200, { ...said200, ready: true });
  }

  private async infer(request: ServingRequest, name: string, version?: string): Promise<ServingAnswer> {
    const began = performance.now();
    const repository = this.open();
    repository.known(name);
    return this.withBody(request, async (body) => {
      const now = new Date();
      const today = calendarDate(now.getUTCFullYear(), now.getUTCMonth() + 1, now.getUTCDate());
      const wanted = await readInferRequest(body, { maxRows: this.options.maxRows, today });
      const { live, usable } = await repository.served(name, version);
      const isStopped = () => this.stopping || request.isGone();
      const { tensors, abstained } = await infer(live, wanted, usable, isStopped);
      const parts = await writeInferResponse({
        model_name: repository.name,
        model_version: live.version,
        ...(wanted.id !== undefined && { id: wanted.id }),
        outputs: tensors,
      });
      this.options.inferred?.({
        model: repository.name,
        version: live.version,
        rows: wanted.rows,
        abstained,
        milliseconds: performance.now() - began,
      });
      return { status: 200, headers: headersOf(parts), body: parts };
    });
  }

  /** Read the body, with as much memory as there is for bodies, and work on it. */
  private async withBody<T>(request: ServingRequest, work: (body: unknown) => Promise<T>): Promise<T> {
    const { contentEncoding = "identity", contentLength, parsed } = request;
    const { maxBodyBytes } = this.options;
    if (parsed !== undefined) return work(parsed);
    if (contentEncoding.trim().toLowerCase() !== "identity")
      throw new Refusal(415, "A compressed body is not understood. Send it as it is.");
    if (contentLength !== undefined && contentLength > maxBodyBytes) throw tooLarge(maxBodyBytes);
    const bytes = contentLength ?? maxBodyBytes;
    if (this.heldBytes + bytes > BODIES * maxBodyBytes)
      throw new Refusal(
        503,
        "The server has too many requests at the moment. Send it again in a few seconds.",
      );
    this.heldBytes += bytes;
    try {
      const onStop = (giveUp: () => void) => {
        this.waiting.add(giveUp);
        return () => this.waiting.delete(giveUp);
      };
      return await work(await parseBody(await readBody(request.body, maxBodyBytes, onStop)));
    } finally {
      this.heldBytes -= bytes;
    }
  }

  /** What is no refusal: a store that is away or a damaged model is told, a fault of ours is not. */
  private refusalOf(thrown: unknown): Refusal {
    const error = toTallyError(thrown);
    if (error.code === "INTERNAL") {
      this.options.failed?.(error);
      return new Refusal(500, "The server failed at this request. Its log says more.");
    }
    return new Refusal(503, error.message);
  }
}

/** @throws Refusal 400 for what no address can be */
function segments(path: string): string[] {
  try {
    return path.split("/").flatMap((part) => (part === "" ? [] : decodeURIComponent(part)));
  } catch {
    throw new Refusal(400, "The address holds a percent sign that is no code of a character.");
  }
}

function said(status: number, body: Json, headers: Record<string, string> = {}): ServingAnswer {
  const parts = [Buffer.from(JSON.stringify(body))];
  return { status, headers: { ...headersOf(parts), ...headers }, body: parts };
}

function headersOf(parts: readonly Buffer[]): Record<string, string> {
  return { ...HEADERS, "Content-Length": String(parts.reduce((sum, { length }) => sum + length, 0)) };
}
