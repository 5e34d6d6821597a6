import { rm } from 'node:fs/promises';
import { createRandom } from '@facet/features';
import type { ModelSettings } from '@facet/model';
import { temporaryFolder } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import type { Setting } from '../src/tower-settings.ts';
import { rankTasks } from '@facet/stages';
import { openSequences, runSystems, small, systemsOf } from './benchmark-setup.ts';
import type { OpenedBenchmark } from './benchmark-setup.ts';

/** 120 users who take 6 of the 8 things of a kind in a circle, so that the last two of their ten interactions are repeats. */
const lines = Array.from({ length: 120 }, (_, user) => {
  const things = Array.from({ length: 10 }, (_, step) => (user % 3) * 8 + ((user + (step % 6)) % 8));
  return [`u${user}`, ...things.map((thing) => `i${thing}`)].join(' ');
});

const settings: readonly Setting[] = [...small, { name: 'epochs', value: 1 }];
/** Systems that validation does not influence, with one epoch and one setting. */
const names = ['facet', 'popularity', 'own-history'];

const idsOf = ({ benchmark: { data, protocol } }: OpenedBenchmark, part: 'validation' | 'test'): Set<string> =>
  new Set(protocol[part].users.map(({ userIndex }) => data.sequences.userIds[userIndex]!));

/** Returns the rankings for all training users, whose data do not differ, by each system. */
async function rankTrainingUsers(
  opened: OpenedBenchmark,
  settings: readonly Setting[],
): Promise<Record<string, number[][]>> {
  const { benchmark } = opened;
  const { data, protocol } = benchmark;
  const { offsets, items, userIds, times } = data.sequences;
  const cut = protocol.test.cut as Int32Array;
  const probes = [...userIds.keys()]
    .filter((user) => cut[user]! > offsets[user]!)
    .map((userIndex) => {
      const [start, end] = [offsets[userIndex]!, offsets[userIndex + 1]! - 1];
      const truth = { items: items.slice(end, end + 1), absent: 0 };
      return { userIndex, start, end, history: items.slice(start, end), truth, queryTime: times[end]! };
    });
  const rankings: Record<string, number[][]> = {};
  for (const system of systemsOf(opened, names, settings)) {
    const checkpoints = await temporaryFolder();
    const fitted = await system.fit({ benchmark, seed: 1, checkpoints, now: () => 0 });
    const ranked = rankTasks(fitted.rankers, probes, { cutoffs: [24], tieSeed: 1 }, ['all']);
    rankings[system.name] = ranked.all.map(({ ranking }) => [...ranking]);
    fitted.dispose?.();
    await rm(checkpoints, { recursive: true });
  }
  return rankings;
}

describe('a benchmark of a split by users', () => {
  it('gives a held-out user the first 80 % as the history and the rest as the truth, repeats included', async () => {
    const { data, protocol } = (await openSequences(lines, 'user-split')).benchmark;
    expect(protocol.cutoffs).toEqual([20, 50]);
    expect(protocol.test.users.length).toBeGreaterThan(5);
    for (const { userIndex, history, truth } of protocol.test.users) {
      const line = lines.find((line) => line.startsWith(`${data.sequences.userIds[userIndex]} `))!;
      const items = line
        .split(' ')
        .slice(1)
        .map((id) => data.vocabulary.indexOf(id)!);
      expect([...history]).toEqual(items.slice(0, 8));
      expect([...truth.items]).toEqual(items.slice(8));
    }
  });

  it.each([
    ['test', settings],
    // The repeat bonus is fitted on validation users.
    ['validation', [...settings, { name: 'repeatBonus', value: false }]],
  ] as const)('fits every system without any interaction of %s users', async (part, settings) => {
    const original = await openSequences(lines, 'user-split');
    const heldOut = idsOf(original, part);
    // Held-out users who all take i20 to i23 would change the popularity, the vocabulary and every similarity.
    const changed = await openSequences(
      lines.map((line) => {
        const [id = ''] = line.split(' ');
        return heldOut.has(id)
          ? [id, ...Array.from({ length: 10 }, (_, step) => `i${20 + (step % 4)}`)].join(' ')
          : line;
      }),
      'user-split',
    );
    expect(changed.benchmark.data.items).toEqual(original.benchmark.data.items);
    expect(changed.benchmark.data.vocabulary.trainedCount).toBe(original.benchmark.data.vocabulary.trainedCount);
    const before = await rankTrainingUsers(original, settings);
    const after = await rankTrainingUsers(changed, settings);
    expect(Object.keys(before)).toEqual(names);
    expect(after).toEqual(before);
  });

  it('trains facet on the share that the split holds out, and published models on the next item', async () => {
    const systems = systemsOf(await openSequences(lines, 'user-split'), ['facet', 'sasrec-facet', 'mind'], settings);
    const training = systems.map(({ settings }) => (settings as ModelSettings).training);
    expect(training.map(({ labels }) => labels)).toEqual(['share', 'share', 'moment']);
    expect(training.map(({ refit }) => refit)).toEqual([false, false, false]);
  });

  it('lets repeats return in ALL, and ranks only other items in NEW', async () => {
    const opened = await openSequences(lines, 'user-split');
    const { rows } = await runSystems(opened, systemsOf(opened, ['own-history', 'item-cf-cosine'], settings));
    for (const { tasks } of rows) {
      // Every target is a repeat of one of six items.
      expect(tasks.all!.cutoffs.find(({ cutoff }) => cutoff === 10)!.hitRate).toBe(1);
      expect(tasks.new!.users).toBe(0);
      expect(tasks.all!.cutoffs.map(({ cutoff }) => cutoff)).toEqual([3, 10, 20, 50]);
    }
  });

  it('leaves own items out of ALL if that is better on validation', async () => {
    const random = createRandom(1);
    const different = Array.from({ length: 120 }, (_, user) => {
      const things = [...Array(100).keys()].map((thing) => (user % 3) * 100 + thing);
      random.shuffle(things);
      return [`u${user}`, ...things.slice(0, 20).map((thing) => `i${thing}`)].join(' ');
    });
    const rowOf = async (of: readonly string[], name: string) => {
      const opened = await openSequences(of, 'user-split');
      return (await runSystems(opened, systemsOf(opened, [name], settings))).rows[0]!;
    };
    const withoutRepeats = await rowOf(different, 'item-cf-cosine');
    expect(withoutRepeats.chosen).toMatchObject({ all: { ownItems: 'left out' } });
    expect(withoutRepeats.tasks.all!.cutoffs).toEqual(withoutRepeats.tasks.new!.cutoffs);
    expect(JSON.stringify((await rowOf(lines, 'item-cf-cosine')).chosen)).not.toContain('left out');
    const history = await rowOf(different, 'own-history');
    expect(JSON.stringify(history.chosen)).not.toContain('left out');
  });

  it('has no system that knows only the users of the training', async () => {
    const all = systemsOf(await openSequences(lines, 'user-split')).map(({ name }) => name);
    expect(all).toContain('own-history');
    expect(all).not.toContain('maxmf');
    expect(all).not.toContain('popularity-30d');
  });
});
