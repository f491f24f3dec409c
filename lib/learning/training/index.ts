export { isFirst, trainFirst } from "./first";
export type { Trained, TrainOptions } from "./options";
export * from "./train";
export { trainInWorker, type WorkerTrained, type WorkerTrainOptions } from "./inWorker";
