export * from "./csv";
export * from "./evaluate";
