import { createRandom } from '@facet/features';
import type { ModelConfig } from '@facet/model';
import { expect, it } from 'vitest';
import { chooseSystems, runBenchmark } from '../src/benchmark/index.ts';
import type { Setting } from '../src/benchmark/index.ts';
import { openSequences } from './benchmark-setup.ts';

/** 1,500 users who each take 9 of the 2 · 20 things of two of 15 kinds, the things of low numbers more often. */
function kindSequences(): string[] {
  const random = createRandom(3);
  return Array.from({ length: 1500 }, (_, user) => {
    const kinds = [random.int(15), random.int(15)];
    const things = new Set<string>();
    while (things.size < 9) things.add(`thing${kinds[random.int(2)]! * 20 + Math.floor(20 * random.next() ** 2)}`);
    return [`u${user}`, ...things].join(' ');
  });
}

it('drawn, in-batch and mixed negatives reach the quality of the full softmax within 3 %', async () => {
  const { context, benchmark } = await openSequences(kindSequences(), 'leave-one-out');
  const ndcgOf = async (negatives: ModelConfig['negatives']): Promise<number> => {
    const settings: Setting[] = [
      { name: 'negatives', value: negatives },
      { name: 'd', value: 16 },
      { name: 'L', value: 8 },
      { name: 'hiddenUnits', value: [32] },
      { name: 'batchSize', value: 128 },
      { name: 'epochs', value: 4 },
      { name: 'refit', value: false },
    ];
    const systems = chooseSystems(['facet'], { config: context.config, benchmark, settings });
    const { rows } = await runBenchmark({ context, benchmark, systems, seeds: 1, version: 'test', now: () => 0 });
    return rows[0]!.tasks.new!.cutoffs.find(({ cutoff }) => cutoff === 10)!.ndcg;
  };
  const full = await ndcgOf('all');
  // Untrained towers reach .02.
  expect(full).toBeGreaterThan(0.15);
  for (const negatives of [120, 'in-batch', 'in-batch+120'] as const) {
    expect(await ndcgOf(negatives), `negatives ${negatives}`).toBeGreaterThan(0.97 * full);
  }
}, 120_000);
