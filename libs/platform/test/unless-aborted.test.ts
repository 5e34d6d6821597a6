import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { unlessAborted } from '../src/index.ts';

test('returns the result of the promise, and leaves no listener on the signal', async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1);
  await expect(unlessAborted(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('rejects with the reason of the signal, aborted before or after the call', async () => {
  const aborting = new AbortController();
  const never = new Promise<never>(() => undefined);
  const pending = unlessAborted(never, aborting.signal);
  aborting.abort(new Error('stopped'));
  await expect(pending).rejects.toThrow('stopped');
  await expect(unlessAborted(never, aborting.signal)).rejects.toThrow('stopped');
});
