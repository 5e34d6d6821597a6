import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createScratchFolder, json, logProgress, option, readCommandLine } from '@facet/local-services';
import type { Page } from 'playwright-core';
import { median } from '../figures.ts';
import { measureCatalog } from './measure-catalog.ts';
import type { CatalogFigures } from './measure-catalog.ts';
import { startConsole } from './start-console.ts';
import type { StartedConsole } from './start-console.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- console',
  summary: 'Measure the console in Chromium: the first view, the interactions, and large catalogs',
  options: {
    home: option.text(
      'DIR',
      'Data home with a current bundle; npm start makes the default',
      join('.facet', 'movielens-100k'),
    ),
    repeat: option.number('Number of measurements', 10),
    items: option.numbers('Sizes of generated catalogs, for Item map and search; "" for none', [100_000, 1_000_000]),
    json,
  },
  notes: `first view   From the request of the page, with an empty cache, to the first recommendation. Budget: 1,500 ms
script       Size of the scripts of that view, gzipped. Budget: 250 kB
interaction  From a change of the merge to the new list, without the time of the API. Budget: 100 ms
map          From opening Item map to all points drawn
pan frame    Median time between two frames while the mouse drags the map, and mean processor time of a frame. At 60 frames a second
             the time is 17 ms, which needs a graphics card
search       From the last key of a title to the found item, on Explore

Exit code: 1 when a median exceeds its budget.`,
});

const budgets = { firstViewMs: 1_500, scriptKilobytes: 250, interactionMs: 100 } as const;
type Figure = keyof typeof budgets;

/** Runs in the page: notes when the first recommendation appears. */
const watchFirstView = `new MutationObserver((_, observer) => {
  if (document.querySelector('.items .item') === null) return;
  window.firstViewMs = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true })`;

/** Runs in the page: changes the merge, and resolves with the time to the new list, less that of the API. */
const measureInteraction = `(merge) => new Promise((resolve) => {
  const list = () => document.querySelector('.items:not(.gone)');
  const before = list().textContent;
  const startedAt = performance.now();
  new MutationObserver((_, observer) => {
    if (list() === null || list().classList.contains('stale') || list().textContent === before) return;
    observer.disconnect();
    const ms = performance.now() - startedAt;
    const calls = performance.getEntriesByType('resource').filter(
      ({ name, startTime }) => name.endsWith('/v1/recommendations') && startTime >= startedAt);
    resolve(ms - Math.max(...calls.map(({ duration }) => duration)));
  }).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true });
  const select = document.querySelector('.controls select');
  select.value = merge;
  select.dispatchEvent(new Event('change', { bubbles: true }));
})`;

const { path: folder } = await createScratchFolder('bench-console');
const figures = await measure(values.repeat);
const medians = Object.fromEntries(Object.entries(figures).map(([name, all]) => [name, median(all)]));
const catalogs: CatalogFigures[] = [];
for (const size of values.items) catalogs.push(await measureCatalog(size, folder));
if (values.json) console.log(JSON.stringify({ medians, figures, budgets, catalogs }));
else console.log([render(figures), ...catalogs.map(describeCatalog)].join('\n'));
process.exitCode = Object.entries(budgets).some(([name, budget]) => medians[name]! > budget) ? 1 : 0;

/** Links a data home, so that the requests of this benchmark do not get into its exposure log. */
async function linkHome(home: string): Promise<string> {
  const linked = join(folder, 'linked-home');
  await mkdir(linked);
  const names = (await readdir(home)).filter((name) => name !== 'exposures');
  await Promise.all(names.map((name) => symlink(join(home, name), join(linked, name))));
  return linked;
}

async function measure(repeats: number): Promise<Record<Figure, number[]>> {
  const started = await startConsole(await linkHome(resolve(values.home)), folder);
  const figures: Record<Figure, number[]> = { firstViewMs: [], scriptKilobytes: [], interactionMs: [] };
  try {
    // Serving compiles its code during the first requests.
    await open(started);
    for (let repeat = 0; repeat < repeats; repeat++) {
      const { page, scriptBytes } = await open(started);
      figures.firstViewMs.push(await page.evaluate<number>('window.firstViewMs'));
      figures.scriptKilobytes.push(scriptBytes / 1000);
      for (const merge of ['round-robin', 'max']) {
        figures.interactionMs.push(await page.evaluate<number>(`(${measureInteraction})('${merge}')`));
      }
      await page.context().close();
      logProgress(`${repeat + 1} of ${repeats}`);
    }
  } finally {
    await started.stop();
  }
  return figures;
}

/** Opens Explore with an empty cache, and waits for its first recommendation. */
async function open({ url, openSession }: StartedConsole): Promise<{ page: Page; scriptBytes: number }> {
  const page = await (await openSession()).newPage();
  const scripts: Promise<Buffer>[] = [];
  page.on('response', (response) => {
    if (response.url().endsWith('.js')) scripts.push(response.body());
  });
  await page.addInitScript(watchFirstView);
  await page.goto(`${url}/explore`);
  await page.locator('.items .item').first().waitFor();
  const bodies = await Promise.all(scripts);
  return { page, scriptBytes: bodies.reduce((sum, body) => sum + gzipSync(body).length, 0) };
}

function render(figures: Record<Figure, number[]>): string {
  return Object.entries(figures)
    .map(([name, all]) => {
      const [middle, high] = [median(all), Math.max(...all)].map((value) => Math.round(value));
      return `${name.padEnd(16)} median ${middle}   highest ${high}   budget ${budgets[name as Figure]}`;
    })
    .join('\n');
}

function describeCatalog(catalog: CatalogFigures): string {
  const { items, points, mapMs, panFrameMs, panFrameProcessorMs, heapMegabytes, searchMs, renderer } = catalog;
  return [
    `${items.toLocaleString('en')} items, drawn by ${renderer}`,
    `  map ${(mapMs / 1000).toFixed(1)} s, ${points.toLocaleString('en')} points`,
    `  pan frame ${Math.round(panFrameMs)} ms, processor time ${Math.round(panFrameProcessorMs)} ms`,
    `  script memory ${Math.round(heapMegabytes)} MB`,
    `  search ${Math.round(searchMs)} ms`,
  ].join('\n');
}
