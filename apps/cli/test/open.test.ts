import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createApiKey, hashApiKey, replaceApiKey } from '@facet/platform';
import { forTest, serveForTest, temporaryFolder } from '@facet/testing';
import { expect, onTestFinished, test } from 'vitest';
import { readEnvironment } from '../src/config.ts';
import { startConsole } from '../src/serving/processes.ts';
import { run } from './run.ts';

const servingUrl = 'http://127.0.0.1:9';

/** Starts a console whose keys file contains `known`, with the new key `newKey`. */
async function start(home: string, known: string, newKey = known) {
  // The console runs as compiled, without the options of the tests.
  const { execArgv } = process;
  process.execArgv = [];
  onTestFinished(() => void (process.execArgv = execArgv));
  const keysFile = join(home, 'keys.yaml');
  await replaceApiKey(keysFile, { name: 'known', scopes: ['serve'], sha256: hashApiKey(known) });
  return startConsole(
    { home, servingUrl, access: { keysFile, newKey }, environment: readEnvironment({ PATH: process.env['PATH'] }) },
    new AbortController().signal,
  );
}

test('facet open prints a link of the console that is noted in the home', async () => {
  const home = await temporaryFolder();
  const page = forTest(await start(home, createApiKey()));
  const { code, out } = await run(['open', '--home', home, '--no-browser']);
  expect(code).toBe(0);
  expect(out.trim()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#code=[\w-]{24}$/);
  expect(out.trim()).not.toBe(page.link);
});

test('facet open sends no key to another program on the address of a killed console', async () => {
  const home = await temporaryFolder();
  const received: string[] = [];
  const other = createServer(async (request, response) => {
    received.push(JSON.stringify(request.headers));
    for await (const chunk of request) received.push(String(chunk));
    response.setHeader('content-type', 'application/json').end('{"code":"x","proof":"00"}');
  });
  const url = await serveForTest(other);
  const apiKey = createApiKey();
  await writeFile(join(home, 'console.json'), JSON.stringify({ url, apiKey }));
  const { code, err } = await run(['open', '--home', home, '--no-browser']);
  expect(code).toBe(2);
  expect(err).toContain(`The console at ${url} did not prove that it knows the API key.`);
  expect(received.length).toBeGreaterThan(0);
  const sent = received.join(' ');
  for (const secret of [apiKey, hashApiKey(apiKey)]) expect(sent).not.toContain(secret);
});

test('no console stays without a link', { tags: 'full' }, async () => {
  const home = await temporaryFolder();
  const children = async (): Promise<string[]> =>
    (await readFile(`/proc/self/task/${process.pid}/children`, 'utf8')).trim().split(/\s+/);
  const before = await children();
  await expect(start(home, createApiKey(), createApiKey())).rejects.toMatchObject({ code: 'CONSOLE_KEY_REFUSED' });
  expect(await readdir(home)).not.toContain('console.json');
  expect(before).toEqual(expect.arrayContaining(await children()));
});
