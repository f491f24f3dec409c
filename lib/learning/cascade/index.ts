export * from "./classify";
export * from "./rules";
