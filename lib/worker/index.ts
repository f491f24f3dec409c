export { WorkerCalls, type WorkerOptions } from "./calls";
export { standBack } from "./priority";
export { serve, type Handlers } from "./serve";
