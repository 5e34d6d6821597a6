/* The only file of the workspace that imports TensorFlow. Processes that only serve never load it. */
import './tensorflow-environment.ts';
import * as tf from '@tensorflow/tfjs-node';
// @ts-expect-error -- the package ships no types for its generated protocol buffer classes
import protocolBuffers from '@tensorflow/tfjs-node/dist/proto/api_pb.js';

/** The generated google-protobuf classes of TensorFlow's GraphDef and SavedModel messages. */
export const messages = protocolBuffers as unknown;
export { tf };
export type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, Variable } from '@tensorflow/tfjs-node';
