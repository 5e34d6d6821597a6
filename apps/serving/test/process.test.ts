import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addApiKey } from '@facet/platform';
import { forTest, serveForTest } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import { apiKey, createHome, homeOfFile, servingKey } from './fixtures.ts';
import { startProcess } from './real-process.ts';
import type { RealProcess } from './real-process.ts';

const home = await homeOfFile();
await addApiKey(join(home.folder, 'keys.yaml'), servingKey('tests', ['serve']));

const start = (environment: Record<string, string>): RealProcess => startProcess(home, environment);

it(
  'prints its version and its variables, and refuses other arguments, without starting a server',
  { tags: 'full' },
  async () => {
    const run = (argument: string): RealProcess => startProcess(home, { FACET_PORT: 'invalid' }, [argument]);
    const [version, help, unknown] = ['--version', '--help', '--port'].map(run);
    expect(await version!.output).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await help!.output).toContain('FACET_REDIS_URL');
    expect(await unknown!.log).toContain('serving does not understand "--port"');
    expect(await Promise.all([version, help, unknown].map((each) => each!.exitCode))).toEqual([0, 0, 2]);
  },
);

describe('a process with a bundle', () => {
  it('announces its URL and readiness, serves without TensorFlow, and ends on SIGTERM', async () => {
    const { child, output, log, exitCode } = start({});
    const messages: { type: string; url: string; bundleId?: string }[] = [];
    child.on('message', (message) => messages.push(message as (typeof messages)[number]));
    while (messages.at(-1)?.type !== 'ready') {
      await Promise.race([once(child, 'message'), exitCode.then(failEarly(log))]);
    }

    const { url } = messages[0]!;
    expect(messages).toEqual([
      { type: 'listening', url },
      { type: 'ready', url, bundleId: home.bundleRef.id },
    ]);
    child.kill('SIGHUP');
    // On a busy machine, the work of the start still delays the event loop.
    await expect
      .poll(async () => (await fetch(`${url}/readyz`)).json(), { timeout: 60_000 })
      .toEqual({ status: 'ready', version: '0.1.0', bundleId: home.bundleRef.id });
    const response = await fetch(`${url}/v1/recommendations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({ userId: 'ada', limit: 5 }),
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ source: { kind: 'model' }, returned: 5 });

    // The memory map shows every loaded native library.
    const maps = `/proc/${child.pid}/maps`;
    if (existsSync(maps)) {
      const mapped = await readFile(maps, 'utf8');
      expect(mapped).toContain('faiss-node.node');
      expect(mapped).not.toMatch(/tensorflow|tfjs/i);
    }

    child.kill('SIGTERM');
    expect(await exitCode).toBe(0);
    expect(
      (await output)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { msg: 'listening', url },
      { msg: 'ready', url, bundleId: home.bundleRef.id },
    ]);
    expect(await log).not.toContain(apiKey);
    expect(await log).toContain('SIGHUP has no effect');
  });
});

const failEarly = (log: Promise<string>) => async (): Promise<never> => {
  throw new Error(`the process ended: ${await log}`);
};

describe('a process that cannot serve reports the reason and ends', () => {
  async function failure(environment: Record<string, string>) {
    const { log, exitCode } = start(environment);
    const code = await exitCode;
    const lines = (await log)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    return { exitCode: code, fatal: lines.find(({ level }) => level === 60)! };
  }

  it('without keys', async () => {
    const { exitCode, fatal } = await failure({ FACET_API_KEYS_FILE: join(home.folder, 'no-keys.yaml') });
    expect(exitCode).toBe(2);
    expect(fatal).toMatchObject({ msg: 'cannot serve', code: 'HTTP_KEYS_MISSING' });
    expect(fatal['problem']).toContain('no-keys.yaml');
  });

  it('without a bundle', async () => {
    const { exitCode, fatal } = await failure({
      FACET_INSECURE: 'true',
      FACET_HOME: join(tmpdir(), 'facet-no-such-folder'),
    });
    expect(exitCode).toBe(4);
    expect(fatal).toMatchObject({ code: 'SERVING_NO_BUNDLE' });
    expect(fatal['problem']).toContain('npm start');
  });

  it('with a corrupt bundle, naming the file', async () => {
    const damaged = forTest(await createHome());
    await appendFile(join(damaged.artifactsFolder, 'bundle', damaged.bundleRef.id, 'golden.json'), '\n');
    const { exitCode, fatal } = await failure({ FACET_INSECURE: 'true', FACET_HOME: damaged.folder });
    expect(exitCode).toBe(4);
    expect(fatal).toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    expect(fatal['problem']).toContain('golden.json');
  });

  it('with a missing bundle', { tags: 'full' }, async () => {
    const emptied = forTest(await createHome());
    await rm(join(emptied.artifactsFolder, 'bundle'), { recursive: true });
    const { exitCode, fatal } = await failure({ FACET_INSECURE: 'true', FACET_HOME: emptied.folder });
    expect(exitCode).toBe(4);
    expect(fatal).toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
  });

  it('with a port in use', { tags: 'full' }, async () => {
    const { port } = new URL(await serveForTest(createServer()));
    const { exitCode, fatal } = await failure({ FACET_INSECURE: 'true', FACET_PORT: port });
    expect(exitCode).toBe(5);
    expect(fatal).toMatchObject({ code: 'HTTP_ADDRESS_UNUSABLE' });
    expect(fatal['problem']).toContain('FACET_PORT');
  });
});
