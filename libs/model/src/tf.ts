/* The only file that imports TensorFlow. Training processes load it; serving computes interests in ./kernel. */
import './tf-environment.ts';
import * as tf from '@tensorflow/tfjs-node';

export { tf };
export type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, Variable } from '@tensorflow/tfjs-node';
