import { expect, it } from 'vitest';
import { describeFitChoice } from '../src/describe-fit.ts';

it('describes the interests and labels of a model, and the scores that chose them', () => {
  const fitScores = [
    { interests: 4, labels: 'window', score: 0.18022 },
    { interests: 4, labels: 'share', score: 0.19 },
    { interests: 1, labels: 'share', score: 0.1753 },
  ] as const;
  expect(describeFitChoice({ interests: 4, labels: 'share', fitScores: [...fitScores] })).toBe(
    '4 interests, labels share. Validation recall: 0.1802 (4 interests, labels window), 0.1900 (4 interests, labels share), ' +
      '0.1753 (1 interest, labels share)',
  );
  expect(describeFitChoice({ interests: 1, labels: 'next' })).toBe('1 interest, labels next');
});
