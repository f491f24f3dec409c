export * from "./registry";
export { daysBefore, REFERENCE_DAYS } from "./references";
