export { MongoStore, shardingCommands } from "./store";
