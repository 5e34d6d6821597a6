import { createLogger } from '@facet/platform';
import { expect, it, vi } from 'vitest';
import { poll } from '../src/start-serving.ts';

it('logs failed work and continues, and stops after the current work', async () => {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
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
  const stopping = new AbortController();
  const logger = createLogger({ name: 'test', destination });
  const polling = poll(work, { intervalMs: 1, signal: stopping.signal, logger });
  await vi.waitFor(() => expect(rounds).toBe(3));
  expect(isWorking).toBe(true);
  stopping.abort();
  expect(isWorking).toBe(true);
  finish();
  await polling;
  expect(isWorking).toBe(false);
  expect(rounds).toBe(3);
  expect(lines).toMatchObject([
    { level: 50, msg: 'watching for bundles failed: retrying', problem: 'no disk' },
    { level: 50, msg: 'watching for bundles failed: retrying' },
  ]);
});

it('continues after work that throws synchronously', async () => {
  let rounds = 0;
  const work = (): Promise<void> => {
    rounds++;
    throw new Error('synchronous');
  };
  const stopping = new AbortController();
  const logger = createLogger({ name: 'test', level: 'silent' });
  const polling = poll(work, { intervalMs: 1, signal: stopping.signal, logger });
  await vi.waitFor(() => expect(rounds).toBeGreaterThan(2));
  stopping.abort();
  await polling;
});
