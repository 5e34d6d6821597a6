import type { Scorer } from '@facet/evaluation';
import { expect, it } from 'vitest';
import { chooseSystems } from '../src/choose-systems.ts';
import type { BenchmarkData } from '../src/benchmark-data.ts';
import { leaveOneOutProtocol, userSplitProtocol } from '../src/protocol.ts';
import type { HeldOutSequenceUser } from '@facet/stages';
import { dayMs, shopConfig, shopDataset } from '@facet/stages/testing';

const data = shopDataset();
const benchmarkOf = (protocol: BenchmarkData['protocol'], hasTimes: boolean): BenchmarkData => ({
  id: 'shop',
  data,
  protocol,
  hasTimes,
  origin: 'Data: shop.',
  positives: undefined,
  excluded: { byRule: {}, bots: 0 },
});
const systemsOf = (benchmark: BenchmarkData, names?: readonly string[]) =>
  chooseSystems(names, { config: shopConfig(), benchmark, settings: [] });

/** Counts the users per day who chose each item in the 30 days before the day of a query, in the data before the cut. */
function countRecent(cut: Int32Array, queryTime: number): number[] {
  const { offsets, items, times, userIds } = data.sequences;
  const today = Math.floor(queryTime / dayMs);
  const chosen = new Set<string>();
  const counts = new Array<number>(data.items.length).fill(0);
  for (let user = 0; user < userIds.length; user++) {
    for (let position = offsets[user]!; position < cut[user]!; position++) {
      const day = Math.floor(times[position]! / dayMs);
      const key = `${user} ${day} ${items[position]}`;
      if (day < today - 30 || day >= today || chosen.has(key)) continue;
      chosen.add(key);
      counts[items[position]!]!++;
    }
  }
  return counts;
}

it.each([leaveOneOutProtocol(data), userSplitProtocol(data)])(
  'popularity-30d ranks by the 30 days before each query ($name)',
  async (protocol) => {
    const benchmark = benchmarkOf(protocol, true);
    const [system] = systemsOf(benchmark, ['popularity-30d']);
    const fitted = await system!.fit({ benchmark, seed: 1, checkpoints: '', now: () => 0 });
    const score = fitted.rankers.new as Scorer<HeldOutSequenceUser>;
    const { users, candidates, cut } = protocol.test;
    expect(new Set(users.map(({ queryTime }) => Math.floor(queryTime / dayMs))).size).toBeGreaterThan(1);
    for (const user of users) {
      const counts = countRecent(cut as Int32Array, user.queryTime);
      const scores = [...score(user)].map((value) => Math.round(Math.expm1(value)));
      expect(Math.max(...counts)).toBeGreaterThan(1);
      expect(scores.slice(1)).toEqual(counts.slice(1).map((count, item) => (candidates[item + 1] === 1 ? count : -1)));
    }
  },
);

it.each([leaveOneOutProtocol(data), userSplitProtocol(data)])(
  'item-based CF and own history rank items without a score as popularity-30d does, or without times by all users ($name)',
  async (protocol) => {
    for (const hasTimes of [true, false]) {
      const benchmark = benchmarkOf(protocol, hasTimes);
      const names = protocol.name === 'leave-one-out' ? ['item-cf-bm25'] : ['own-history', 'item-cf-bm25'];
      const scoresOf = async (name: string) => {
        const [system] = systemsOf(benchmark, [name]);
        const fitted = await system!.fit({ benchmark, seed: 1, checkpoints: '', now: () => 0 });
        return fitted.rankers.new as Scorer<HeldOutSequenceUser>;
      };
      const popular = await scoresOf(hasTimes ? 'popularity-30d' : 'popularity');
      for (const name of names) {
        const score = await scoresOf(name);
        for (const user of protocol.test.users) {
          const [expected, scores] = [popular(user), score(user)];
          const rest = [...scores.keys()].filter((item) => item > 0 && scores[item]! < 0 && expected[item]! >= 0);
          const highest = Math.max(...expected.subarray(1));
          for (const item of rest) expect(scores[item]).toBeCloseTo(expected[item]! - highest - 1, 5);
        }
      }
    }
  },
);

it('compares with popularity-30d by default if the data has times', () => {
  const protocol = leaveOneOutProtocol(data);
  const namesOf = (hasTimes: boolean): string[] => systemsOf(benchmarkOf(protocol, hasTimes)).map(({ name }) => name);
  expect(namesOf(true)).toContain('popularity-30d');
  expect(namesOf(false)).not.toContain('popularity-30d');
});
