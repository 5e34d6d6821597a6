import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { BrowserContext, Page } from 'playwright-core';
import { generateBundle } from '../bundle-load/generate-bundle.ts';
import { median } from '../figures.ts';
import { startConsole } from './start-console.ts';

/** How the pages handle a generated catalog. */
export interface CatalogFigures {
  readonly items: number;
  readonly points: number;
  /** From opening the page to the drawn map. */
  readonly mapMs: number;
  /** Median time between two frames while the mouse drags the map. */
  readonly panFrameMs: number;
  /** Mean processor time of a frame, of all processes of the browser. */
  readonly panFrameProcessorMs: number;
  /** Memory of the scripts of the page. */
  readonly heapMegabytes: number;
  /** From the last key of a title to the item. */
  readonly searchMs: number;
  /** What draws the map: the graphics card, or SwiftShader on the CPU. */
  readonly renderer: string;
}

/** Opens Item map and Explore on a generated catalog. */
export async function measureCatalog(items: number, scratch: string): Promise<CatalogFigures> {
  const folder = await mkdtemp(join(scratch, 'catalog-'));
  const artifacts = join(folder, 'home', 'artifacts');
  const id = await generateBundle(artifacts, items);
  await createFolderArtifactStore(artifacts).promote({ kind: 'bundle', id });
  const started = await startConsole(join(folder, 'home'), folder);
  try {
    const context = await started.openSession();
    const searchMs = await measureSearch(context, started.url, items);
    return { items, ...(await measureMap(context, started.url)), searchMs };
  } finally {
    await started.stop();
  }
}

async function measureSearch(context: BrowserContext, url: string, items: number): Promise<number> {
  const page = await context.newPage();
  await page.goto(`${url}/explore?build=true`);
  const box = page.getByLabel('Add a behavior: search items by title');
  await box.fill(`thing ${items - 1} in`);
  const startedAt = performance.now();
  const found = page.getByRole('option', { name: new RegExp(`thing ${items - 1} in`) });
  await found.waitFor();
  const ms = performance.now() - startedAt;
  await found.click();
  await page.locator('.items .item').first().waitFor();
  await page.close();
  return ms;
}

const drags = 3;

async function measureMap(context: BrowserContext, url: string): Promise<Omit<CatalogFigures, 'items' | 'searchMs'>> {
  const page = await context.newPage();
  const startedAt = performance.now();
  await page.goto(`${url}/map`);
  const canvas = page.locator('canvas[data-points]');
  await canvas.waitFor();
  const mapMs = performance.now() - startedAt;
  const points = Number(await canvas.getAttribute('data-points'));
  const panning = await measurePanning(page);
  const heapMegabytes = (await page.evaluate<number>('performance.memory.usedJSHeapSize')) / 1e6;
  const renderer = await page.evaluate<string>(readRenderer);
  return { points, mapMs, ...panning, heapMegabytes, renderer };
}

const readRenderer = `(() => {
  const gl = document.createElement('canvas').getContext('webgl');
  return gl.getParameter(gl.getExtension('WEBGL_debug_renderer_info').UNMASKED_RENDERER_WEBGL);
})()`;

/** Runs in the page: notes the time of each frame. Reading a pixel waits until the frame is drawn. */
const watchFrames = `window.frames = [];
  const context = document.querySelector('canvas[data-points]').getContext('2d');
  (function note(at) {
    window.frames.push(at);
    context.getImageData(0, 0, 1, 1);
    requestAnimationFrame(note);
  })(performance.now())`;

/** Drags the map in many small steps. */
async function measurePanning(page: Page): Promise<Pick<CatalogFigures, 'panFrameMs' | 'panFrameProcessorMs'>> {
  const box = (await page.locator('canvas').boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  const before = await processorSeconds(page);
  await page.evaluate(watchFrames);
  for (let drag = 0; drag < drags; drag++) {
    await page.mouse.move(x + 150, y + 100, { steps: 20 });
    await page.mouse.move(x, y, { steps: 20 });
  }
  const frames = await page.evaluate<number[]>('window.frames');
  const processorMs = 1000 * ((await processorSeconds(page)) - before);
  await page.mouse.up();
  const times = frames.slice(1).map((at, place) => at - frames[place]!);
  return {
    panFrameMs: median(times),
    panFrameProcessorMs: processorMs / frames.length,
  };
}

/** Returns the processor time of all processes of the browser. */
async function processorSeconds(page: Page): Promise<number> {
  const session = await page.context().browser()!.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}
