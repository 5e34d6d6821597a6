import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openFileEventLog } from '@facet/event-log';
import { dayMs } from '@facet/platform';
import { makeEvent, noon, temporaryFolder } from '@facet/testing';
import { countEvents } from '../../src/read/read-lake.ts';
import { openLakeSnapshot } from '../../src/transaction-log/snapshot.ts';
import { sinkLog } from '../../src/write/sink-log.ts';

it('counts the events that happened before a time and arrived after another, each once', async () => {
  const folder = await temporaryFolder();
  const log = await openFileEventLog(join(folder, 'log'));
  const late = makeEvent({ eventId: 'late', occurredAt: noon, receivedAt: noon + 2 * dayMs });
  await log.append([
    makeEvent({ eventId: 'in time', occurredAt: noon, receivedAt: noon + 1000 }),
    late,
    late,
    makeEvent({ eventId: 'next day', occurredAt: noon + dayMs, receivedAt: noon + 2 * dayMs }),
  ]);
  await sinkLog(log, join(folder, 'lake'));
  await log.close();
  const snapshot = await openLakeSnapshot(join(folder, 'lake'));
  const window = { occurredBefore: noon + dayMs / 2, receivedFrom: noon + dayMs };
  expect(await countEvents(snapshot, window)).toBe(1);
  expect(await countEvents(snapshot, { occurredBefore: noon - dayMs })).toBe(0);
});
