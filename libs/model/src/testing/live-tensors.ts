import { tf } from '../tf.ts';

/** Tensors of this process that nobody has disposed of. */
export const liveTensors = (): number => tf.memory().numTensors;
