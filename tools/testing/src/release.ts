import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, onTestFinished } from 'vitest';

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
