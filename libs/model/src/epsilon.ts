/** Added under the root of squash, so that a zero capsule stays zero with a finite gradient. */
export const squashEpsilon = 1e-9;

/** Lower bound of the sum in a weighted softmax, so that the shares of no behaviors are zero. */
export const weightedSoftmaxEpsilon = 1e-9;

/** Added to the variance of a layer normalization. */
export const layerNormEpsilon = 1e-6;

/** Added under the root of a norm, so that a zero vector stays zero with a finite gradient. */
export const unitLengthEpsilon = 1e-12;

/** Replaces minus infinity: far below any score or logit, with a softmax weight of exactly zero in float32. */
export const minusInfinity = -1e9;
