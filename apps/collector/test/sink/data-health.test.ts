import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openLakeWriter } from '@facet/lake';
import { DataHealthSettings } from '@facet/lake/health-report';
import type { DayHealth } from '@facet/lake';
import type { Event } from '@facet/schemas';
import { createHttpApp, createHttpMetrics } from '@facet/http';
import { createLogger, dayMs, hashApiKey, parseWith } from '@facet/platform';
import { forTest, temporaryFolder } from '@facet/testing';
import { Registry } from 'prom-client';
import { expect, it, vi } from 'vitest';
import {
  createDataHealthMetrics,
  createDataHealthReader,
  startDataHealthRefresher,
} from '../../src/sink/data-health.ts';
import type { DataHealthReader } from '../../src/sink/data-health.ts';
import { addDataHealthRoutes } from '../../src/sink/routes/data-routes.ts';

const noon = Date.parse('2024-03-10T12:00:00Z');
const logger = createLogger({ name: 'test', level: 'silent' });

interface Lake {
  readonly home: string;
  readonly reader: DataHealthReader;
}

/** Creates a lake with `counts.yesterday` and `counts.today` events, and a reader at noon. */
async function lakeWith(counts: { readonly yesterday: number; readonly today: number }): Promise<Lake> {
  const home = await temporaryFolder();
  const eventsOf = (name: string, at: number, count: number): Event[] =>
    Array.from({ length: count }, (_, n) => ({
      eventId: `${name}-${n}`,
      type: 'click',
      userId: `u${n}`,
      itemId: 'i',
      occurredAt: at - 1000 - n,
      receivedAt: at,
    }));
  const events = [...eventsOf('y', noon - dayMs, counts.yesterday), ...eventsOf('t', noon, counts.today)];
  const lakeFolder = join(home, 'lake');
  const writer = await openLakeWriter(lakeFolder);
  writer.add(
    'test-0',
    events.map((event, offset) => ({ event, offset })),
    events.length,
  );
  const count = { day: '2024-03-10', producer: 'web', field: 'type', reason: 'unknown-type' };
  writer.addIntake([{ ...count, outcome: 'refused', count: 3 }]);
  await writer.commit();
  await writer.close();
  const deps = {
    lakeFolder,
    catalogFolder: join(home, 'catalog'),
    settings: parseWith(DataHealthSettings, {}, { source: 'test' }),
    now: () => noon,
  };
  return { home, reader: createDataHealthReader(deps, { freshMs: 60_000 }) };
}

it('updates the metrics of today and yesterday, and stores the reports', async () => {
  const { home, reader } = await lakeWith({ yesterday: 200, today: 50 });
  const registry = new Registry();
  const metrics = createDataHealthMetrics(registry);
  const healthFolder = join(home, 'health');
  forTest(startDataHealthRefresher({ reader, metrics, healthFolder, logger, now: () => noon }, { intervalMs: 60_000 }));
  const reports = ['2024-03-09.json', '2024-03-10.json'];
  // A report that is being written has another name.
  await vi.waitFor(async () => expect((await readdir(healthFolder)).sort()).toEqual(reports), { timeout: 10_000 });

  const text = await registry.metrics();
  expect(text).toContain('facet_data_health_events{day="yesterday"} 200');
  expect(text).toContain('facet_data_health_events{day="today"} 50');
  expect(text).toContain('facet_data_health_volume_ratio{day="today"} 0.25');
  expect(text).toContain('facet_data_health_verdict{day="today"} 1');
  expect(text).not.toContain('facet_data_health_volume_ratio{day="yesterday"}');
  expect(text).toContain(
    'facet_data_health_intake_events{day="today",producer="web",outcome="refused",field="type",reason="unknown-type"} 3',
  );
});

it('removes refusal reasons that a day no longer has', async () => {
  const { reader } = await lakeWith({ yesterday: 1, today: 1 });
  const registry = new Registry();
  const metrics = createDataHealthMetrics(registry);
  metrics.set('today', await reader.read('2024-03-10'));
  expect(await registry.metrics()).toContain('reason="unknown-type"');
  metrics.set('today', await reader.read('2024-03-11'));
  expect(await registry.metrics()).not.toContain('reason="unknown-type"');
});

it('runs one check at a time, and continues after a failure', async () => {
  const { home, reader } = await lakeWith({ yesterday: 1, today: 1 });
  const registry = new Registry();
  const days: string[] = [];
  let running = 0;
  const failing: DataHealthReader = {
    async read(day) {
      days.push(day);
      expect(++running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      if (days.length < 3) throw new Error('no disk');
      return reader.read(day);
    },
  };
  const refresher = startDataHealthRefresher(
    {
      reader: failing,
      metrics: createDataHealthMetrics(registry),
      healthFolder: join(home, 'health'),
      logger,
      now: () => noon,
    },
    { intervalMs: 1 },
  );
  await vi.waitFor(() => expect(days.length).toBeGreaterThan(6), { timeout: 10_000 });
  refresher.close();
  const checked = days.length;
  expect(await registry.metrics()).toContain('facet_data_health_failures_total 2');
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(days).toHaveLength(checked);
  expect(days.slice(0, 4)).toEqual(['2024-03-09', '2024-03-10', '2024-03-09', '2024-03-10']);
});

it('responds to GET /v1/data-health with the report of a day', async () => {
  const { reader } = await lakeWith({ yesterday: 200, today: 50 });
  const keys = (['admin', 'ingest'] as const).map((scope) => ({
    name: scope,
    scopes: [scope],
    sha256: hashApiKey(scope),
  }));
  const app = forTest(
    await createHttpApp(
      { logger, metrics: createHttpMetrics() },
      { access: { kind: 'keys', keys }, bodyBytesMax: 1024, eventLoopDelayMsMax: 1000 },
    ),
  );
  addDataHealthRoutes(app, { reader, now: () => noon });
  const get = async (query: string, key = 'admin') =>
    app.inject({ url: `/v1/data-health${query}`, headers: { 'x-api-key': key } });

  const today = (await get('')).json<DayHealth>();
  expect(today).toMatchObject({ day: '2024-03-10', isOver: false, verdict: 'warning', intake: { refused: 3 } });
  expect(today).toEqual(JSON.parse(JSON.stringify(await reader.read('2024-03-10'))));
  expect((await get('?day=2024-03-09')).json<DayHealth>()).toMatchObject({ isOver: true, events: { count: 200 } });
  for (const query of ['?day=yesterday', '?day=2024-02-30', '?day=2024-03-09&day=2024-03-10']) {
    expect((await get(query)).statusCode).toBe(400);
  }
  expect((await get('', 'ingest')).statusCode).toBe(403);
  const days = Array.from({ length: 20 }, (_, n) => `?day=2024-02-${10 + n}`);
  const answers = await Promise.all(days.map((day) => get(day)));
  for (const { statusCode, headers } of answers) {
    if (statusCode !== 200) expect([statusCode, headers['retry-after']]).toEqual([503, expect.stringMatching(/^\d$/)]);
  }
});

it('fails the check of a damaged day, and not the next check of an intact day', async () => {
  const { home, reader } = await lakeWith({ yesterday: 1, today: 1 });
  const day = join(home, 'lake', 'dt=2024-03-10');
  const [file] = await readdir(day);
  const path = join(day, file ?? '');
  await rm(path);
  await expect(reader.read('2024-03-10')).rejects.toMatchObject({ code: 'EVENTS_LAKE_DAMAGED' });
  await writeFile(path, 'not Parquet');
  await expect(reader.read('2024-03-10')).rejects.toMatchObject({ code: 'EVENTS_LAKE_DAMAGED' });
  expect((await reader.read('2024-03-08')).events.count).toBe(0);
});
