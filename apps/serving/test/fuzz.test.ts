/** @module-tag full */
import { expect, it } from 'vitest';
import { runFuzz } from './fuzz/run-fuzz.ts';

it(
  'responds to requests of every kind as documented: `npm run test:faults -- fuzz` sends many more',
  { timeout: 300_000 },
  async () => {
    const { cases, responses, failure } = await runFuzz({ cases: 1_500, seed: 1 });
    expect(failure, JSON.stringify(failure)).toBeUndefined();
    expect(cases).toBe(1_500);
    // They cover every operation, and succeed and fail.
    expect(Object.keys(responses).length).toBe(29);
    expect(responses['recommend']!['200']).toBeGreaterThan(50);
    expect(responses['recommend']!['400']).toBeGreaterThan(50);
  },
);
