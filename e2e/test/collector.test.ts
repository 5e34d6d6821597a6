import { createReadStream, existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { openRedisProfileStore } from '@facet/profiles';
import { expect, it } from 'vitest';
import { temporaryFolder } from './facet.ts';
import { shopEvents, shopFiles, writeShop } from '@facet/testing';
import { expectSameDataset, retail, useServices } from './same-dataset.ts';

const services = useServices();

it('events sent over HTTP give the same dataset as their file', async () => {
  const folder = await temporaryFolder();
  await writeShop(folder);
  await expectSameDataset(services(), folder, shopFiles, shopEvents().length);

  const store = await openRedisProfileStore({ url: services().redis.url, eventsMax: 500, ttlDays: 1 });
  const first = await store.read('u0').finally(() => store.close());
  expect(first?.events.length).toBe(shopEvents().filter(({ user_id }) => user_id === 'u0').length);
});

// collector.faults.ts sends all of it.
it('the first 60,000 lines of Online Retail II sent over HTTP give the same dataset as their file', async (context) => {
  if (!existsSync(retail)) context.skip(`There is no ${retail}.`);
  const folder = await temporaryFolder();
  const events = join(folder, 'interactions.tsv');
  const lines = await firstLines(join(retail, 'interactions.tsv.gz'), 60_001);
  await writeFile(events, lines.join('\n'));
  const files = ['--events', events, '--items', join(retail, 'items.tsv')];
  await expectSameDataset(services(), folder, files, 60_000);
});

async function firstLines(file: string, count: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: createReadStream(file).pipe(createGunzip()) })) {
    if (lines.push(line) === count) break;
  }
  return lines;
}
