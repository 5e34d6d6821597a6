/** @module-tag full */
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, it } from 'vitest';
import { facet, facetJson } from './facet.ts';
import { shopEvents, shopItems, temporaryFolder, toCsv, toJsonLines } from '@facet/testing';

interface DatasetDocument {
  readonly dataset: {
    readonly counts: Readonly<Record<string, number>>;
    readonly split: { readonly testFrom: number };
  };
}

async function writeParquet(csv: string, parquet: string): Promise<void> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run(`COPY (FROM read_csv('${csv}')) TO '${parquet}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
}

it('equal rows in CSV, JSON Lines and Parquet give the same dataset', { tags: 'full' }, async () => {
  const folder = await temporaryFolder();
  const events = shopEvents();
  await writeFile(join(folder, 'events.csv'), toCsv(events));
  await writeFile(join(folder, 'events.jsonl'), toJsonLines(events));
  await writeParquet(join(folder, 'events.csv'), join(folder, 'events.parquet'));
  await writeFile(join(folder, 'items.csv'), toCsv(shopItems));

  const datasets: DatasetDocument['dataset'][] = [];
  for (const format of ['csv', 'jsonl', 'parquet']) {
    await facetJson(folder, ['import', '--events', `events.${format}`, '--items', 'items.csv', '--home', format]);
    datasets.push((await facetJson<DatasetDocument>(folder, ['dataset', '--home', format])).dataset);
  }
  const [csv, ...others] = datasets;
  expect(csv!.counts).toMatchObject({ events: events.length, interactions: events.length, users: 200, items: 60 });
  for (const other of others) {
    expect({ counts: other.counts, split: other.split }).toEqual({ counts: csv!.counts, split: csv!.split });
  }
});

it('malformed lines are skipped and reported with their numbers', async () => {
  const folder = await temporaryFolder();
  const events = shopEvents();
  const path = join(folder, 'events.csv');
  await writeFile(path, toCsv(events));
  // The header is line 1, so the malformed lines begin at events.length + 2.
  await appendFile(path, 'u1,garden-1,purchase,yesterday\nu2,,purchase,1704067200\nu3\n');
  const numbers = [2, 3, 4].map((more) => events.length + more);

  const validated = await facet(folder, ['validate', '--events', 'events.csv']);
  expect(validated.code).toBe(0);
  for (const number of numbers) expect(validated.out).toContain(String(number));

  const imported = await facet(folder, ['import', '--events', 'events.csv', '--home', 'home']);
  expect(imported.code).toBe(0);
  expect(imported.out).toContain('Refused lines');
  for (const number of numbers) expect(imported.out).toContain(`line ${number}`);
  const { dataset } = await facetJson<DatasetDocument>(folder, ['dataset', '--home', 'home']);
  expect(dataset.counts['events']).toBe(events.length);
});
