export * from "./port";
export * from "./consent";
export { bankCursorId, bankExtract, type BankExtractOptions, type BankExtractResult } from "./extract";
export { type Wait } from "./waits";
export { openBunq, BUNQ_PRODUCTION_URL, BUNQ_SANDBOX_URL, type BunqOptions, type KeyStore } from "./bunq";
export {
  openEnableBanking,
  ENABLE_BANKING_URL,
  type EnableBanking,
  type EnableBankingOptions,
} from "./enable-banking";
export { openGoCardless, GOCARDLESS_URL, type GoCardlessOptions } from "./gocardless";
export { claimSimpleFin, openSimpleFin, type SimpleFinOptions } from "./simplefin";
