import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** Creates a folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'facet-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Removing the installed packages of an app can take minutes on a busy disk. */
const removalMsMax = 600_000;

/** Creates a folder that is removed after all tests of the file, or of the `describe` that calls this. */
export function folderOfFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'facet-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }), removalMsMax);
  return folder;
}

/** Creates a file, or replaces it by one, that opens but fails every read with `EIO`, as on a broken disk. */
export async function breakFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await symlink('/proc/self/mem', path);
}

type Releasable =
  { close(): unknown } | { stop(): unknown; close?: never } | { remove(): unknown; stop?: never; close?: never };

/** Closes, stops or removes the resource when the test ends. Returns the resource. */
export function forTest<Resource extends Releasable>(resource: Resource): Resource {
  onTestFinished(() => release(resource));
  return resource;
}

/** Closes, stops or removes the resource after all tests of the file, or of the `describe` that calls this. Returns the resource. */
export function forFile<Resource extends Releasable>(resource: Resource): Resource {
  afterAll(() => release(resource));
  return resource;
}

async function release(resource: Releasable): Promise<void> {
  if ('close' in resource && resource.close !== undefined) await resource.close();
  else if ('stop' in resource && resource.stop !== undefined) await resource.stop();
  else if ('remove' in resource) await resource.remove();
}

/** Starts the server on a free port until the test ends. Returns its address. */
export async function serveForTest(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
