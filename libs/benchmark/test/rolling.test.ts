/** @module-tag full */
import { homePaths } from '@facet/config';
import { temporaryFolder } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import { describeData, summarize } from '../src/table.ts';
import { joinPeriods, joinRuns } from '../src/run-benchmark.ts';
import { openRollingData } from '../src/benchmark-data.ts';
import type { BenchmarkData } from '../src/benchmark-data.ts';
import type { BenchmarkRun } from '../src/run-benchmark.ts';
import { createStageContext } from '@facet/stages';
import type { StageContext } from '@facet/stages';
import { openShop, runSystems, systemsOf } from './benchmark-setup.ts';
import { closing, dayMs, opening, shopConfig, shopEvents } from '@facet/stages/testing';

const every = 5 * dayMs;

interface RanPeriods {
  readonly context: StageContext;
  readonly periods: readonly BenchmarkData[];
  readonly runs: readonly BenchmarkRun[];
}

async function runPeriods(names: readonly string[]): Promise<RanPeriods> {
  const context = await openShop(shopEvents());
  const periods = await openRollingData(context, { kind: 'home' }, { everyDays: 5, days: 17 });
  const systems = systemsOf({ context, benchmark: joinPeriods(periods) }, names, []);
  const runs: BenchmarkRun[] = [];
  for (const benchmark of periods) runs.push(await runSystems({ context, benchmark }, systems));
  return { context, periods, runs };
}

describe('a rolling benchmark', () => {
  it('judges each period on the data before it, and contains no later interaction', async () => {
    const { periods } = await runPeriods([]);
    expect(periods).toHaveLength(3);
    periods.forEach(({ data, protocol }, position) => {
      const from = closing - (3 - position) * every;
      expect(protocol.test.cut).toBe(from);
      expect(protocol.validation.cut).toBe(from - every);
      expect(Math.max(...data.sequences.times)).toBeLessThan(from + every);
      const { offsets, items, times } = data.sequences;
      for (const { userIndex, end, truth } of protocol.test.users) {
        const bought = [...items.subarray(end, offsets[userIndex + 1])];
        expect(times[end]).toBeGreaterThanOrEqual(from);
        expect(new Set(truth.items)).toEqual(new Set(bought.filter((item) => protocol.test.candidates[item] === 1)));
      }
    });
    expect(new Set(periods.map(({ id }) => id)).size).toBe(3);
  });

  it('leaves out a day on which the shop is closed, and widens the validation of the next day', async () => {
    const dayOf = (time: number): number => Math.floor((time - opening) / dayMs);
    const context = await openShop(shopEvents().filter(({ occurredAt }) => dayOf(occurredAt) !== 57));
    const periods = await openRollingData(context, { kind: 'home' }, { everyDays: 1, days: 3 });
    const cuts = periods.map(({ protocol: { validation, test } }) =>
      [validation, test].map(({ cut }) => dayOf(Number(cut))),
    );
    expect(cuts).toEqual([
      [56, 58],
      [58, 59],
    ]);
    expect(describeData(joinPeriods(periods)).slice(-3, -1)).toEqual([
      'Left out without test or validation users: the periods that begin on 2026-03-03.',
      'The previous period has no validation users, so validation begins earlier: 2026-03-04 (validation from 2026-03-02).',
    ]);
    const runs = await Promise.all(
      periods.map((benchmark) =>
        runSystems({ context, benchmark }, systemsOf({ context, benchmark }, ['item-cf-cosine'], [])),
      ),
    );
    expect(joinRuns(runs).rows).toHaveLength(1);
  });

  it('fails if no period has users', async () => {
    const context = await openShop(shopEvents().filter(({ occurredAt }) => occurredAt < opening + dayMs));
    const opened = openRollingData(context, { kind: 'home' }, { everyDays: 1, days: 3 });
    await expect(opened).rejects.toMatchObject({ code: 'BENCHMARK_TOO_SHORT' });
  });

  it('frees the catalogs of a period after its run', async () => {
    const context = await openShop(shopEvents());
    const [period] = await openRollingData(context, { kind: 'home' }, { everyDays: 5, days: 17 });
    const { validation, test } = period!.protocol;
    const timelines = () => [validation, test].map(({ catalog }) => catalog.timeline());
    const during = timelines();
    await runSystems({ context, benchmark: period! }, []);
    timelines().forEach((timeline, position) => expect(timeline).not.toBe(during[position]));
  });

  it('reports means over the users of all periods', async () => {
    const { context, periods, runs } = await runPeriods(['popularity', 'item-cf-cosine']);
    const joined = joinRuns(runs);
    const users = runs.map(({ rows }) => rows[0]!.tasks.all!.users);
    const total = users.reduce((sum, count) => sum + count, 0);
    joined.rows.forEach((row, index) => {
      row.tasks.all!.cutoffs.forEach(({ cutoff, recall }, position) => {
        const ofPeriods = runs.map(({ rows }) => rows[index]!.tasks.all!.cutoffs[position]!);
        const mean = ofPeriods.reduce((sum, metrics, period) => sum + (metrics.recall * users[period]!) / total, 0);
        expect(ofPeriods.map((metrics) => metrics.cutoff)).toEqual([cutoff, cutoff, cutoff]);
        expect(recall).toBeCloseTo(mean, 12);
      });
    });
    const systems = systemsOf({ context, benchmark: periods[0]! }, ['popularity'], []);
    const table = summarize(joined, systems, joinPeriods(periods));
    const { overUsers, cutoffs } = table.systems[0]!.tasks.all!;
    const main = cutoffs.find(({ cutoff }) => cutoff === table.mainCutoff)!;
    expect(table.systems[0]!.tasks.all!.users).toBe(total);
    expect(overUsers.recall.mean).toBeCloseTo(main.recall.mean, 5);
    const missing = { ...runs[1]!, rows: runs[1]!.rows.slice(1) };
    expect(joinRuns([runs[0]!, missing, runs[2]!]).rows.map(({ system }) => system)).toEqual(['item-cf-cosine']);
  });

  it('rejects sequences, which contain no times', async () => {
    const context = createStageContext(homePaths(await temporaryFolder()), shopConfig());
    const opening = openRollingData(
      context,
      { kind: 'sequences', path: 'x.txt', items: [], users: [] },
      { everyDays: 1, days: 2 },
    );
    await expect(opening).rejects.toMatchObject({ code: 'BENCHMARK_NO_TIMES' });
  });
});
