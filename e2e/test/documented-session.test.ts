/** @module-tag full */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePorts } from '@facet/local-services';
import { dayMs } from '@facet/platform';
import { copyWorkspace, workspaceRoot } from '@facet/testing';
import type { WorkspaceCopy } from '@facet/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ownFiles } from './own-files.ts';

// Follows the pages for data engineers and product engineers in a copy of the workspace. Every command, setting and program comes
// from the pages; the tests run in their order.

const run = promisify(execFile);
const pages = ['data-engineer.md', 'product-engineer.md'];
const commands: string[] = [];
const settings: string[] = [];
const programs: string[] = [];
const notRun = new Set<string>();
/** Not on the pages: the model of a small shop trains in seconds. */
const fastTraining = `
model: { embeddingDim: 16, hiddenUnits: [32], sequenceLength: 30 }
training: { epochs: 4, windowDays: 14 }
`;
/** What differs from the pages, such as ports. */
const replacements = new Map<string, string>();
/** The environment of the reader's shell. */
const shell: Record<string, string> = {};
const started: ChildProcess[] = [];
let copy: WorkspaceCopy;
let appFolder: string;
/** Serving, and the app that uses it. */
const shop: ChildProcess[] = [];

beforeAll(async () => {
  for (const page of pages) readPage(await readFile(join(workspaceRoot, 'docs', page), 'utf8'));
  copy = copyWorkspace();
  appFolder = join(copy.folder, 'app');
  await mkdir(appFolder);
  const { orders, yesterday, products } = ownFiles(Date.now());
  copy.write('orders.csv', orders);
  copy.write('orders-yesterday.csv', yesterday);
  copy.write('products.csv', products);
  const ports = ['8080', '8081', '8082', '8083', '8084', '3000'];
  const free = await findFreePorts(ports.length);
  for (const [index, port] of ports.entries()) replacements.set(port, String(free[index]));
  replacements.set('-- serve', `-- serve --port ${free[0]}`);
  for (const [index, app] of ['collector -- ingest', 'collector -- sink', 'trainer', 'indexer'].entries()) {
    replacements.set(`npm run ${app}`, `FACET_PORT=${free[1 + index]} npm run ${app}`);
  }
  replacements.set('node shop.mjs', `PORT=${free[5]} node shop.mjs`);
  replacements.set('../facet', copy.folder);
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(FACET_(?!CACHE_DIR)|NX_|npm_|VITEST|NODE_ENV)/.test(name)) shell[name] = value;
  }
}, 120_000);

afterAll(async () => {
  for (const child of started.reverse()) await end(child);
  copy?.remove();
}, 120_000);

function readPage(text: string): void {
  for (const [, language, block = ''] of text.matchAll(/```(\w+)\n([^]*?)```/g)) {
    if (language === 'yaml') settings.push(block);
    if (language === 'js') programs.push(block);
    if (language !== 'sh') continue;
    const lines = block.replace(/\\\n\s*/g, '').split('\n');
    commands.push(...lines.map((line) => line.replace(/\s+#.*$/, '').trim()).filter((line) => line !== ''));
  }
  for (const command of commands) notRun.add(command);
}

/** Returns the command of the pages that is `start`, or else begins with it. */
function documented(start: string): string {
  const command = commands.find((one) => one === start) ?? commands.find((one) => one.startsWith(start));
  if (command === undefined) throw new Error(`No command of the pages begins with "${start}".`);
  notRun.delete(command);
  return [...replacements].reduce((text, [from, to]) => text.replace(from, to), command);
}

/** Sets the variables of an assignment such as `export A=1 B=2`. */
function assign(line: string): void {
  for (const [, name = '', value = ''] of line.matchAll(/(\w+)=(\S+)/g)) shell[name] = value;
}

/** Sets the variables of a command of the pages, in which `key` replaces the key to fill in. */
function setVariables(start: string, key = ''): void {
  assign(documented(start).replace('facet_…', key));
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the pages to its end. */
async function attempt(start: string, cwd = copy.folder): Promise<Outcome> {
  const ended = run('bash', ['-c', documented(start)], { cwd, env: shell, maxBuffer: 1 << 28 });
  return ended.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Outcome) => error,
  );
}

/** Runs a command of the pages that succeeds, and returns its standard output. */
async function succeed(start: string, cwd?: string): Promise<string> {
  const { code, stdout, stderr } = await attempt(start, cwd);
  if (code !== 0) throw new Error(`${start} exited with ${code}:\n${stdout}\n${stderr}`);
  return stdout;
}

/** Starts a command of the pages in the background, and waits until its output matches. */
async function start(
  command: string,
  until: RegExp,
  cwd = copy.folder,
): Promise<{ readonly match: RegExpExecArray; readonly child: ChildProcess }> {
  const options = { cwd, env: shell, detached: true } as const;
  const child = spawn('bash', ['-c', documented(command)], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  let output = '';
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error(`${command} did not print ${until}:\n${output}`));
    const timeout = setTimeout(fail, 120_000);
    const read = (text: string): void => {
      output += text;
      const match = until.exec(output);
      if (match === null) return;
      clearTimeout(timeout);
      resolve({ match, child });
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.once('close', fail);
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  process.kill(-child.pid!, 'SIGTERM');
  await closed;
}

it('setup finds that everything is installed', async () => {
  const { stderr } = await run('npm', ['run', 'setup'], { cwd: copy.folder, env: shell });
  expect(stderr).toContain('Facet is set up');
});

it('validate names the columns to map, then what the model learns from', async () => {
  const validate = 'npm run facet -- validate --events orders.csv';
  const { code, stderr } = await attempt(validate);
  expect({ code, stderr }).toEqual({
    code: 3,
    stderr: expect.stringContaining('products.csv has no column for itemId.'),
  });
  copy.write('facet.yaml', settings[0]! + fastTraining);
  const report = await succeed(validate);
  expect(report).toMatch(/positive +[\d,]+ +purchase/);
  expect(report).toMatch(/left out +[\d,]+ +return/);
  expect(report).toMatch(/refused +0 /);
});

it('files become a bundle', async () => {
  setVariables('export FACET_HOME');
  expect(await succeed('npm run facet -- import')).toContain('left out');
  expect(await succeed('npm run facet -- index')).toContain('now current');
  expect(await succeed('npm run facet -- evaluate')).toContain('item-cf-bm25');
  expect(await succeed('npm run facet -- recommend')).toContain('thing no.');
});

it('ingest and sink store an event and a new file', async () => {
  const { match: variables } = await start('npm run services', /(?:export .*\n){3}/);
  for (const line of variables[0].trim().split('\n')) assign(line);
  const [key = ''] = /facet_\S+/.exec(await succeed('npm run facet -- keys create --name shop')) ?? [];
  setVariables('key=', key);
  setVariables('INGEST_KEY=', key);
  await start('npm run collector -- ingest', /"listening"/);
  await start('npm run collector -- sink', /"listening"/);
  expect(JSON.parse(await succeed('curl localhost:8081/v1/events'))).toMatchObject({ accepted: 1 });
  expect(await succeed('FACET_API_KEY=$key npm run facet -- backfill')).toMatch(/\d+ records accepted/);
  const waiting = { timeout: 120_000, interval: 3_000 };
  await expect.poll(() => succeed('npm run facet -- lake status'), waiting).toMatch(/facet\.events\.v1-\d/);
  // The sink may still store the events of the backfill.
  await expect
    .poll(() => attempt('npm run facet -- validate'), waiting)
    .toMatchObject({
      code: 3,
      stdout: expect.stringContaining('of the events arrived late'),
      // Late in the day, today is bad, too: it has one event.
      stderr: expect.stringMatching(/ (is|are) bad: /),
    });
});

it('trainer and indexer refresh the bundle', async () => {
  await start('npm run trainer', /"listening"/);
  await start('npm run indexer', /"listening"/);
  expect(await succeed('npm run facet -- refresh')).toMatch(/bundle \w+ is current, built from data up to/);
  expect(await succeed('npm run facet -- runs')).toContain('promoted');
  expect((await attempt('npm run facet -- status')).stdout).toContain('trainer');
  expect(await succeed('npm run facet -- rollback')).toContain('is current again');
});

/** Requests a path of the documented app. */
async function visit(path: string, query: Record<string, string>): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${replacements.get('3000')}${path}?${new URLSearchParams(query)}`);
  return response.json();
}

interface List {
  readonly headline: string;
  readonly recommendationId: string;
  readonly items: readonly { readonly itemId: string; readonly title: string; readonly attributes: object }[];
}

const listFor = async (user: string): Promise<List> => (await visit('/recommendations', { user })) as List;

/** Starts serving and the app, again if they run. */
async function startShop(): Promise<void> {
  for (const child of shop.splice(0)) await end(child);
  const serving = await start('npm run facet -- serve', /API key, shown once: (facet_\S+)/);
  const [, key = ''] = serving.match;
  setVariables('key=', key);
  setVariables('export SERVING_URL', key);
  setVariables('export INGEST_URL', shell['INGEST_KEY']);
  const app = await start('node shop.mjs', /listening/, appFolder);
  shop.push(serving.child, app.child);
}

it('an app with the installed client shows own products, and reports clicks', async () => {
  await succeed('npm run pack -- client');
  await writeFile(join(appFolder, 'package.json'), '{ "private": true }');
  await succeed('npm install', appFolder);
  await writeFile(join(appFolder, 'shop.mjs'), programs[0]!);
  await startShop();

  const response = JSON.parse(await succeed('curl localhost:8080/v1/recommendations')) as { items: unknown[] };
  expect(response).toMatchObject({ source: { kind: 'model' } });
  expect(response.items).toHaveLength(20);
  const { headline, recommendationId, items } = await listFor('ada');
  expect(headline).toBe('Selected for you');
  expect(items).toHaveLength(10);
  for (const item of items) {
    expect(item).toMatchObject({
      title: expect.stringContaining('thing no.'),
      attributes: { price: expect.any(Number) },
    });
  }
  expect(await listFor('a stranger')).toMatchObject({ headline: 'Popular now' });
  expect(JSON.parse(await succeed(`curl localhost:8081/v1/events -H "x-api-key: $INGEST_KEY"`))).toMatchObject({
    accepted: 1,
  });
  const visitor = commands.find((command) => command.includes('session:s1')) ?? '';
  await expect
    .poll(async () => JSON.parse(await succeed(visitor)) as unknown, { timeout: 60_000, interval: 2_000 })
    .toMatchObject({ source: { kind: 'model' } });
  const click = { user: 'ada', item: items[0]!.itemId, list: recommendationId };
  expect(await visit('/click', click)).toMatchObject({ accepted: 1 });
});

it('an experiment gets its report, and a response its replay', async () => {
  const day = (days: number): string => new Date(Date.now() + days * dayMs).toISOString().slice(0, 10);
  const [, experiment = '', exposures = ''] = settings;
  await appendFile(
    join(copy.folder, 'facet.yaml'),
    experiment.replace('2026-02-01', day(-1)).replace('2026-03-01', day(30)) + exposures,
  );
  await startShop();
  for (let customer = 0; customer < 50; customer++) await listFor(`customer${customer}`);
  const { recommendationId } = await listFor('ada');
  replacements.set('RECOMMENDATION_ID', recommendationId);
  expect(await succeed('npm run facet -- experiment report')).toMatch(/control[^]*spread/);
  expect(await succeed('npm run facet -- recommendations replay')).toContain('same');
});

it('every command of the pages ran', () => {
  expect([...notRun]).toEqual([]);
});
