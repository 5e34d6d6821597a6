import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { curlExample } from '../src/commands/demo.ts';
import { ownFilesHome } from '../src/source-files.ts';
import { temporaryFolder } from '@facet/testing';

it('own files have the same home for the same content and mapping, and another home otherwise', async () => {
  const folder = await temporaryFolder();
  const events = join(folder, 'my orders.csv.gz');
  await writeFile(events, 'one');
  const home = await ownFilesHome({ events: [events] }, undefined);
  expect(home).toMatch(/^\.facet\/my-orders-[0-9a-f]{8}$/);
  expect(await ownFilesHome({ events: [events] }, undefined)).toBe(home);
  expect(await ownFilesHome({ events: [events] }, { userId: 'buyer' })).not.toBe(home);
  await writeFile(events, 'two');
  expect(await ownFilesHome({ events: [events] }, undefined)).not.toBe(home);
});

it('the curl example quotes every user id for the shell', () => {
  const example = curlExample('http://127.0.0.1:8080', 'facet_k', "o'neil");
  expect(example).toContain(`-d '{"userId":"o'\\''neil","limit":5,"explain":true}'`);
  expect(curlExample('http://127.0.0.1:8080', undefined, 'u')).not.toContain('x-api-key');
});
