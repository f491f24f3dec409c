export * from "./clean";
export * from "./extract";
export * from "./hash";
export * from "./hashIndex";
export * from "./memory";
export * from "./room";
export * from "./vector";
export * from "./words";
