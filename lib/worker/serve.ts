import { parentPort } from "node:worker_threads";
import { toTallyError } from "../values";
import { standBack } from "./priority";
import type { OperationTypes, Request, Response } from "./protocol";

/** One synchronous function for each operation. */
export type Handlers<O extends OperationTypes<O>> = {
  [K in keyof O]: (...args: O[K]["args"]) => O[K]["answer"];
};

/**
 * The worker thread's side of {@link WorkerCalls}: answer requests in the order they come. What a handler throws is the
 * answer to its call alone. It stands back behind the main thread. After the operation `close`, where there is one, the thread ends.
 * @throws TypeError outside a worker thread
 */
export function serve<O extends OperationTypes<O>>(handlers: Handlers<O>): void {
  const port = parentPort;
  if (!port) throw new TypeError("serve() answers in a worker thread only.");
  standBack();
  port.on("message", ({ call, operation, args }: Request) => {
    let response: Response;
    try {
      const handler = handlers[operation as keyof O] as (...args: unknown[]) => unknown;
      response = { call, answer: handler(...args) };
    } catch (error) {
      response = { call, error: toTallyError(error).toJSON() };
    }
    port.postMessage(response);
    if (operation === "close") port.close();
  });
}
