import type { LakeEvent } from '@facet/lake';
import { describe, expect, it } from 'vitest';
import { describeData, summarize } from '../src/table.ts';
import { openBenchmarkData, openRollingData } from '../src/benchmark-data.ts';
import { saveTable } from '../src/render-table.ts';
import type { BenchmarkTable } from '../src/table.ts';
import type { StageContext } from '@facet/stages';
import { noPriorNote } from '@facet/stages';
import { openShop, runSystems, systemsOf } from './benchmark-setup.ts';
import { eventsOfOneDay, shopEvents, testFrom } from '@facet/stages/testing';

const home = { kind: 'home' } as const;

async function tabulate(context: StageContext, names: readonly string[]): Promise<BenchmarkTable> {
  const benchmark = await openBenchmarkData(context, home, 'time-split');
  const systems = systemsOf({ context, benchmark }, names, []);
  return summarize(await runSystems({ context, benchmark }, systems), systems, benchmark);
}

describe('a benchmark of events', () => {
  it('rejects a split by time without a user on both sides of it', async () => {
    // Every session is a user.
    const sessions = shopEvents().map((event, session) => ({ ...event, userId: `session${session}` }));
    const opening = openBenchmarkData(await openShop(sessions), home, 'time-split');
    await expect(opening).rejects.toMatchObject({ code: 'BENCHMARK_TOO_SHORT' });
  });

  it.each(['leave-one-out', 'user-split'] as const)(
    '%s: trains without the popularity prior on data of one day, and says so',
    { tags: 'full' },
    async (protocol) => {
      const context = await openShop(eventsOfOneDay());
      const benchmark = await openBenchmarkData(context, home, protocol);
      expect(describeData(benchmark)).toContain(noPriorNote);
      const systems = systemsOf({ context, benchmark }, ['facet']);
      expect(await runSystems({ context, benchmark }, systems)).toMatchObject({
        rows: [{ system: 'facet' }],
        failed: [],
      });
    },
  );

  it('leaves out the task of new items if no test user has one', async () => {
    const events = shopEvents().filter(({ occurredAt }) => occurredAt < testFrom);
    const bought = events.filter(({ type }) => type === 'purchase');
    const again = bought
      .slice(0, 20)
      .map((event, index): LakeEvent => ({ ...event, eventId: `again${index}`, occurredAt: testFrom + index }));
    const context = await openShop([...events, ...again]);
    const table = await tabulate(context, ['popularity', 'own-history']);
    expect(table.tasks).toEqual(['all']);
    expect(table.systems.map(({ tasks }) => Object.keys(tasks))).toEqual([['all'], ['all']]);
    await expect(saveTable(context.home.benchmarksFolder, table)).resolves.toMatch(table.id);
  });

  it.each(['time-split', 'leave-one-out', 'user-split', 'rolling'] as const)(
    '%s: counts events that are not positive, and rejects data without positive ones',
    async (protocol) => {
      const open = async (context: StageContext) =>
        protocol === 'rolling'
          ? (await openRollingData(context, home, { everyDays: 10, days: 20 }))[0]!
          : openBenchmarkData(context, home, protocol);
      const events = shopEvents();
      const views = events.filter(({ type }) => type === 'view');
      expect((await open(await openShop(events))).excluded.byRule['notPositive']).toBe(views.length);
      await expect(open(await openShop(views))).rejects.toMatchObject({
        code: 'DATASET_NO_POSITIVES',
        message: `No event is positive by the rule "purchase". The events are: view (${views.length}).`,
        remedy: 'Set interactions: { positives: view } in facet.yaml.',
      });
    },
  );
});
