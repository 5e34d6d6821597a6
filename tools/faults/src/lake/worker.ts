import { setTimeout as sleep } from 'node:timers/promises';
import { openFileEventLogReader } from '@facet/event-log';
import { createRandom } from '@facet/features';
import { compactLake, openLakeWriter, rebuildLake, transactionsPerCheckpoint, uploadLake } from '@facet/lake';
import { hourMs } from '@facet/platform';
import { commitsSinceCheckpoint, isCheckpointDue, receivedAt, requestErasure, source } from './lake-events.ts';
import type { Work, WorkerOrder } from './killed-worker.ts';

/**
 * Works on a lake until the process is killed: commits the events of a log, and at the same time compacts, erases and rebuilds.
 * Prints a line for each step.
 */

const batchEventsMax = 30;
const pauseMsMax = 20;

const { lake, table, logFolder, isOnS3, target, seed, clockAheadMs } = JSON.parse(process.argv[2]!) as WorkerOrder;
const choose = createRandom(seed).int;
const now = (): number => Date.now() + clockAheadMs;
const report = (...words: readonly unknown[]): boolean => process.stdout.write(`${words.join(' ')}\n`);

async function run(work: Work, act: () => Promise<unknown>): Promise<void> {
  report('begin', work);
  await act();
  report('end', work);
}

if (isOnS3) await run('upload', () => uploadLake(lake));
const log = await openFileEventLogReader(logFolder);
const writer = await openLakeWriter(lake, { now });
await Promise.all([sink(), maintain()]);

async function sink(): Promise<never> {
  for (;;) {
    const from = writer.committed(source);
    const events = await log.read({ from, limit: 1 + choose(batchEventsMax) });
    if (events.length === 0) throw new Error('The event log is too short for this number of kills.');
    writer.add(source, events, from + events.length);
    const isCheckpointNext = (await commitsSinceCheckpoint(table)) >= transactionsPerCheckpoint - 1;
    if (isCheckpointNext) {
      await run('checkpoint', () => writer.commit());
      if (await isCheckpointDue(table)) report('failed', 'checkpoint');
    } else await writer.commit();
    report('committed', writer.committed(source));
    await sleep(choose(pauseMsMax));
  }
}

async function maintain(): Promise<never> {
  const requests = await openLakeWriter(lake, { now });
  const compact = () => compactLake(lake, { now, graceMs: choose(2) * hourMs });
  const works = {
    compaction: compact,
    erasure: async () => {
      report('erased', await requestErasure(requests, choose));
      await compact();
    },
    rebuild: () => rebuildLake(log, lake, { now, from: receivedAt(choose(requests.committed(source))) }),
  };
  const names = ['compaction', 'erasure', 'rebuild'] as const;
  for (let next = names.find((name) => name === target); ; next = undefined) {
    const work = next ?? names[choose(names.length)]!;
    await requests.discard();
    await run(work, works[work]);
    await sleep(choose(pauseMsMax));
  }
}
