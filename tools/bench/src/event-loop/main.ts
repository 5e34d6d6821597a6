import { logProgress, readOptions } from '../command-line.ts';
import type { ServingProcess } from '../serving/serving-process.ts';
import { withServing } from '../serving/with-serving.ts';
import { worldItemId } from '../serving/world-catalog.ts';
import { openWorld } from '../serving/world.ts';

const help = `Measure how long requests about the whole catalog block the event loop of serving

  npm run bench -- event-loop [options]

Options:
  --items N   Number of items in the generated catalog (default: 1000000)
  --repeat N  Number of measurements of each request (default: 5)
  --json      Print the results as JSON
  --help      Print this help

longest block   Longest delay of a 10 ms timer of serving while it responds to the request, less these 10 ms
response        Time to the end of the response

The first row of a request includes what serving computes once for each bundle.

Exit code: 0 when the measurement is complete.`;

const { values } = readOptions(help, {
  items: { type: 'string', default: '1000000' },
  repeat: { type: 'string', default: '5' },
  json: { type: 'boolean', default: false },
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
  readonly path: string;
  readonly blockMs: number;
  readonly responseMs: number;
  readonly bytes: number;
}

const world = await openWorld({
  items: Number(values.items),
  recallMin: 0.98,
  kind: 'flat',
  onProgress: logProgress,
});
await withServing(world, { limit: 20, processes: '1' }, async (serving) => {
  const blocks: Block[] = [];
  for (const path of paths) {
    for (let repeat = 0; repeat < Number(values.repeat); repeat++) blocks.push(await measure(serving, path));
  }
  console.log(values.json ? JSON.stringify({ items: world.itemCount, blocks }) : render(blocks));
});

async function measure({ url, key }: ServingProcess, path: string): Promise<Block> {
  const headers = { 'x-api-key': key };
  await readBlockMs(url, key);
  const start = performance.now();
  const response = await fetch(`${url}${path}`, { headers });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  const { byteLength: bytes } = await response.arrayBuffer();
  const responseMs = performance.now() - start;
  return { path, blockMs: await readBlockMs(url, key), responseMs, bytes };
}

/** Returns the longest block since the last call. */
async function readBlockMs(url: string, key: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: { 'x-api-key': key } })).text();
  const seconds = /^nodejs_eventloop_lag_max_seconds (\S+)/m.exec(text)?.[1];
  return Math.max(0, 1_000 * Number(seconds) - 10);
}

function render(blocks: readonly Block[]): string {
  const rows = blocks.map(
    ({ path, blockMs, responseMs, bytes }) =>
      `${blockMs.toFixed(1).padStart(10)} ms  ${responseMs.toFixed(0).padStart(7)} ms  ${(bytes / 1e6).toFixed(2).padStart(7)} MB  ${path}`,
  );
  return ['longest block     response        size  request', ...rows].join('\n');
}
