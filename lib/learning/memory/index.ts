export * from "./past";
