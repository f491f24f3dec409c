/**
 * The helper process: it holds `@actual-app/api`, which is one per process and keeps one budget open, away from
 * Node-RED. Started by `process.ts`; takes one request after the other over the channel and ends with its parent.
 */
import { TallyError, toTallyError, type StoredError } from "../../values";
import { nativeModuleError } from "./errors";
import type { Operation, Operations, Part, Reply, Request } from "./protocol";
import { extract, findByImportId, actualId, readStanding } from "./read";
import { Session } from "./session";
import { create, remove, update } from "./write";

/** Longest time to close the budget in when the parent is gone, in milliseconds. */
const FAREWELL = 5_000;

/** Longest time for what is still being written after the budget was closed, in milliseconds. */
const LAST_WRITES = 2_000;

let session: Session | undefined;
let ending = false;

type Handlers = {
  [O in Operation]: (args: Operations[O]["args"], id: number) => Promise<Operations[O]["result"]>;
};

const handlers: Handlers = {
  async open(args) {
    session = await Session.open(args);
    return { budget: session.opened };
  },
  budgets: () => use().budgets(),
  extract: (args, id) => extract(use(), args, (part) => sendPart(id, part)),
  create: ({ items }) => create(use(), items),
  async find({ importIds }) {
    await use().sync();
    return [...(await findByImportId(use(), importIds))].map(([importId, id]) => [importId, actualId(id)]);
  },
  read: ({ ids }) => readStanding(use(), ids),
  async update({ changes }) {
    await update(use(), changes);
    return null;
  },
  async delete({ ids }) {
    await remove(use(), ids);
    return null;
  },
  async close() {
    await session?.close();
    session = undefined;
    return null;
  },
};

function use(): Session {
  if (!session) throw new TallyError("INTERNAL", "The helper process has no open budget.");
  return session;
}

function send(reply: Reply): Promise<void> {
  return new Promise((resolve) => {
    // Without a channel the parent is gone, and "disconnect" ends this process.
    if (!process.send) resolve();
    else process.send(reply, undefined, undefined, () => resolve());
  });
}

const sendPart = (id: number, part: Part) => send({ id, part });

async function answer(request: Request): Promise<void> {
  try {
    const handler = handlers[request.operation] as (args: unknown, id: number) => Promise<never>;
    await send({ id: request.id, result: await handler(request.args, request.id) });
  } catch (thrown) {
    await send({ id: request.id, error: asStored(thrown) });
  }
  if (request.operation === "close") leave();
}

function asStored(thrown: unknown): StoredError {
  const text =
    thrown instanceof Error ? `${(thrown as NodeJS.ErrnoException).code ?? ""} ${thrown.message}` : "";
  if (/NODE_MODULE_VERSION|ERR_DLOPEN_FAILED|Could not locate the bindings file/.test(text)) {
    return nativeModuleError(text).toJSON();
  }
  return toTallyError(thrown).toJSON();
}

/**
 * End by running out of work, not by force: Actual writes the budget's settings file in its own time, and a forced
 * exit could leave half of it.
 */
function leave(): void {
  ending = true;
  setTimeout(() => process.exit(0), LAST_WRITES).unref();
  if (process.connected) process.disconnect();
}

async function farewell(): Promise<void> {
  if (ending) return;
  ending = true;
  setTimeout(() => process.exit(1), FAREWELL).unref();
  await session?.close();
  leave();
}

let turn: Promise<void> = Promise.resolve();
process.on("message", (request: Request) => {
  turn = turn.then(() => answer(request));
});
process.on("disconnect", () => {
  farewell().catch(() => process.exit(1));
});
// A Ctrl-C reaches the whole group: the parent closes us in its own time.
process.on("SIGINT", () => undefined);
