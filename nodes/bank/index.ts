import type { NodeAPI } from "node-red";
import { credentialsOf, defineProvider, registerRoutes } from "../runtime";
import { bankSettings, openBank, testBank } from "./open";
import { registerConsentRoutes } from "./consent-routes";
import { registerBankRoutes } from "./routes";
import { schema } from "./schema";

const bank = defineProvider({
  schema,
  open: openBank,
  test: testBank,
  settings: bankSettings,
  lists: {
    async accounts({ provider }) {
      const accounts = await (await provider()).accounts();
      // An IBAN with accounts in several currencies does not say which one.
      const shared = (iban: string) => accounts.filter((account) => account.iban === iban).length > 1;
      return accounts.map(({ id, iban, name, currency }) => ({
        value: iban && !shared(iban) ? iban : id,
        label: [name, ...(iban && iban !== name ? [iban] : []), currency].join(" · "),
        also: [id, ...(iban && !shared(iban) ? [iban] : [])],
      }));
    },
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-bank", bank(RED), { credentials: credentialsOf(schema) });
  registerRoutes(RED);
  registerBankRoutes(RED);
  registerConsentRoutes(RED);
};
