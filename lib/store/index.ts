export * from "./port";
export * from "./collections";
