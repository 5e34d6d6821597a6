import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { openFileEventLog } from '@facet/event-log';
import { sinkLog, upsertItems } from '@facet/lake';
import type { HttpApp } from '@facet/http';
import { homePaths, readFacetConfig } from '@facet/config';
import { parseExperiments } from '@facet/exposures';
import { createRunStore } from '@facet/runs';
import type { HomePaths } from '@facet/config';
import type { RunStore } from '@facet/runs';
import { createLogger, dayMs } from '@facet/platform';
import { createWorkerMetrics, followRun, openRefreshQueue } from '@facet/refresh';
import type { RefreshQueue } from '@facet/refresh';
import { forTest, scopeKeys, temporaryFolder } from '@facet/testing';
import { createApp } from '../src/app.ts';
import { createExperimentReports } from '../src/experiments/experiments-routes.ts';

/** Noon of the day after `lastDay`. */
export const now = Date.UTC(2026, 2, 1, 12);
export const lastDay = '2026-02-28';

export interface Home {
  readonly folder: string;
  readonly configFile: string;
  readonly paths: HomePaths;
  readonly runs: RunStore;
  readonly store: ArtifactStore;
}

/** Creates an empty home. Removed when the test ends. */
export async function createHome(settings = ''): Promise<Home> {
  const folder = await temporaryFolder();
  const configFile = join(folder, 'facet.yaml');
  await writeFile(configFile, settings);
  const paths = homePaths(folder);
  return {
    folder,
    configFile,
    paths,
    runs: createRunStore(paths.runsFolder),
    store: createFolderArtifactStore(paths.artifactsFolder),
  };
}

/** Settings for a training of some seconds in many short epochs. */
export const shopSettings = `
interactions: { positives: purchase }
split: { testDays: 7, validationDays: 7 }
features: { minHolders: 2 }
model: { embeddingDim: 6, interests: 2, sequenceLength: 8, hiddenUnits: [8], profileDim: 2 }
training: { batchSize: 16, epochs: 8, patience: 8, windowDays: 10 }
evaluation: { cutoffs: [10, 50] }
`;

/** Adds forty days of purchases up to yesterday. Sixty people each buy items of one kind. */
export async function openShop({ paths }: Home): Promise<void> {
  await upsertItems(
    paths.catalogFolder,
    Array.from({ length: 300 }, (_, thing) => ({
      itemId: `thing${thing}`,
      title: `thing number ${thing}`,
      attributes: { kind: `kind${thing % 3}` },
    })),
  );
  const log = await openFileEventLog(paths.logFolder);
  const opening = Date.parse(new Date().toISOString().slice(0, 10)) - 40 * dayMs;
  for (let day = 0; day < 40; day++) {
    await log.append(
      Array.from({ length: 60 }, (_, person) => {
        const occurredAt = opening + day * dayMs + person * 60_000;
        return {
          eventId: `${day}-${person}`,
          type: 'purchase',
          userId: `person${person}`,
          itemId: `thing${(person % 3) + 3 * ((7 * person + 11 * day) % 100)}`,
          occurredAt,
          receivedAt: occurredAt,
        };
      }),
    );
  }
  await sinkLog(log, paths.lakeFolder);
  await log.close();
}

export interface TestApp {
  readonly app: HttpApp;
  readonly home: Home;
  readonly queue: RefreshQueue;
}

let prefixes = 0;

/** Creates the real app with a new home and new queues without workers. It accepts the keys of {@link scopeKeys}. */
export async function createTestApp(redisUrl: string, settings = ''): Promise<TestApp> {
  const home = await createHome(settings);
  const { paths, runs, store } = home;
  const { refresh: schedule, experiments } = await readFacetConfig(home.configFile);
  const options = { redisUrl, prefix: `app${++prefixes}` };
  const queue = forTest(openRefreshQueue({ ...home, schedule, now: () => now, attempts: 1 }, options));
  const app = forTest(
    await createApp(
      {
        logger: createLogger({ name: 'test', level: 'silent' }),
        metrics: createWorkerMetrics('trainer', () => true),
        worker: { isConnected: true, working: undefined },
        runs,
        queue,
        follow: (runId, signal) => followRun(runs, runId, { ...options, signal }),
        home: paths,
        store,
        schedule,
        scheduler: { isHolder: true },
        experiments: parseExperiments(experiments),
        reports: createExperimentReports({ ...paths, now: () => now }),
        now: () => now,
      },
      { access: { kind: 'keys', keys: scopeKeys } },
    ),
  );
  return { app, home, queue };
}
