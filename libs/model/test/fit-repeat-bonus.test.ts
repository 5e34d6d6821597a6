import { createRandom } from '@facet/features';
import { describe, expect, it } from 'vitest';
import { fittedRepeatBonus, repeatFeatureCount, repeatFeatures } from '../src/index.ts';
import type { Weights } from '../src/index.ts';
import { fitRepeatBonus } from '../src/training.ts';
import type { RepeatExample } from '../src/training.ts';

const weightsOf = (theta: readonly number[]) => ({
  [fittedRepeatBonus]: { shape: [theta.length], data: Float32Array.from(theta) },
});
const newModel = weightsOf([1, 0, 0, 0, 0, 0]);

/** Returns users whose labels are drawn from a softmax over `theta` · inputs of the items of the behaviors, and the other candidates. */
function drawExamples(theta: readonly number[], users: number, labelCount = 1): RepeatExample[] {
  const random = createRandom(3);
  return Array.from({ length: users }, () => {
    const n = 2 + Math.floor(random.next() * 8);
    const inputs: number[] = [];
    for (let item = 0; item < n; item++) {
      const features = new Float32Array(repeatFeatureCount);
      repeatFeatures(features, 0, 1 + Math.floor(30 * random.next()), 1 + Math.floor(7 * random.next()), n);
      inputs.push(2 * random.normal(), ...features);
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
    return { inputs: Float64Array.from(inputs), isLabel, logOthers, labelCount };
  });
}

const thetaOf = (weights: Weights): number[] => [...weights[fittedRepeatBonus]!.data];

describe('fitRepeatBonus', () => {
  it('finds the weights that drew the labels, from any start', () => {
    const theta = [0.3, 1, 0.8, -0.5, 0.6, 0.2];
    const examples = drawExamples(theta, 5_000);
    const fitted = thetaOf(fitRepeatBonus(examples, newModel));
    fitted.forEach((weight, i) => expect(Math.abs(weight - theta[i]!)).toBeLessThan(0.25));
    expect(fitted[0]).toBeCloseTo(0.3, 1);
    const again = thetaOf(fitRepeatBonus(examples, weightsOf([4, 3, -2, 1, 0, 2])));
    again.forEach((weight, i) => expect(Math.abs(weight - fitted[i]!)).toBeLessThan(0.25));
  });

  it('keeps the weight of the score positive if high scores are chosen less', () => {
    expect(thetaOf(fitRepeatBonus(drawExamples([-1, 1, 0, 0, 0, 0], 2_000), newModel))[0]).toBeCloseTo(0.01, 5);
  });

  it('keeps the start without users, and is bounded if no user repeats', () => {
    const start = [1, 0.5, 0.4, 0.3, 0.2, 0.1];
    expect(thetaOf(fitRepeatBonus([], weightsOf(start)))).toEqual(start.map((weight) => expect.closeTo(weight, 5)));
    const examples = drawExamples(start, 200).map((each) => ({ ...each, isLabel: each.isLabel.fill(0) }));
    const [, ...features] = thetaOf(fitRepeatBonus(examples, weightsOf(start)));
    expect(features[0]).toBeLessThan(-1);
    for (const weight of features) expect(Math.abs(weight)).toBeLessThan(50);
  });
});
