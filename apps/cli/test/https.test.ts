/** @module-tag full */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:https';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createCertificates } from '@facet/local-services';
import { temporaryFolder } from '@facet/testing';
import { expect, it, onTestFinished } from 'vitest';

const patiently = { timeout: 120_000, interval: 1_000 };

type Environment = Readonly<Record<string, string>>;

function start(app: string, args: readonly string[], env: Environment) {
  const main = fileURLToPath(import.meta.resolve(`../../${app}/dist/main.js`));
  const child = spawn(process.execPath, [main, ...args], { env: { PATH: process.env['PATH'], ...env } });
  onTestFinished(() => void child.kill());
  return child;
}

/** Starts a console and returns its address. */
async function startConsole(env: Environment): Promise<string> {
  const child = start('console', [], { FACET_PORT: '0', FACET_INSECURE: 'true', ...env });
  for await (const line of createInterface(child.stdout)) {
    const { msg, url } = JSON.parse(line) as { readonly msg: string; readonly url: string };
    if (msg === 'listening') return url;
  }
  throw new Error('The console has ended.');
}

async function readStatus(env: Environment): Promise<string> {
  const child = start('cli', ['status', '--home', await temporaryFolder()], env);
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  await once(child, 'close');
  return lines.join('\n');
}

it('facet status and the console ask apps with certificates of a private authority', { timeout: 400_000 }, async () => {
  const { caFile, server, facet } = await createCertificates(await temporaryFolder());
  const certificate = (files: typeof server) => ({
    FACET_TLS_CERT_FILE: files.certFile,
    FACET_TLS_KEY_FILE: files.keyFile,
  });
  const trusting = { NODE_EXTRA_CA_CERTS: caFile };
  // A console responds to probes as every app does.
  const app = await startConsole(certificate(facet));
  const proxy = await startConsole({
    ...certificate(server),
    ...trusting,
    FACET_INDEXER_URL: app,
  });
  expect(proxy).toMatch(/^https:/);

  const ca = await readFile(caFile);
  const readUpstreams = async () => {
    const [response] = (await once(get(`${proxy}/upstreams`, { ca }), 'response')) as [NodeJS.ReadableStream];
    return json(response);
  };
  const ready = expect.arrayContaining([expect.objectContaining({ name: 'indexer', state: 'ready' })]) as unknown;
  await expect.poll(readUpstreams, patiently).toMatchObject({ upstreams: ready });

  const addresses = { FACET_INDEXER_URL: app, FACET_CONSOLE_URL: proxy };
  await expect
    .poll(() => readStatus({ ...addresses, ...trusting }), patiently)
    .toMatch(/indexer +healthy +https:[^]*console +healthy +https:/);
  const refused =
    /indexer +unhealthy .*that Facet does not trust.*Set NODE_EXTRA_CA_CERTS to the certificate of the authority/;
  await expect.poll(() => readStatus(addresses), patiently).toMatch(refused);
});
