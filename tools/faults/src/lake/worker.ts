import { setTimeout as sleep } from 'node:timers/promises';
import { openFileEventLogReader } from '@facet/event-log';
import { createRandom } from '@facet/features';
import { compactLake, openLakeWriter, rebuildLake, transactionsPerCheckpoint, uploadLake } from '@facet/lake';
import { hourMs } from '@facet/platform';
import { commitsSinceCheckpoint, isCheckpointDue, receivedAt, requestErasure, source } from './lake-events.ts';
import type { Work } from './lake-events.ts';

// Works on a lake until the process is killed: commits the events of a log, and at the same time compacts, erases and rebuilds.
// Sends a message for each step.

export interface WorkerOrder {
  readonly lake: string;
  /** The folder of the transaction log and the data files. */
  readonly table: string;
  /** Whether the process begins with an upload of the lake to S3. */
  readonly isOnS3: boolean;
  readonly logFolder: string;
  /** The work during which the process is killed. */
  readonly target: Work;
  readonly seed: number;
  /** How far the clock of the process is ahead, so that the log is pruned and replaced files are deleted. */
  readonly clockAheadMs: number;
}

/** The beginning or end of a work, or an acknowledgement. */
export type Step =
  readonly ['begin' | 'end', Work] | readonly ['committed', number] | readonly ['erased', string] | readonly ['failed'];

const batchEventsMax = 30;
const pauseMsMax = 20;

const { lake, table, logFolder, isOnS3, target, seed, clockAheadMs } = JSON.parse(process.argv[2]!) as WorkerOrder;
const choose = createRandom(seed).int;
const now = (): number => Date.now() + clockAheadMs;
const report = (...step: Step): boolean => process.send!(step);

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
      if (await isCheckpointDue(table)) report('failed');
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
