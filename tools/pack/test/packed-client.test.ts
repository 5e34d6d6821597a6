import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { folderOfFile, serveForTest } from '@facet/testing';
import { beforeAll, expect, it } from 'vitest';
import { packClient } from '../src/pack-client.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

const folder = folderOfFile();
/** A project of a user of the package, with nothing else installed. */
const project = join(folder, 'project');

beforeAll(async () => {
  const tarball = await packClient(root, join(folder, 'client'));
  await mkdir(project);
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'shop', private: true }));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: project });
});

/** Runs a file of the project against a server that answers every request with `response`. */
async function outputOf(file: string, content: string, response: { status: number; body: object }): Promise<unknown> {
  const server = createServer((request, reply) => {
    request.resume();
    reply.writeHead(response.status, { 'content-type': 'application/json' }).end(JSON.stringify(response.body));
  });
  const url = await serveForTest(server);
  await writeFile(join(project, file), content);
  const { stdout } = await run(process.execPath, [file], { cwd: project, env: { ...process.env, FACET_URL: url } });
  return JSON.parse(stdout);
}

const use = `
  const client = createServingClient({ url: process.env.FACET_URL, key: 'k', giveUpAfterMs: 0 });
  client.recommend({ userId: 'ada' }).then(
    ({ items }) => console.log(JSON.stringify(items)),
    ({ name, code, message, remedy }) => console.log(JSON.stringify({ name, code, message, remedy })),
  );
`;

it('contains what it exports, and a page without links to other pages', async () => {
  const client = join(project, 'node_modules', '@facet', 'client');
  const { exports } = JSON.parse(await readFile(join(client, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string; default: string }>;
  };
  const files = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? entry : Object.values(entry)));
  for (const file of files) await expect(readFile(join(client, file), 'utf8')).resolves.not.toBe('');
  expect((await readdir(client)).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'openapi', 'package.json']);
  expect(await readFile(join(client, 'README.md'), 'utf8')).not.toMatch(/\]\((?!https?:)/);
});

it('works as an ES module', async () => {
  const content = `import { createServingClient } from '@facet/client/serving';${use}`;
  expect(await outputOf('shop.mjs', content, { status: 200, body: { items: [{ itemId: 'a' }] } })).toEqual([
    { itemId: 'a' },
  ]);
});

it('works in CommonJS, and keeps message and remedy of a problem apart', async () => {
  const content = `const { createServingClient } = require('@facet/client/serving');${use}`;
  const body = { statusCode: 400, code: 'REQUEST_INVALID', message: 'limit is too large.', remedy: 'Use up to 1000.' };
  expect(await outputOf('shop.cjs', content, { status: 400, body })).toEqual({
    name: 'ClientError',
    code: 'REQUEST_INVALID',
    message: 'limit is too large.',
    remedy: 'Use up to 1000.',
  });
});

it('has types for every entry, which a strict project accepts', async () => {
  await writeFile(
    join(project, 'shop.ts'),
    `import { createEventClient, type SendSummary, type EventResult } from '@facet/client';
     import { createTracker } from '@facet/client/browser';
     import { createServingClient } from '@facet/client/serving';
     import type { RecommendationsRequest } from '@facet/client/serving-api';
     const request: RecommendationsRequest = { userId: 'ada', limit: 10 };
     export const list = createServingClient({ url: 'u', key: 'k' }).recommend(request);
     export const sent: Promise<SendSummary<EventResult>> = createEventClient({ url: 'u', key: 'k' }).send([]);
     createTracker({ url: 'u', key: 'k' }).track({ type: 'click', itemId: 'a' });
     // @ts-expect-error limit is a number
     export const wrong: RecommendationsRequest = { userId: 'ada', limit: '10' };`,
  );
  const compiler = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc');
  await symlink(join(root, 'node_modules', '@types'), join(project, 'node_modules', '@types'));
  for (const options of [
    ['--module', 'nodenext'],
    ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ]) {
    const args = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023,dom', '--types', 'node', ...options];
    await run(process.execPath, [compiler, ...args, 'shop.ts'], { cwd: project }).catch((error: { stdout: string }) =>
      expect.unreachable(error.stdout),
    );
  }
});

it('is bundled for browsers without Node modules', async () => {
  await writeFile(
    join(project, 'page.mjs'),
    `export { createTracker } from '@facet/client/browser'; export { createServingClient } from '@facet/client/serving';`,
  );
  const { build } = await import('esbuild');
  const { metafile, outputFiles } = await build({
    absWorkingDir: project,
    entryPoints: ['page.mjs'],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    minify: true,
    write: false,
    metafile: true,
  });
  expect(outputFiles).toHaveLength(1);
  expect(Object.keys(metafile.inputs).filter((name) => !name.includes('@facet/client'))).toEqual(['page.mjs']);
});
