export * from "./port";
export * from "./consent";
export { bankCursorId, bankExtract, type BankExtractOptions, type BankExtractResult } from "./extract";
export { type Wait } from "./waits";
export { bankExtractHinted } from "./hinted";
export {
  createSandboxUser,
  openBunq,
  openBunqByOAuth,
  openBunqOAuth,
  BUNQ_ADDRESSES,
  BUNQ_CATEGORIES,
  BUNQ_PRODUCTION_URL,
  BUNQ_SANDBOX_URL,
  type BunqBank,
  type BunqEnvironment,
  type BunqOAuth,
  type BunqOAuthOptions,
  type BunqOptions,
  type KeyStore,
} from "./bunq";
export {
  openEnableBanking,
  ENABLE_BANKING_URL,
  type EnableBanking,
  type EnableBankingOptions,
} from "./enable-banking";
export { openGoCardless, GOCARDLESS_URL, type GoCardlessOptions } from "./gocardless";
export { claimSimpleFin, openSimpleFin, type SimpleFinOptions } from "./simplefin";
