export {
  ModelServer,
  type Inferred,
  type ServingAnswer,
  type ServingOptions,
  type ServingRequest,
} from "./server";
export { ModelRepository } from "./repository";
export { Refusal } from "./protocol";
