export { openBunq, openBunqByOAuth, type BunqOptions } from "./open";
export type { BunqBank } from "./provider";
export { openBunqOAuth, type BunqOAuth, type BunqOAuthOptions } from "./oauth";
export { createSandboxUser } from "./sandbox";
export { BUNQ_ADDRESSES, BUNQ_PRODUCTION_URL, BUNQ_SANDBOX_URL, type BunqEnvironment } from "./addresses";
export { BUNQ_CATEGORIES } from "./webhooks";
export type { KeyStore } from "./protocol";
