/** @module-tag full */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startFacetProcess, startKafka, startRedis } from '@facet/local-services';
import type { FacetProcess, LocalKafka, LocalRedis } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';
import { faiss, tensorflow } from '@facet/setup/pins';
import { folderOfFile } from '@facet/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { stepsOf } from './dockerfile.ts';
import { lastDay, shopConfig, shopEvents, shopItems } from './shop.ts';

const run = promisify(execFile);
const workspace = fileURLToPath(new URL('../../../', import.meta.url));
const apps = ['cli', 'collector', 'console', 'indexer', 'serving', 'trainer'] as const;
type App = (typeof apps)[number];
const nobody = 65_534;

const folder = folderOfFile();
let kafka: LocalKafka;
let redis: LocalRedis;
const apiKey = createApiKey();
const running: FacetProcess[] = [];

beforeAll(async () => {
  await chmod(folder, 0o755);
  [kafka, redis] = await Promise.all([startKafka(), startRedis({ persistent: true }), packAndInstall()]);
  await mkdir(join(folder, 'home'));
  await writeFile(join(folder, 'facet.yaml'), shopConfig);
  const scopes = ['serve', 'admin', 'ingest'] as const;
  await addApiKey(join(folder, 'keys.yaml'), { name: 'test', scopes: [...scopes], sha256: hashApiKey(apiKey) });
  await chmod(join(folder, 'keys.yaml'), 0o644);
  if (process.getuid?.() === 0) await chown(join(folder, 'home'), nobody, nobody);
}, 600_000);

afterAll(async () => {
  await Promise.all(running.map((process) => process.kill()));
  await Promise.all([kafka?.stop(), redis?.stop()]);
});

/** Runs the commands of the Dockerfile in local folders. */
async function packAndInstall(): Promise<void> {
  const commands = stepsOf('packed').filter(({ instruction }) => instruction === 'RUN');
  expect(commands.length).toBeGreaterThan(1);
  const shell = (app: string, { content, workdir }: (typeof commands)[number]): Promise<unknown> => {
    const here = (text: string): string => text.replaceAll('/packed', folder).replaceAll('$APP', app);
    const cwd = workdir === '/facet' ? workspace : here(workdir);
    return run('sh', ['-ec', here(content)], { cwd, env: { ...process.env, APP: app } });
  };
  const [pack, ...install] = commands;
  await shell(apps.join(' '), pack!);
  for (const command of install) await Promise.all(apps.map((app) => shell(app, command)));
}

/** Starts an app from its folder, as a user who can write only to the data home. */
async function start(app: App, env: Record<string, string>, args: readonly string[] = []) {
  const process = await startFacetProcess({
    app,
    packedIn: join(folder, app),
    args,
    env: { ...environment(), FACET_LOG_LEVEL: 'warn', ...env },
  });
  running.push(process);
  return process;
}

function environment(): Record<string, string> {
  return {
    FACET_HOME: join(folder, 'home'),
    FACET_CONFIG: join(folder, 'facet.yaml'),
    FACET_API_KEYS_FILE: join(folder, 'keys.yaml'),
    FACET_KAFKA_BROKERS: kafka.brokers.join(','),
    FACET_REDIS_URL: redis.url,
    FACET_QUEUE_URL: redis.url,
  };
}

async function ask<Body>(url: string, method = 'GET', body?: unknown): Promise<Body> {
  const response = await fetch(url, {
    method,
    headers: { 'x-api-key': apiKey, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // A process that has just started may refuse requests while other programs use the cores.
  if (response.status === 503) return sleep(100).then(() => ask(url, method, body));
  if (!response.ok) throw new Error(`${method} ${url} responded with ${response.status}: ${await response.text()}`);
  return (await response.json()) as Body;
}

interface SinkStatus {
  readonly partitions: readonly { readonly topic: string; readonly stored: number; readonly lag: number }[];
}

async function sendShop(ingestUrl: string, sinkUrl: string): Promise<void> {
  await ask(`${ingestUrl}/v1/items`, 'PUT', { items: shopItems });
  for (let from = 0; from < shopEvents.length; from += 1_000) {
    await ask(`${ingestUrl}/v1/events`, 'POST', { events: shopEvents.slice(from, from + 1_000) });
  }
  await vi.waitFor(
    async () => {
      const { partitions } = await ask<SinkStatus>(`${sinkUrl}/v1/status`);
      const events = partitions.filter(({ topic }) => topic === 'facet.events.v1');
      expect(events.reduce((sum, { stored }) => sum + stored, 0)).toBe(shopEvents.length);
      expect(partitions.reduce((sum, { lag }) => sum + lag, 0)).toBe(0);
    },
    { timeout: 30_000, interval: 200 },
  );
}

it('packed apps outside the workspace turn events into recommendations, and exit cleanly on SIGTERM', async () => {
  const ingest = await start('collector', { FACET_SPOOL: join(folder, 'home', 'spool') }, ['ingest']);
  const sink = await start('collector', { FACET_SINK_COMMIT_SECONDS: '1' }, ['sink']);
  const trainer = await start('trainer', {});
  const indexer = await start('indexer', {});
  await sendShop(ingest.url, sink.url);

  // Training needs TensorFlow and the index needs Faiss, each in a separate process.
  const { run: asked } = await ask<{ run: { runId: string } }>(`${trainer.url}/v1/refreshes`, 'POST', { day: lastDay });
  const events = await fetch(`${trainer.url}/v1/refreshes/${asked.runId}/events`, { headers: { 'x-api-key': apiKey } });
  await events.text();
  const refresh = await ask<{ state: string; reason?: string }>(`${trainer.url}/v1/refreshes/${asked.runId}`);
  expect([refresh.state, refresh.reason]).toEqual(['promoted', undefined]);

  const serving = await start('serving', { FACET_PROCESSES: '2' });
  const { version } = await ask<{ version: string }>(`${serving.url}/readyz`);
  const { stdout: commit } = await run('git', ['rev-parse', '--short', 'HEAD'], { cwd: workspace });
  expect(version).toMatch(/^\d+\.\d+\.\d+\+/);
  expect(version.split('+')[1]).toMatch(new RegExp(`^${commit.trim()}(-dirty)?$`));
  const response = await ask<{ source: { kind: string }; bundleId: string; items: { itemId: string }[] }>(
    `${serving.url}/v1/recommendations`,
    'POST',
    { userId: 'customer1', limit: 5 },
  );
  expect(response.source.kind).toBe('model');
  expect(response.items).toHaveLength(5);

  const page = await start('console', { FACET_SERVING_URL: serving.url });
  const [script = ''] = /\/assets\/[^"]+\.js/.exec(await (await fetch(page.url)).text()) ?? [];
  expect((await fetch(page.url + script)).headers.get('content-type')).toContain('javascript');
  expect(await ask(`${page.url}/api/serving/v1/refs`)).toMatchObject({ current: response.bundleId });

  const facet = async (...args: readonly string[]): Promise<unknown> => {
    const options = { cwd: join(folder, 'cli'), env: environment() };
    const { stdout } = await run(process.execPath, ['dist/main.js', ...args, '--json'], options);
    return JSON.parse(stdout);
  };
  expect(JSON.stringify(await facet('bundles'))).toContain(response.bundleId);
  expect((await run(process.execPath, ['dist/main.js', '--version'], { cwd: join(folder, 'cli') })).stdout.trim()).toBe(
    version,
  );
  // The upgrade to another format of bundles needs no TensorFlow, which the command line does not pack.
  // Any other setting of `index` than that of FACET_CONFIG gives another bundle.
  const reindexed = await facet('index', '--model', 'current', '--no-promote');
  expect(reindexed).toMatchObject({ bundleId: response.bundleId });
  expect(await facet('config', 'check')).toMatchObject({ file: join(folder, 'facet.yaml'), problems: [] });

  for (const process of [ingest, sink, trainer, indexer, page, serving]) {
    expect([await process.stop(), process.output]).toEqual([0, expect.any(String)]);
  }
}, 300_000);

/** Permissive licenses, which ask for no more than a notice. */
const licenses = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
]);

/** Unchanged packages under LGPL-3.0-or-later, which the client of Milvus depends on and never loads. */
const ofMilvusClient = new Set(['memium', 'utilium']);

/** Packages whose manifest states no license, with that of their license file. */
const stated = new Map([['jstat@1.9.6', 'MIT']]);

interface Component {
  readonly name: string;
  readonly version: string;
  readonly licenses?: readonly {
    readonly license?: { readonly id?: string; readonly name?: string };
    readonly expression?: string;
  }[];
}

function licensesOf({ name, version, licenses: held = [] }: Component): string[] {
  const texts = held.map(({ license, expression }) => expression ?? license?.id ?? license?.name ?? '');
  if (texts.length === 0) return [stated.get(`${name}@${version}`) ?? ''];
  return texts.flatMap((text) => text.replaceAll(/[()]/g, '').split(' AND '));
}

/** Reads the components of the bill of materials of an app. */
async function componentsOf(app: App): Promise<readonly Component[]> {
  const file = join(folder, app, 'sbom.cdx.json');
  return (JSON.parse(await readFile(file, 'utf8')) as { readonly components: readonly Component[] }).components;
}

it.each(apps)('the bill of materials of %s lists its packages, which have permissive licenses', async (app) => {
  const components = await componentsOf(app);
  expect(components.map(({ name }) => name)).toContain('pino');
  const others = components.filter((component) => licensesOf(component).some((license) => !licenses.has(license)));
  const unexpected = others.filter(({ name }) => !ofMilvusClient.has(name));
  expect(unexpected.map((component) => [component.name, ...licensesOf(component)])).toEqual([]);
});

it('the bills of materials list native libraries, and the packages inside the page of the console', async () => {
  const found = async (app: App, names: readonly string[]) =>
    (await componentsOf(app))
      .filter(({ name }) => names.includes(name))
      .map(({ name, version }) => `${name}@${version}`);
  const native = ['faiss', 'tensorflow'];
  const libraries = await Promise.all(apps.map(async (app) => [app, ...(await found(app, native))]));
  expect(libraries).toEqual([
    ['cli', `faiss@${faiss.version}`],
    ['collector'],
    ['console'],
    ['indexer', `faiss@${faiss.version}`],
    ['serving', `faiss@${faiss.version}`],
    ['trainer', `faiss@${faiss.version}`, `tensorflow@${tensorflow.version}`],
  ]);
  const ofPage = ['@base-ui/react', '@tanstack/react-query', '@tanstack/react-router', 'react', 'react-dom', 'uplot'];
  expect(await found('console', ofPage)).toHaveLength(ofPage.length);
});

it('serving works without the packages under LGPL', async () => {
  const cwd = join(folder, 'serving');
  const [command = ''] = /^rm -r .*/m.exec(await readFile(join(workspace, 'SECURITY.md'), 'utf8')) ?? [];
  await run('sh', ['-ec', command], { cwd });
  const left = await readdir(join(cwd, 'node_modules'), { recursive: true });
  expect(left.filter((path) => ofMilvusClient.has(basename(path)))).toEqual([]);
  const load = "typeof require('@zilliz/milvus2-sdk-node').MilvusClient";
  const { stdout } = await run(process.execPath, ['-p', load], { cwd });
  expect(stdout.trim()).toBe('function');
});

it('only training packs TensorFlow, and only searching packs Faiss', async () => {
  const has = async (app: App, name: string): Promise<boolean> => {
    const native = await readdir(join(folder, app, 'native')).catch((): string[] => []);
    const modules = await readdir(join(folder, app, 'node_modules'));
    return native.includes(name) || modules.includes(name === 'tfjs-node' ? '@tensorflow' : name);
  };
  const holders = async (name: string): Promise<App[]> => {
    const found = await Promise.all(apps.map(async (app) => ((await has(app, name)) ? app : undefined)));
    return found.filter((app) => app !== undefined);
  };
  expect(await holders('tfjs-node')).toEqual(['trainer']);
  expect(await holders('faiss-node')).toEqual(['cli', 'indexer', 'serving', 'trainer']);
});
