export * from "./train";
export { trainInWorker, type WorkerTrained, type WorkerTrainOptions } from "./inWorker";
