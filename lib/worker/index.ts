export { WorkerCalls, type WorkerOptions } from "./calls";
export { serve, type Handlers } from "./serve";
