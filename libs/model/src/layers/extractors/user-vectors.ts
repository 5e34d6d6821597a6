import { tf } from '../../tf.ts';
import { userVectorTable } from '../../weights.ts';
import type { Extractor } from './extractor.ts';

/**
 * The vectors of each user [B, K, D], looked up by who it is (MaxMF: Weston, Weiss and Yee, RecSys 2013). With the readout
 * `max` only the vector that wins an item is updated by it.
 */
export const extractUserVectors: Extractor<'user-vectors'> = (variables, _config, { behaviors, users }) => {
  const [B, , D] = behaviors.shape;
  return tf.gather(variables[userVectorTable]!, users.userRows!).reshape([B, -1, D]);
};
