/** @module-tag full */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { homePaths } from '@facet/config/home-paths';
import { dayMs, utcDay } from '@facet/platform';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { openPage, withPicture } from './browser.ts';
import { recordExperiment } from './operations-home.ts';
import { startProcesses } from './operations-stack.ts';
import { keys, startServing, writeKeys } from './stack.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const cacheFolder = process.env['FACET_CACHE_DIR'] ?? join(homedir(), '.cache/facet');
/** Which pictures to write, such as `.` or `retail/(map|data)`. */
const wanted = process.env['FACET_SCREENSHOTS'];
const bytesMax = 150_000;
/** The default chooses one interest, if several do not validate better. */
const settings = 'model: { interests: 4 }\n';

interface DataSet {
  readonly folder: string;
  /** Arguments of `facet import`, with files of the folder. */
  readonly files: readonly (readonly [option: string, file: string])[];
  /** The data days of two refreshes. */
  readonly days: readonly [string, string];
  readonly user: string;
  readonly mapColor: string;
}

const dataSets: Readonly<Record<'movielens' | 'retail', DataSet>> = {
  movielens: {
    folder: join(cacheFolder, 'movielens-100k'),
    files: [
      ['--events', 'ml-100k.inter'],
      ['--items', 'ml-100k.item'],
      ['--users', 'ml-100k.user'],
    ],
    days: ['1998-04-08', '1998-04-22'],
    user: '777',
    mapColor: 'attribute:class',
  },
  retail: {
    folder: process.env['FACET_RETAIL_FOLDER'] ?? join(repository, '../shared/data/online-retail-2'),
    files: [
      ['--events', 'interactions.tsv.gz'],
      ['--items', 'items.tsv'],
    ],
    days: ['2011-11-25', '2011-12-09'],
    user: '18072',
    mapColor: 'popularity',
  },
};

/** Imports a data set and refreshes on two of its days. The first time, this trains for minutes. */
async function createHome(name: string, { folder, files, days }: DataSet): Promise<string> {
  const target = join(repository, 'node_modules/.cache/facet-console-screenshots', name);
  mkdirSync(target, { recursive: true });
  const run = async (...args: string[]): Promise<void> => {
    const cli = join(repository, 'apps/cli/dist/main.js');
    await promisify(execFile)(process.execPath, [cli, ...args, '--home', 'home', '--json'], { cwd: target });
  };
  writeFileSync(join(target, 'facet.yaml'), settings);
  await run('import', ...files.flatMap(([option, file]) => [option, join(folder, file)]));
  const [first, second] = days;
  if (!existsSync(join(target, 'home/runs', second))) await run('refresh', '--day', first);
  await run('refresh', '--day', second);
  const copy = mkdtempSync(join(tmpdir(), 'facet-screenshots-'));
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }));
  cpSync(target, copy, { recursive: true });
  return copy;
}

/** Starts all processes on a data set. The experiment is simulated, as no data set contains responses. */
async function startDataSet(name: string, set: DataSet) {
  const folder = await createHome(name, set);
  const home = join(folder, 'home');
  const until = Date.parse(set.days[1]);
  const configFile = join(folder, 'facet.yaml');
  const experiment = `{ name: merge-by-turns, from: ${utcDay(until - 9 * dayMs)}, to: ${utcDay(until)}, arms: { control: {}, by-turns: { merge: { by: round-robin } } } }`;
  writeFileSync(configFile, `${settings}experiments: [${experiment}]\n`);
  const outcomes = await recordExperiment(homePaths(home).exposuresFolder, until);
  const { url: servingUrl } = await startServing(home, {
    keysFile: writeKeys(home),
    env: { FACET_CONFIG: configFile, FACET_TRENDS_SECONDS: '10' },
  });
  const operations = await startProcesses({ home, configFile, servingUrl });
  return { ...operations, servingUrl, outcomes };
}

type Stack = Awaited<ReturnType<typeof startDataSet>>;

interface View {
  readonly path: (set: DataSet) => string;
  readonly height: number;
  /** Changes the data before the page is opened. */
  readonly prepare?: (stack: Stack) => Promise<unknown>;
  /** Resolves when the view is complete. */
  readonly show: (page: Page) => Promise<unknown>;
  readonly colorScheme?: 'dark';
}

/** The pages, in the order in which they change the data. */
const views: Readonly<Record<string, View>> = {
  explore: {
    path: ({ user }) => `/explore?user=${user}`,
    height: 980,
    show: (page) => page.getByText('Excluded').first().waitFor(),
  },
  map: {
    path: ({ user, mapColor }) => `/map?color=${encodeURIComponent(mapColor)}&user=${user}`,
    height: 860,
    async show(page) {
      await page.locator('canvas[data-points]').waitFor();
      await page.locator('.mark.interest').first().waitFor({ state: 'attached' });
    },
  },
  compare: {
    path: () => '/compare',
    height: 1360,
    async show(page) {
      const previous = page.getByLabel('Bundle or arm').first().locator('option', { hasText: '(previous)' });
      await page
        .getByLabel('Bundle or arm')
        .first()
        .selectOption((await previous.getAttribute('value'))!);
      await page.getByRole('button', { name: 'Compare', exact: true }).click();
      await page.getByText('Users by NDCG').waitFor();
    },
  },
  data: {
    path: () => '/data',
    height: 1180,
    prepare: ({ publishEvents }) => publishEvents(brokenEvents),
    async show(page) {
      const days = page.getByRole('region', { name: 'Health by day' });
      await days.waitFor();
      await expect.poll(() => days.getByText('Checking…').count(), { timeout: 120_000 }).toBe(0);
      await page
        .getByText(/unknown-type/)
        .first()
        .waitFor();
    },
  },
  experiments: {
    path: () => '/experiments',
    height: 1000,
    async prepare({ publishEvents, outcomes, sinkUrl }) {
      const countRows = async (): Promise<number> => {
        const response = await fetch(`${sinkUrl}/v1/lake`, { headers: { 'x-api-key': keys.admin } });
        return ((await response.json()) as { readonly rows: number }).rows;
      };
      const before = await countRows();
      await publishEvents(outcomes);
      await expect.poll(countRows, { timeout: 120_000 }).toBeGreaterThanOrEqual(before + outcomes.length);
    },
    show: (page) => page.getByRole('heading', { name: 'Conversion' }).waitFor(),
  },
  refreshes: {
    path: () => '/refreshes',
    height: 1180,
    async show(page) {
      await page.getByRole('button', { name: 'Start a refresh' }).click();
      await page.getByLabel(/Force: run even/).check();
      await page.getByRole('button', { name: 'Start', exact: true }).click();
      await page.getByText(/epoch [3-9] of/).waitFor({ timeout: 1_200_000 });
    },
  },
  health: {
    path: () => '/health',
    height: 1180,
    colorScheme: 'dark',
    // The rate of requests needs a second reading.
    show: (page) => page.getByRole('row', { name: /serving.* ago [\d.]+ / }).waitFor(),
  },
};

const brokenEvents = Array.from({ length: 12 }, (_, index) => ({
  eventId: `broken-${index}`,
  type: index % 3 === 0 ? 'wishlist' : 'purchase',
  userId: `${12_000 + index}`,
  ...(index % 3 === 2 ? {} : { itemId: `${20_000 + index}` }),
  occurredAt: index % 3 === 1 ? 'soon' : '2011-12-09T10:00:00Z',
  receivedAt: Date.now(),
}));

/** Requests recommendations for known users, as a product would. */
async function keepAsking(servingUrl: string): Promise<() => void> {
  const response = await fetch(`${servingUrl}/v1/users?limit=50`, { headers: { 'x-api-key': keys.serve } });
  const { users } = (await response.json()) as { readonly users: readonly { readonly userId: string }[] };
  let asked = 0;
  const timer = setInterval(() => {
    const { userId } = users[asked++ % users.length]!;
    void fetch(`${servingUrl}/v1/recommendations`, {
      method: 'POST',
      headers: { 'x-api-key': keys.serve, 'content-type': 'application/json' },
      body: JSON.stringify({ userId, limit: 20, record: false }),
    }).catch(() => undefined);
  }, 200);
  return () => clearInterval(timer);
}

/** Encodes a picture in a quarter of the bytes of PNG. */
async function toWebP(png: Buffer, page: Page): Promise<Buffer> {
  const url = await withPicture<string>(page, png, "return context.canvas.toDataURL('image/webp', 0.9);");
  return Buffer.from(url.split(',')[1]!, 'base64');
}

describe.skipIf(wanted === undefined)('screenshots, with FACET_SCREENSHOTS=.', () => {
  for (const [name, set] of Object.entries(dataSets)) {
    it.skipIf(!existsSync(set.folder))(
      `of every page on ${name}, in docs/console; needs ${set.folder}`,
      async () => {
        const stack = await startDataSet(name, set);
        const stop = await keepAsking(stack.servingUrl);
        const folder = join(repository, 'docs/console', name);
        mkdirSync(folder, { recursive: true });
        for (const [view, { path, height, prepare, show, colorScheme = 'light' }] of Object.entries(views)) {
          if (!new RegExp(wanted!).test(`${name}/${view}`)) continue;
          await prepare?.(stack);
          const page = await openPage({ url: stack.url, path: path(set), colorScheme, allowErrors: /40[49]/ });
          page.setDefaultTimeout(600_000);
          await page.setViewportSize({ width: 1280, height });
          await show(page);
          await page.evaluate('document.activeElement?.blur()');
          const image = await toWebP(await page.screenshot(), page);
          expect(image.length, view).toBeLessThan(bytesMax);
          writeFileSync(join(folder, `${view}.webp`), image);
          await page.close();
        }
        stop();
      },
      3_600_000,
    );
  }
});
