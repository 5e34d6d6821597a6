import { expect, it } from 'vitest';
import { openWithClosers } from '../src/index.ts';

it('closes what was opened once, in reverse order', async () => {
  const closed: string[] = [];
  const { url, close } = await openWithClosers(async (closers) => {
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
  const opening = openWithClosers(async (closers) => {
    closers.push(async () => void closed.push('store'));
    throw new Error('no queue');
  });
  await expect(opening).rejects.toThrow('no queue');
  expect(closed).toEqual(['store']);
});
