/** @module-tag full */
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { openFileEventLog } from '@facet/event-log';
import { compareDeltaReaders, installDeltaReaders } from '@facet/local-services';
import { dayMs } from '@facet/platform';
import { hashUser } from '@facet/schemas';
import { forTest, makeEvent, noon, temporaryFolder } from '@facet/testing';
import { compactLake } from '../../src/maintenance/compact-lake.ts';
import { rebuildLake } from '../../src/maintenance/rebuild-lake.ts';
import { readLake } from '../../src/read/read-lake.ts';
import { openLakeSnapshot } from '../../src/transaction-log/snapshot.ts';
import { openLakeWriter } from '../../src/write/lake-writer.ts';
import { sinkLog } from '../../src/write/sink-log.ts';

/** Events over three days with every kind of value, among them texts and times that readers may treat differently. */
const events = Array.from({ length: 300 }, (_, index) =>
  makeEvent({
    eventId: `e${index}`,
    userId: index % 7 === 0 ? (undefined as never) : `ü${index % 10}`,
    sessionId: `s'${index % 10}"`,
    ...(index % 50 === 1 ? { type: 'identify', itemId: undefined as never } : {}),
    ...(index % 3 === 0 ? { value: index / 7, position: index, context: { a: [1, null, 'x"y'] } } : {}),
    occurredAt: noon + ((index * 7919) % 3) * dayMs + index,
    receivedAt: noon + index * 1000 + 1,
  }),
);

let readers: Awaited<ReturnType<typeof installDeltaReaders>>;
// The first installation takes half a minute.
beforeAll(async () => {
  readers = await installDeltaReaders();
}, 600_000);

it('gives all readers the same rows as Facet in every version', { timeout: 300_000 }, async () => {
  const folder = await temporaryFolder();
  const lake = join(folder, 'lake');
  const versions = new Map<number, readonly string[]>();
  const recordVersion = async (): Promise<void> => {
    const { version, files } = await openLakeSnapshot(lake);
    versions.set(
      version,
      files.map(({ path }) => path),
    );
  };
  const log = forTest(await openFileEventLog(join(folder, 'log'), { topic: 'a' }));
  await log.append(events);
  await sinkLog(log, lake, { batchEventsMax: 100 });
  await recordVersion();
  await compactLake(lake);
  await recordVersion();
  const writer = forTest(await openLakeWriter(lake));
  writer.addErasure({
    erasureId: 'e',
    userHash: hashUser('ü3'),
    sessionHashes: [],
    requestedAt: noon + dayMs,
    requestedBy: 'test',
  });
  await writer.commit();
  await compactLake(lake);
  await recordVersion();
  await rebuildLake(log, lake, { from: noon + 100_000 });
  await recordVersion();
  // Enough commits to write a checkpoint.
  for (let offset = 0; offset < 40; offset++) {
    writer.add('b-0', [{ offset, event: makeEvent({ eventId: `b${offset}` }) }], offset + 1);
    await writer.commit();
    if (offset % 8 === 7) await recordVersion();
  }
  const results = await compareDeltaReaders(readers, new Map([[lake, versions]]));
  expect(results).toHaveLength(versions.size * 4 + 1);
  for (const result of results) expect(result).toMatchObject({ missing: 0, surplus: 0 });
  const rows = (await readLake(lake)).length;
  expect(rows).toBeGreaterThan(250);
  expect(results.at(-1)!.rows).toBeGreaterThan(rows);
});
