export { apiBase } from "./base";
export * from "./port";
export { HttpClient, type HttpClientOptions } from "./client";
export { redactor } from "./redact";
