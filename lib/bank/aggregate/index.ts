export * from "./days";
export * from "./quota";
export * from "./text";
export * from "./url";
