import { expect, it } from 'vitest';
import { describeInterestChoice } from '../src/terminal/interest-choice.ts';

it('describes the number of interests of a model, and the scores that decided it', () => {
  const interestScores = [
    { interests: 4, score: 0.18022 },
    { interests: 1, score: 0.1753 },
  ];
  expect(describeInterestChoice({ interests: 4, interestScores })).toBe(
    '4 interests validate at 0.1802, 1 interest validates at 0.1753: 4 are kept',
  );
  expect(describeInterestChoice({ interests: 1, interestScores })).toContain(': 1 is kept');
  expect(describeInterestChoice({ interests: 2 })).toBe('2 interests');
});
