export * from "./artifact";
export * from "./trained";
