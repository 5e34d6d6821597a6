import { dayMs, isAppError } from '@facet/platform';
import { makeEvent, noon } from '@facet/testing';
import { compactLake } from '../../src/maintenance/compact-lake.ts';
import { openLakeWriter } from '../../src/write/lake-writer.ts';

/** Works on the lake argv[3] as a sink or as a compactor until the process is killed. Prints a line per commit or compaction. */
const [role, lake] = process.argv.slice(2) as ['sink' | 'compactor', string];
const report = (what: string): boolean => process.stdout.write(`${what}\n`);
const sources = ['a-0', 'a-1'];

async function sink(): Promise<void> {
  const writer = await openLakeWriter(lake);
  for (;;) {
    for (const source of sources) {
      const from = writer.committed(source);
      const to = from + 20 + (process.pid % 30);
      const offsets = Array.from({ length: to - from }, (_, index) => from + index);
      const events = offsets.map((offset) => ({
        offset,
        event: makeEvent({
          eventId: `${source}@${offset}`,
          userId: `u${offset % 7}`,
          occurredAt: noon + (offset % 3) * dayMs,
        }),
      }));
      writer.add(source, events, to);
    }
    try {
      await writer.commit();
    } catch (error) {
      if (!isAppError(error, 'EVENTS_LAKE_SUPERSEDED')) throw error;
      await writer.discard();
    }
    report('committed');
  }
}

async function compact(): Promise<void> {
  for (;;) {
    try {
      await compactLake(lake, { graceMs: 0 });
      report('compacted');
    } catch (error) {
      if (!isAppError(error, 'EVENTS_LAKE_BUSY')) throw error;
    }
  }
}

await (role === 'sink' ? sink() : compact());
