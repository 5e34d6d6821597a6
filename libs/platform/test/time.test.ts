import { expect, it, vi } from 'vitest';
import { repeat } from '../src/index.ts';

it('reports failed work and continues, and stops after the current work', async () => {
  const failures: unknown[] = [];
  let rounds = 0;
  let isWorking = false;
  let finish = (): void => undefined;
  const work = async (): Promise<void> => {
    if (++rounds === 1) throw new Error('no disk');
    if (rounds === 2) throw 'no reason';
    isWorking = true;
    await new Promise<void>((resolve) => (finish = resolve));
    isWorking = false;
  };
  const stop = repeat(1, work, (error) => void failures.push(error));
  await vi.waitFor(() => expect(rounds).toBe(3), { timeout: 30_000 });
  const stopped = stop();
  expect(isWorking).toBe(true);
  finish();
  await stopped;
  expect(isWorking).toBe(false);
  expect(rounds).toBe(3);
  expect(failures).toEqual([new Error('no disk'), 'no reason']);
});

it('continues after work that throws synchronously', async () => {
  let rounds = 0;
  const work = (): Promise<void> => {
    rounds++;
    throw new Error('synchronous');
  };
  const stop = repeat(1, work, () => undefined);
  await vi.waitFor(() => expect(rounds).toBeGreaterThan(2), { timeout: 30_000 });
  await stop();
});
