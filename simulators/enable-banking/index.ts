import { createPublicKey, generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { Bank } from "./bank";
import { ApiError } from "./errors";
import { Api } from "./routes";
import { Server } from "./server";
import { Sessions } from "./sessions";
import { checkToken } from "./token";
import type {
  EnableBankingTwin,
  EnableBankingTwinControl,
  EnableBankingTwinOptions,
  TwinBank,
} from "./types";

export * from "./types";

/** The banks of a household that says nothing else. */
const BANKS: readonly TwinBank[] = [
  { name: "Polderbank", country: "NL", bic: "POLDNL2A", accounts: ["current", "savings"] },
  { name: "Kaart & Co", country: "NL", accounts: ["card"] },
];

/**
 * An offline twin of Enable Banking's API for a household: real HTTP, tokens checked with the application's public
 * key, sessions, the way to the bank and back, pages, and the limits that banks set. Nothing can be paid with it.
 */
export async function startEnableBankingTwin(options: EnableBankingTwinOptions): Promise<EnableBankingTwin> {
  const now = options.now ?? Date.now;
  const banks = options.banks ?? BANKS.filter(({ accounts }) => has(options, accounts));
  const applicationId = options.applicationId ?? randomUUID();
  const pair = options.publicKey ? undefined : generateKeyPairSync("rsa", { modulusLength: 2048 });
  const publicKey = pair?.publicKey ?? createPublicKey(options.publicKey!);
  const sessions = new Sessions(now);
  const bank = new Bank(options, now);
  const api = new Api(options, banks, bank, sessions, applicationId, now, () => server.origin);
  const server = new Server(
    options,
    (call) => {
      const { authorization } = call.headers;
      checkToken(
        Array.isArray(authorization) ? authorization[0] : authorization,
        applicationId,
        publicKey,
        now(),
      );
      return api.answer(call);
    },
    (id, answer) => goBack(sessions, id, answer),
    (id) => authorizationOf(sessions, id).bank.name,
  );
  const control: EnableBankingTwinControl = {
    addPayment: (row) => bank.add(row),
    setStatus(id, status) {
      sessions.get(id).status = status;
    },
    expireKeys() {
      api.generation++;
    },
    fault(fault) {
      server.faults.add(fault);
    },
    clearFaults() {
      server.faults.clear();
    },
    async consent(url, answer = "give") {
      const page = new URL(url);
      page.searchParams.set("answer", answer);
      const response = await fetch(page, { redirect: "manual" });
      const back = response.headers.get("location");
      await response.body?.cancel();
      if (!back) throw new Error(`the bank's page answered ${response.status}`);
      return Object.fromEntries(new URL(back).searchParams);
    },
    visible: (account) => bank.visible(account).map(({ sequence }) => sequence),
    get sessions() {
      return sessions.all.map(({ id }) => id);
    },
    get requests() {
      return server.requests;
    },
  };
  await server.listen(options.port ?? 0);
  return {
    url: server.origin,
    applicationId,
    privateKey: pair ? pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString() : "",
    control,
    stop: () => server.close(),
  };
}

/** Where the person is sent after the bank's page. */
function goBack(sessions: Sessions, id: string, answer: string): string {
  const authorization = authorizationOf(sessions, id);
  const back = new URL(authorization.redirectUrl);
  back.searchParams.set("state", authorization.state);
  if (answer === "refuse") {
    back.searchParams.set("error", "access_denied");
    back.searchParams.set("error_description", "Denied data sharing consent");
  } else {
    authorization.code ??= randomBytes(16).toString("hex");
    back.searchParams.set("code", authorization.code);
  }
  return back.href;
}

function authorizationOf(sessions: Sessions, id: string) {
  const found = sessions.authorizations.get(id);
  if (!found) throw new ApiError(404, "NOT_FOUND", "There is no such authorization");
  return found;
}

function has({ household }: EnableBankingTwinOptions, keys: readonly string[]): boolean {
  return keys.every((key) => household.accounts.some((account) => account.key === key));
}
