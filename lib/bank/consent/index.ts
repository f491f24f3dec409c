export * from "./port";
export { CONSENT_DAYS, consentEvents, type ConsentEvent } from "./countdown";
