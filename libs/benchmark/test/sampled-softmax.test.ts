/** @module-tag full */
import { createRandom } from '@facet/features';
import type { LakeEvent } from '@facet/lake';
import type { ModelConfig } from '@facet/model';
import { expect, it } from 'vitest';
import { openBenchmarkData } from '../src/benchmark-data.ts';
import type { BenchmarkRow } from '../src/run-benchmark.ts';
import type { Setting } from '../src/tower-settings.ts';
import { openSequences, openShop, runSystems, systemsOf } from './benchmark-setup.ts';
import type { OpenedBenchmark } from './benchmark-setup.ts';
import { closing, dayMs, opening } from '@facet/stages/testing';

/** Trains `facet` in a smaller size with these negatives. */
async function train(
  opened: OpenedBenchmark,
  negatives: ModelConfig['negatives'],
  more: readonly Setting[] = [],
): Promise<BenchmarkRow> {
  const settings: Setting[] = [
    { name: 'negatives', value: negatives },
    { name: 'd', value: 16 },
    { name: 'hiddenUnits', value: [32] },
    { name: 'batchSize', value: 128 },
    { name: 'refit', value: false },
    ...more,
  ];
  const { rows } = await runSystems(opened, systemsOf(opened, ['facet'], settings));
  return rows[0]!;
}

const ndcgAt10 = ({ tasks }: BenchmarkRow, task: 'new' | 'all'): number =>
  tasks[task]!.cutoffs.find(({ cutoff }) => cutoff === 10)!.ndcg;

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
  const opened = await openSequences(kindSequences(), 'leave-one-out');
  const ndcgOf = async (negatives: ModelConfig['negatives']): Promise<number> => {
    const few = [
      { name: 'L', value: 8 },
      { name: 'epochs', value: 4 },
    ];
    return ndcgAt10(await train(opened, negatives, few), 'new');
  };
  const full = await ndcgOf('all');
  // Untrained towers reach .02.
  expect(full).toBeGreaterThan(0.15);
  for (const negatives of [120, 'in-batch', 'in-batch+120'] as const) {
    expect(await ndcgOf(negatives), `negatives ${negatives}`).toBeGreaterThan(0.97 * full);
  }
});

/** 1,500 users who buy two things on each of six days, of two of 50 kinds of 20 things; a fifth of them again. */
function kindEvents(): LakeEvent[] {
  const random = createRandom(3);
  const events: LakeEvent[] = [];
  for (let user = 0; user < 1500; user++) {
    const kinds = [random.int(50), random.int(50)];
    const own: string[] = [];
    for (let day = random.int(10); day < 60; day += 10) {
      for (let purchase = 0; purchase < 2; purchase++) {
        const isRepeat = own.length > 0 && random.next() < 0.2;
        const thing = kinds[random.int(2)]! * 20 + Math.floor(20 * random.next() ** 2);
        const itemId = isRepeat ? own[random.int(own.length)]! : `thing-${thing}`;
        own.push(itemId);
        const time = opening + day * dayMs + purchase * 1000;
        const moment = { occurredAt: time, receivedAt: time };
        events.push({ eventId: `p${events.length}`, type: 'purchase', userId: `u${user}`, itemId, ...moment });
      }
    }
  }
  return [...events, { ...events[0]!, eventId: 'last', occurredAt: closing - 1, receivedAt: closing - 1 }];
}

it('the share of the catalog that auto draws reaches the quality of the full softmax within 3 %, by time split', async () => {
  const context = await openShop(kindEvents());
  const opened = { context, benchmark: await openBenchmarkData(context, { kind: 'home' }, 'time-split') };
  const itemCount = opened.benchmark.data.items.length - 1;
  // 2,048 of the 5,001 items from which on `auto` draws.
  const drawn = Math.round((itemCount * 2048) / 5001);
  const of = (negatives: ModelConfig['negatives']): Promise<BenchmarkRow> =>
    train(opened, negatives, [
      { name: 'L', value: 12 },
      { name: 'K', value: 1 },
      { name: 'epochs', value: 6 },
    ]);
  const full = await of('all');
  expect(ndcgAt10(full, 'new')).toBeGreaterThan(0.15);
  for (const negatives of [drawn, `in-batch+${drawn}`] as const) {
    const sampled = await of(negatives);
    for (const task of ['new', 'all'] as const) {
      expect(ndcgAt10(sampled, task), `negatives ${negatives}, ${task}`).toBeGreaterThan(0.97 * ndcgAt10(full, task));
    }
  }
});
