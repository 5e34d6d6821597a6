import { expect, it } from 'vitest';
import { createLogger, openWithClosers } from '../src/index.ts';

const logLines: string[] = [];
const logger = createLogger({ name: 'test', destination: { write: (line) => void logLines.push(line) } });

it('closes what was opened once, in reverse order', async () => {
  const closed: string[] = [];
  const { url, close } = await openWithClosers(logger, async (closers) => {
    for (const name of ['store', 'queue', 'app']) closers.push(async () => void closed.push(name));
    return { url: 'http://127.0.0.1' };
  });
  expect([url, closed]).toEqual(['http://127.0.0.1', []]);
  await close();
  await close();
  expect(closed).toEqual(['app', 'queue', 'store']);
});

it('closes what was opened before a failure', async () => {
  const closed: string[] = [];
  const opening = openWithClosers(logger, async (closers) => {
    closers.push(async () => void closed.push('store'));
    throw new Error('no queue');
  });
  await expect(opening).rejects.toThrow('no queue');
  expect(closed).toEqual(['store']);
});

it('closes everything and logs each error when some closers fail', async () => {
  const closed: string[] = [];
  const { close } = await openWithClosers(logger, async (closers) => {
    closers.push(async () => void closed.push('store'));
    closers.push(async () => Promise.reject(new Error('the queue is away')));
    closers.push(async () => Promise.reject(new Error('the app is away')));
    return {};
  });
  await expect(close()).rejects.toThrow('the app is away');
  expect(closed).toEqual(['store']);
  expect(logLines.join('')).toContain('the queue is away');
  expect(logLines.join('')).toContain('the app is away');
});
