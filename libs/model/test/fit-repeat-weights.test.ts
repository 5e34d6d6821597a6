import { createRandom } from '@facet/features';
import { describe, expect, it } from 'vitest';
import { fittedRepeatWeights, repeatFeatureCount, repeatFeatures } from '../src/index.ts';
import { repeatWeightsOf } from '../src/weights.ts';
import type { Weights } from '../src/index.ts';
import { fitRepeatWeights } from '../src/training.ts';
import type { RepeatExample } from '../src/training.ts';

const weightsOf = (theta: readonly number[]) => ({
  [fittedRepeatWeights]: { shape: [theta.length], data: Float32Array.from(theta) },
});
const newModel = weightsOf([1, 0, 0, 0, 0, 0]);

/** Returns users whose labels are drawn from a softmax over `theta` · inputs of the items of the behaviors, and the other candidates. */
function drawExamples(theta: readonly number[], users: number, meanScore = 0): RepeatExample[] {
  const random = createRandom(3);
  return Array.from({ length: users }, () => {
    const n = 2 + Math.floor(random.next() * 8);
    const inputs: number[] = [];
    for (let item = 0; item < n; item++) {
      const features = new Float32Array(repeatFeatureCount);
      repeatFeatures(features, 0, 1 + Math.floor(30 * random.next()), 1 + Math.floor(7 * random.next()), n);
      inputs.push(meanScore + 2 * random.normal(), ...features);
    }
    const width = 1 + repeatFeatureCount;
    const masses = Array.from({ length: n }, (_, item) =>
      Math.exp(theta.reduce((sum, weight, i) => sum + weight * inputs[item * width + i]!, 0)),
    );
    const logOthers = 1 + random.normal();
    const total = masses.reduce((sum, mass) => sum + mass, Math.exp(logOthers));
    let rest = random.next() * total;
    const drawn = masses.findIndex((mass) => (rest -= mass) < 0);
    const isLabel = Uint8Array.from(masses, (_, item) => (item === drawn ? 1 : 0));
    return { inputs: Float64Array.from(inputs), isLabel, logOthers, labelCount: 1 };
  });
}

const thetaOf = (weights: Weights): number[] => [...weights[fittedRepeatWeights]!.data];

describe('fitRepeatWeights', () => {
  it('finds the weights that drew the labels, from any start', () => {
    const theta = [0.3, 1, 0.8, -0.5, 0.6, 0.2];
    const examples = drawExamples(theta, 5_000);
    const fitted = thetaOf(fitRepeatWeights(examples, newModel));
    fitted.forEach((weight, i) => expect(Math.abs(weight - theta[i]!)).toBeLessThan(0.25));
    expect(fitted[0]).toBeCloseTo(0.3, 1);
    const again = thetaOf(fitRepeatWeights(examples, weightsOf([4, 3, -2, 1, 0, 2])));
    again.forEach((weight, i) => expect(Math.abs(weight - fitted[i]!)).toBeLessThan(0.25));
  });

  it('finds the other weights if the best weight of the score is below its bound', () => {
    // All scores are high, so a negative weight of the score would need a large constant.
    const examples = drawExamples([-1, 7, 0, 0, 0, 0], 2_000, 6);
    const [scoreWeight, ...features] = thetaOf(fitRepeatWeights(examples, newModel));
    expect(scoreWeight).toBeCloseTo(0.01, 5);
    const withoutScores = examples.map((each) => ({
      ...each,
      inputs: each.inputs.map((x, i) => (i % 6 === 0 ? 0 : x)),
    }));
    const [, ...expected] = thetaOf(fitRepeatWeights(withoutScores, newModel));
    features.forEach((weight, i) => expect(Math.abs(weight - expected[i]!)).toBeLessThan(0.15));
  });

  it('divides the weight of a user among the labels', () => {
    const examples = drawExamples([1, 0, 0, 0, 0, 0], 2_000);
    const halved = examples.map((each) => ({ ...each, labelCount: 2 }));
    expect(thetaOf(fitRepeatWeights(halved, newModel))[1]).toBeLessThan(
      thetaOf(fitRepeatWeights(examples, newModel))[1]! - 0.3,
    );
  });

  it('is bounded if no user repeats, and has no result for few users', () => {
    const examples = drawExamples([1, 0.5, 0.4, 0.3, 0.2, 0.1], 200).map((each) => ({
      ...each,
      isLabel: each.isLabel.fill(0),
    }));
    const [, ...features] = thetaOf(fitRepeatWeights(examples, newModel));
    expect(features[0]).toBeLessThan(-1);
    for (const weight of features) expect(Math.abs(weight)).toBeLessThan(50);
    expect(fitRepeatWeights(examples.slice(0, 19), newModel)).toEqual({});
  });

  it('starts from the trained weights', () => {
    const trained = { 'repeat/weights': { shape: [5], data: Float32Array.of(0.1, 0.2, 0.3, -0.4, 0.5) } };
    expect([...repeatWeightsOf(trained)]).toEqual(
      [1, 1, 2, 3, -4, 5].map((weight) => expect.closeTo(weight, 5) as number),
    );
  });
});
