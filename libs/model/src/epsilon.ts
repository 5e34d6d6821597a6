/** Added under the root of squash, so that a zero capsule stays zero and its gradient finite. */
export const squashEpsilon = 1e-9;

/** The least sum that shares are divided by, so that those of nothing are zero. */
export const weightedSoftmaxEpsilon = 1e-9;

/** Added to the variance of a layer normalization. */
export const layerNormEpsilon = 1e-6;

/** Added under the root of a vector's length, for the same reason. */
export const unitLengthEpsilon = 1e-12;

/** Stands for minus infinity: far below any score or logit, its softmax weight is exactly zero in float32. */
export const minusInfinity = -1e9;
