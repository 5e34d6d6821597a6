// Vitest loads this file before each test file, so that all runs draw the same random values.
import fc from 'fast-check';
import { beforeEach } from 'vitest';
import { testSeed } from './random.ts';

fc.configureGlobal({ seed: testSeed });

beforeEach(({ onTestFailed }) => {
  onTestFailed(() => console.error(`To draw the same random values again: FACET_TEST_SEED=${testSeed}`));
});
