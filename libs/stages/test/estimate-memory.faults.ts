import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** Trains in a child process. Returns its peak memory and the estimate for it. */
async function measureTraining(items: number, batchSize: number) {
  const script = join(import.meta.dirname, 'train-in-child.ts');
  const loader = ['--conditions=@facet/source', '--import', import.meta.resolve('tsx')];
  const { stdout } = await promisify(execFile)(process.execPath, [...loader, script, `${items}`, `${batchSize}`]);
  return JSON.parse(stdout) as { readonly peakBytes: number; readonly estimatedBytes: number };
}

it(
  'the estimated memory covers the peak of real trainings at most twice, and predicts their growth within a third',
  { timeout: 180_000 },
  async () => {
    const small = await measureTraining(2_000, 64);
    const large = await measureTraining(60_000, 64);
    for (const { peakBytes, estimatedBytes } of [small, large]) {
      expect(estimatedBytes / peakBytes).toBeGreaterThan(1);
      expect(estimatedBytes / peakBytes).toBeLessThan(2);
    }
    const measured = large.peakBytes - small.peakBytes;
    const estimated = large.estimatedBytes - small.estimatedBytes;
    expect(Math.abs(estimated / measured - 1)).toBeLessThan(1 / 3);
  },
);
