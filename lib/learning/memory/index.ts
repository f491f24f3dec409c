export * from "./past";
export * from "./settled";
