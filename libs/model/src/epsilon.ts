/** Added under the root of squash, so that a zero capsule stays zero and its gradient finite. */
export const squashEpsilon = 1e-9;

/** Added under the root of a vector's length, for the same reason. */
export const unitLengthEpsilon = 1e-12;
