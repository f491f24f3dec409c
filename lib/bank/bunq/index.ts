export { openBunq, type BunqOptions } from "./provider";
export { BUNQ_PRODUCTION_URL, BUNQ_SANDBOX_URL, type KeyStore } from "./protocol";
