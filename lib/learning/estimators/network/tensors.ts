/**
 * The slice of `@tensorflow/tfjs-core` that is used here, as the package is optional and its types cannot be named.
 * No gradients: those are in the large package only, and a network of two layers has few.
 */
export interface TensorFlow {
  tensor2d(values: Float32Array, shape: [number, number]): Tensor;
  tensor3d(values: Float32Array, shape: [number, number, number]): Tensor;
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  add(a: Tensor, b: Tensor): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  mul(a: Tensor, b: Tensor): Tensor;
  relu(x: Tensor): Tensor;
  /** 1 where a number is above 0, else 0. */
  step(x: Tensor): Tensor;
  reshape(x: Tensor, shape: number[]): Tensor;
  softmax(x: Tensor): Tensor;
  sum(x: Tensor, axis: number, keepDims: boolean): Tensor;
  tidy(work: () => void): void;
  memory(): { numTensors: number };
  env(): { getBool(flag: string): boolean; set(flag: string, value: boolean): void };
}

export interface Tensor {
  readonly shape: number[];
  dataSync(): Float32Array;
}
