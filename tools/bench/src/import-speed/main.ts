import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { homePaths } from '@facet/config';
import { openFileEventLog } from '@facet/event-log';
import { importFiles } from '@facet/import';
import { dayMs } from '@facet/platform';
import type { Event } from '@facet/schemas';

const help = `Measure the file event log and the import of a file

  npm run bench -- import [options]

Options:
  --events N  Number of events (default: 800000)
  --json      Print the results as JSON
  --help      Print this help

append  Events per second appended to a file event log in batches of 20,000
import  Events per second from a CSV file into the event log and the lake

Exit code: 0 when the measurement is complete.`;
import { readOptions } from '../command-line.ts';

const { values } = readOptions(help, {
  events: { type: 'string', default: '800000' },
  json: { type: 'boolean', default: false },
});

const batchEvents = 20_000;
const firstTime = Date.UTC(2024, 0, 1);
const count = Number(values.events);
const folder = await mkdtemp(join(tmpdir(), 'facet-bench-import-'));
try {
  const result = { events: count, appendedPerSecond: await measureAppend(), importedPerSecond: await measureImport() };
  if (values.json) console.log(JSON.stringify(result));
  else {
    console.log(`append  ${result.appendedPerSecond.toLocaleString('en-US')} events/s`);
    console.log(`import  ${result.importedPerSecond.toLocaleString('en-US')} events/s`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measureAppend(): Promise<number> {
  const log = await openFileEventLog(join(folder, 'log'));
  const start = performance.now();
  for (let from = 0; from < count; from += batchEvents) {
    await log.append(Array.from({ length: Math.min(batchEvents, count - from) }, (_, index) => eventAt(from + index)));
  }
  const rate = rateSince(start);
  await log.close();
  return rate;
}

async function measureImport(): Promise<number> {
  const rows = Array.from({ length: count }, (_, index) => {
    const { userId, itemId, occurredAt } = eventAt(index);
    return `${userId},${itemId},${occurredAt}`;
  });
  const path = join(folder, 'events.csv');
  await writeFile(path, `user_id,item_id,timestamp\n${rows.join('\n')}\n`);
  const start = performance.now();
  await importFiles({ events: [path] }, { home: homePaths(join(folder, 'home')) });
  return rateSince(start);
}

function eventAt(index: number): Event {
  const occurredAt = firstTime + (index % 100) * dayMs + index;
  return {
    eventId: `event-${index}`,
    type: 'purchase',
    userId: `user-${index % 9973}`,
    itemId: `item-${index % 4999}`,
    occurredAt,
    receivedAt: occurredAt + 1000,
  };
}

function rateSince(start: number): number {
  return Math.round((count * 1000) / (performance.now() - start));
}
