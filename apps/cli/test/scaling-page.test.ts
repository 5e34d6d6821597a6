import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { resolveModel } from '@facet/config';
import { estimateMemory, estimateTrainingMemory } from '@facet/stages';
import { indexMemory } from '@facet/retrieval';
import { expect, it } from 'vitest';
import { readChosenConfig } from '../src/stages.ts';
import { formatBytes } from '../src/terminal/text.ts';

it('docs/scaling.md has the sizes that facet estimate computes', async () => {
  const page = await readFile(new URL('../../../docs/scaling.md', import.meta.url), 'utf8');
  const settings = resolveModel(
    await readChosenConfig({ config: fileURLToPath(new URL('../../../facet.yaml', import.meta.url)) }),
  );
  const [, users, events] = /--users (\d+) --events (\d+)/.exec(page)!.map(Number);
  const estimated = new Map<string, string[]>();
  for (const items of [100_000_000, 1_000_000_000]) {
    const kinds = (['flat', 'hnsw', 'ivf'] as const).map((kind) => ({
      kind,
      ...indexMemory(kind, items, settings.model.embeddingDim + 1),
      buildSeconds: 0,
      latency: { p50Ms: 0, p99Ms: 0 },
    }));
    const size = { items, users: users!, events: events! };
    const memory = estimateMemory(size, settings, { kinds, chosen: 'hnsw' });
    const rows: [name: string, bytes: number][] = [
      ...memory.vectors.map(({ bitsPerValue, bytes }): [string, number] => [`item vectors, ${bitsPerValue}`, bytes]),
      ['graph index', kinds[1]!.bytes],
      ['item tables of a training', memory.train.parts.find(({ name }) => name === 'tables of items with Adam')!.bytes],
      ['training, in total', memory.train.bytes],
      ['building the index', memory.index.bytes],
      ['serving', memory.serve.bytes],
      ['disk of one run', memory.disk.bytes],
    ];
    for (const [name, bytes] of rows) estimated.set(name, [...(estimated.get(name) ?? []), formatBytes(bytes)]);
  }
  const rows = page.matchAll(/^\| ([^|]+?)(?: bits? per value)? +\| +([\d.]+ [kMGT]B) +\| +([\d.]+ [kMGT]B) +\|/gm);
  expect(Array.from(rows, ([, name, ...sizes]) => [name, sizes])).toEqual([...estimated]);

  const interactions = 2 ** 31 - 1;
  const trainingBytes = (events: number): number =>
    estimateTrainingMemory({ items: 1, users: 1, events }, settings).bytes;
  expect(page).toContain(`${interactions.toLocaleString('en')} × (32 + 16) bytes`);
  expect(trainingBytes(interactions) - trainingBytes(0)).toBe(interactions * (32 + 16));
});
