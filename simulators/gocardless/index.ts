import { TwinHttp } from "../twin-http";
import type { GoCardlessTwin, GoCardlessTwinOptions } from "./types";
import { World } from "./world";

export * from "./types";

/**
 * An offline twin of GoCardless Bank Account Data v2 for a household: real HTTP, its tokens, consents, limits a day and
 * refusals. Nothing is kept over a restart.
 */
export async function startGoCardlessTwin(options: GoCardlessTwinOptions): Promise<GoCardlessTwin> {
  const { household } = options;
  const end = Date.parse(household.payments.at(-1)?.instant ?? household.options.until);
  const world = new World(options, options.now ?? (() => end));
  const http = new TwinHttp((request) => world.answer(request), options.onExchange);
  world.origin = await http.listen(options.port ?? 0);
  if (options.linked !== undefined) world.link(options.linked);
  return {
    url: `${world.origin}/api/v2`,
    secretId: world.secretId,
    secretKey: world.secretKey,
    control: {
      fault: (fault) => http.faults.add(fault),
      clearFaults: () => http.faults.clear(),
      revokeTokens: (all = false) => world.revokeTokens(all),
      revokeSecret: () => {
        world.revoked = true;
        world.revokeTokens(true);
      },
      grant: (id) => void world.grant(id),
      link: (reference) => world.link(reference),
      setRequisition(id, status) {
        const requisition = world.requisitions.find((each) => each.id === id);
        if (!requisition) throw new Error(`the twin has no requisition ${id}`);
        requisition.status = status;
      },
      setAccount: (key, status) => void world.statuses.set(key, status),
      setRows: (key, rows) => void world.bank.replaced.set(key, rows),
      mapRows: (change) => void (world.bank.change = change),
      accountId: (key) => world.accountId(key),
      get requests() {
        return http.requests;
      },
      get tokens() {
        return { ...world.tokens };
      },
    },
    stop: () => http.close(),
  };
}
