export { apiBase } from "./base";
export { addressRanges, callerAddress } from "./callers";
export * from "./port";
export { HttpClient, type HttpClientOptions } from "./client";
export { RateLimiter, systemClock, type Clock } from "./rate-limiter";
export { redactor } from "./redact";
