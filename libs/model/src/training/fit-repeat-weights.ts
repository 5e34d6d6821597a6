import { fittedRepeatWeights, repeatWeightsOf } from '../weights.ts';
import type { Weights } from '../weights.ts';

/** The scores of one held-out user, without repeat bonus. */
export interface RepeatExample {
  /** [n, 6] The score and the {@link repeatFeatures} of each of the n candidates among the user's behaviors. */
  readonly inputs: Float64Array;
  /** [n] 1 for a label. */
  readonly isLabel: Uint8Array;
  /** ln Σ exp(score) of all other candidates. */
  readonly logOthers: number;
  /** The number of labels among all candidates, at least 1. */
  readonly labelCount: number;
}

const scoreWeightMin = 0.01;
/** Keeps the weights finite if no user repeats an item. It is small compared with the likelihood of {@link usersMin} users. */
const penalty = 0.01;
/** Minimum number of users that determine six weights. */
const usersMin = 20;
const stepsMax = 50;

/**
 * Returns the six weights of repeated items that maximize the likelihood of the labels; none for fewer than 20 users. The score of an item
 * of the behaviors is the inner product of the weights and its inputs. The scores of other candidates do not change. All users count
 * equally. The objective is concave, and Newton's method finds its maximum.
 *
 * @param weights The model's weights. The search starts there.
 */
export function fitRepeatWeights(examples: readonly RepeatExample[], weights: Weights): Weights {
  if (examples.filter(({ isLabel }) => isLabel.length > 0).length < usersMin) return {};
  const start = Float64Array.from(repeatWeightsOf(weights));
  let theta = start;
  let current = measure(examples, theta, start);
  for (let step = 0; step < stepsMax; step++) {
    const direction = ascent(current, theta[0]! - scoreWeightMin < 1e-9);
    let next: { readonly theta: Float64Array<ArrayBuffer>; readonly measured: Measured } | undefined;
    // A full step, or the part of it that reaches the lower bound of the weight of the score.
    const longest = direction[0]! < 0 ? Math.min(1, (scoreWeightMin - theta[0]!) / direction[0]!) : 1;
    for (let length = longest; next === undefined && length > 1e-3 * longest; length /= 2) {
      const moved = theta.map((value, i) => value + length * direction[i]!);
      moved[0] = Math.max(scoreWeightMin, moved[0]!);
      const measured = measure(examples, moved, start);
      if (measured.objective > current.objective) next = { theta: moved, measured };
    }
    if (next === undefined) break;
    const gain = next.measured.objective - current.objective;
    ({ theta, measured: current } = next);
    if (gain < 1e-6) break;
  }
  return { [fittedRepeatWeights]: { shape: [theta.length], data: Float32Array.from(theta) } };
}

interface Measured {
  /** The logarithm of the likelihood minus the penalty. */
  readonly objective: number;
  /** [6] its first derivatives. */
  readonly slope: Float64Array;
  /** [6, 6] its second derivatives, negated. */
  readonly curvature: Float64Array;
}

function measure(examples: readonly RepeatExample[], theta: Float64Array, start: Float64Array): Measured {
  const n = theta.length;
  let objective = 0;
  const slope = new Float64Array(n);
  const curvature = new Float64Array(n * n);
  for (const { inputs, isLabel, logOthers, labelCount } of examples) {
    const scores = Float64Array.from(isLabel, (_, item) =>
      theta.reduce((sum, t, i) => sum + t * inputs[item * n + i]!, 0),
    );
    const largest = scores.reduce((most, score) => Math.max(most, score), logOthers);
    const sum = scores.reduce((total, score) => total + Math.exp(score - largest), Math.exp(logOthers - largest));
    const logSum = largest + Math.log(sum);
    objective -= logSum;
    const mean = new Float64Array(n);
    scores.forEach((score, item) => {
      const share = Math.exp(score - logSum);
      const label = isLabel[item]! / labelCount;
      objective += label * score;
      for (let i = 0; i < n; i++) {
        const input = inputs[item * n + i]!;
        mean[i]! += share * input;
        slope[i]! += (label - share) * input;
        for (let j = 0; j < n; j++) curvature[i * n + j]! += share * input * inputs[item * n + j]!;
      }
    });
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) curvature[i * n + j]! -= mean[i]! * mean[j]!;
    }
  }
  for (let i = 0; i < n; i++) {
    const moved = theta[i]! - start[i]!;
    objective -= (penalty / 2) * moved ** 2;
    slope[i]! -= penalty * moved;
    curvature[i * n + i]! += penalty;
  }
  return { objective, slope, curvature };
}

/** Returns the direction of Newton's method. At its lower bound, the weight of the score may only increase. */
function ascent({ slope, curvature }: Measured, isAtBound: boolean): Float64Array {
  if (!isAtBound || slope[0]! > 0) return solve(curvature, slope);
  const n = slope.length;
  const free = curvature.map((value, cell) => (cell > 0 && (cell < n || cell % n === 0) ? 0 : value));
  return solve(free, slope.with(0, 0));
}

/** Solves A x = b by Gaussian elimination and returns x. @param A [n, n], positive definite. */
function solve(A: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  const left = A.slice();
  const x = b.slice();
  for (let pivot = 0; pivot < n; pivot++) {
    for (let row = pivot + 1; row < n; row++) {
      const factor = left[row * n + pivot]! / left[pivot * n + pivot]!;
      for (let column = pivot; column < n; column++) left[row * n + column]! -= factor * left[pivot * n + column]!;
      x[row]! -= factor * x[pivot]!;
    }
  }
  for (let row = n - 1; row >= 0; row--) {
    for (let column = row + 1; column < n; column++) x[row]! -= left[row * n + column]! * x[column]!;
    x[row]! /= left[row * n + row]!;
  }
  return x;
}
