export * from "./port";
export { CONSENT_DAYS, consentEvents, type ConsentEvent } from "./countdown";
export {
  beginConsent,
  consentOutcome,
  outcomeOfState,
  putOutcome,
  takeAttempt,
  type AttemptRequest,
  type AttemptStart,
  type ConsentAttempt,
  type ConsentOutcome,
} from "./attempts";
export { consentsChanged, daysLeft, keptConsentSchema, watchConsents, type ConsentEnd } from "./watch";
