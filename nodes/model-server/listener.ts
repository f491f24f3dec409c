import type { NodeAPI } from "node-red";
import type { ModelServer } from "../../lib/serving";
import { TallyError } from "../../lib/values";
import { guarded, type Request } from "../runtime";

type App = NodeAPI["httpNode"];
type Response = Parameters<ReturnType<typeof guarded>>[1];

/** Path -> its servers, for each app of HTTP nodes. One handler serves all: express forgets no route. */
const serving = new WeakMap<App, Map<string, Set<ModelServer>>>();

/**
 * Answer requests below a path until the returned function is called. One that is off makes way for another.
 * @throws TallyError CONFIG_INVALID when another node serves there
 */
export function listen(app: App, path: string, server: ModelServer): () => void {
  let paths = serving.get(app);
  if (!paths) {
    paths = new Map();
    serving.set(app, paths);
    const known = paths;
    app.use((request, response, next) => {
      const at = [...known.keys()].find((one) => request.path === one || request.path.startsWith(`${one}/`));
      if (at === undefined) next();
      else
        guarded((asked, reply) => answer(inCharge(known.get(at)!), at, asked, reply))(
          request,
          response,
          next,
        );
    });
  }
  const known = paths;
  const servers = known.get(path) ?? new Set();
  if (!server.isOff && [...servers].some((one) => !one.isOff)) {
    const message = `Another tally-model-server serves at ${path} already. Choose another path.`;
    throw new TallyError("CONFIG_INVALID", message, { details: { fields: ["path"] } });
  }
  known.set(path, servers.add(server));
  return () => {
    servers.delete(server);
    if (servers.size === 0 && known.get(path) === servers) known.delete(path);
  };
}

function inCharge(servers: ReadonlySet<ModelServer>): ModelServer {
  const all = [...servers];
  return all.find((server) => !server.isOff) ?? all[0]!;
}

async function answer(server: ModelServer, at: string, request: Request, response: Response): Promise<void> {
  const { headers } = request;
  const {
    status,
    headers: said,
    body,
  } = await server.answer({
    method: request.method,
    path: request.path.slice(at.length),
    authorization: headers.authorization,
    contentLength: headers["content-length"] === undefined ? undefined : Number(headers["content-length"]),
    contentEncoding: headers["content-encoding"],
    // What is too large is answered and not read to its end; the connection has to stay until then.
    body: request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
    // A parser of the user's own settings may have been there before.
    ...(request.body !== undefined && request.readableEnded && { parsed: request.body as unknown }),
    isGone: () => response.destroyed,
  });
  if (response.destroyed) return;
  // No keep-alive: what is not read of a refused body must not be taken for the next request.
  response.writeHead(status, request.complete ? said : { ...said, Connection: "close" });
  for (const part of body.slice(0, -1)) response.write(part);
  response.end(body.at(-1));
}
