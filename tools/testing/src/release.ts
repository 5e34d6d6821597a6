import { afterAll, onTestFinished } from 'vitest';

type Releasable =
  | { close(): unknown }
  | { stop(): unknown; close?: never }
  | { remove(): unknown; stop?: never; close?: never };

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
