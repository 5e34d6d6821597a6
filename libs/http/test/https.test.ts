import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import type { TLSSocket } from 'node:tls';
import { createCertificates } from '@facet/local-services';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { listen } from '../src/index.ts';
import { createTestApp } from './fixtures.ts';

type Certificates = Awaited<ReturnType<typeof createCertificates>>;
let folder: string;
let certificates: Certificates;
let tls: { certFile: string; keyFile: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facet-test-'));
  certificates = await createCertificates(join(folder, 'made'));
  tls = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const patiently = { timeout: 60_000 };

async function replace(name: 'server' | 'facet' | 'expired', keyOf: typeof name = name): Promise<void> {
  await copyFile(certificates[name].certFile, tls.certFile);
  await copyFile(certificates[keyOf].keyFile, tls.keyFile);
}

async function start() {
  await replace('server');
  const { app, logLines } = await createTestApp({ tls });
  const { url } = await listen(app, { host: '127.0.0.1', port: 0 });
  /** Requests `/healthz` and returns the status, and the common name of the certificate. */
  const ask = (agent?: Agent) =>
    new Promise<{ readonly status: number | undefined; readonly name: string; readonly socket: TLSSocket }>(
      (resolve, reject) => {
        const ca = readFileSync(certificates.caFile);
        request(new URL('/healthz', url), { ca, agent: agent ?? false }, (response) => {
          const socket = response.socket as TLSSocket;
          response.resume();
          response.on('end', () => {
            resolve({ status: response.statusCode, name: String(socket.getPeerCertificate().subject.CN), socket });
          });
        })
          .on('error', reject)
          .end();
      },
    );
  return { url, ask, logLines };
}

it('an app with a certificate speaks HTTPS only', async () => {
  const { url, ask } = await start();
  expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  expect(await ask()).toMatchObject({ status: 200, name: 'server' });
  await expect(fetch(new URL('/healthz', url.replace('https:', 'http:')))).rejects.toThrow();
  // Node does not know the authority.
  await expect(fetch(new URL('/healthz', url))).rejects.toThrow();
});

it('new connections use a replaced certificate, and open connections continue', async () => {
  const { ask } = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const before = await ask(agent);
  await replace('facet');
  await expect.poll(async () => (await ask()).name, patiently).toBe('facet');
  const after = await ask(agent);
  expect(after).toMatchObject({ status: 200, name: 'server' });
  expect(after.socket).toBe(before.socket);
});

it(
  'keeps the certificate while the files are missing, expired or no pair, and says so once',
  { tags: 'full' },
  async () => {
    const { ask, logLines } = await start();
    const problems = () =>
      logLines.flatMap(({ msg, problem }) =>
        String(msg).startsWith('the new certificate cannot be used') ? [problem] : [],
      );
    await replace('facet', 'server');
    await expect.poll(problems, patiently).toEqual([expect.stringContaining('key values mismatch')]);
    await replace('expired');
    await expect.poll(problems, patiently).toEqual([expect.anything(), expect.stringContaining('it has expired on')]);
    await rm(tls.certFile);
    await expect
      .poll(problems, patiently)
      .toEqual([expect.anything(), expect.anything(), expect.stringContaining('no such file')]);
    expect(await ask()).toMatchObject({ status: 200, name: 'server' });
    await replace('facet');
    await expect.poll(async () => (await ask()).name, patiently).toBe('facet');
    expect(problems()).toHaveLength(3);
  },
);
