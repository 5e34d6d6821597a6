import { setTimeout } from 'node:timers/promises';
import { json, option, readCommandLine } from '@facet/local-services';
import { alignColumns } from '@facet/platform';
import { withServing } from '../serving/with-serving.ts';
import type { ServingProcess } from '../serving/with-serving.ts';
import { worldItemId } from '../serving/world-catalog.ts';
import { openWorld } from '../serving/world.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- event-loop',
  summary: 'Measure how long requests about the whole catalog block the event loop of serving',
  options: {
    items: option.number('Number of items in the generated catalog', 1_000_000),
    repeat: option.number('Number of measurements of each request', 10),
    json,
  },
  notes: `block     Longest delay of a 10 ms timer of serving while it responds to the request, less these 10 ms
response  Time to the end of the response

"first" includes what serving computes once for each bundle. "best" is the lowest of all measurements: programs on the same cores
lengthen the others.

Exit code: 0 when the measurement is complete.`,
});

const columns = ['position', 'popularity', 'firstSeen', 'attribute:brand', 'attribute:category', 'attribute:price'];
const paths = [
  '/v1/refs',
  '/v1/catalog',
  '/v1/item-map',
  ...columns.map((column) => `/v1/item-map/columns?column=${column}`),
  `/v1/item-map/columns?${columns.map((column) => `column=${column}`).join('&')}`,
  `/v1/items/${worldItemId(1)}/similar?limit=50`,
  '/v1/items?query=oak%20chair',
];

interface Block {
  readonly blockMs: number;
  readonly responseMs: number;
  readonly bytes: number;
}

interface Row {
  readonly path: string;
  readonly first: Block;
  readonly best: Block;
}

const world = await openWorld({ items: values.items, kind: 'flat' });
await withServing(world, { limit: 20, processes: 1 }, async (serving) => {
  const rows: Row[] = [];
  for (const path of paths) {
    const first = await measure(serving, path);
    const blocks = [first];
    while (blocks.length < values.repeat) blocks.push(await measure(serving, path));
    const best = {
      blockMs: Math.min(...blocks.map(({ blockMs }) => blockMs)),
      responseMs: Math.min(...blocks.map(({ responseMs }) => responseMs)),
      bytes: first.bytes,
    };
    rows.push({ path, first, best });
  }
  console.log(values.json ? JSON.stringify({ items: world.itemCount, rows }) : render(rows));
});

async function measure({ url, key }: Pick<ServingProcess, 'url' | 'key'>, path: string): Promise<Block> {
  const headers = { 'x-api-key': key };
  await readBlockMs(url, key);
  const start = performance.now();
  const response = await fetch(`${url}${path}`, { headers });
  if (response.status === 503) {
    // Other programs keep the cores busy.
    await setTimeout(1_000);
    return measure({ url, key }, path);
  }
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  const { byteLength: bytes } = await response.arrayBuffer();
  const responseMs = performance.now() - start;
  return { blockMs: await readBlockMs(url, key), responseMs, bytes };
}

/** Returns the longest block since the last call. */
async function readBlockMs(url: string, key: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: { 'x-api-key': key } })).text();
  const seconds = /^nodejs_eventloop_lag_max_seconds (\S+)/m.exec(text)?.[1];
  return Math.max(0, 1_000 * Number(seconds) - 10);
}

function render(rows: readonly Row[]): string {
  const cells = rows.map(({ path, first, best }) => [
    ...[first.blockMs, best.blockMs].map((blockMs) => `${blockMs.toFixed(1)} ms`),
    `${best.responseMs.toFixed(0)} ms`,
    `${(best.bytes / 1e6).toFixed(2)} MB`,
    path,
  ]);
  const head = ['first block', 'best block', 'response', 'size', 'request'];
  return alignColumns([head, ...cells], { right: [0, 1, 2, 3] }).join('\n');
}
