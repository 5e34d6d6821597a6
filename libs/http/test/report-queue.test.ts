import { expect, test } from 'vitest';
import { createReportQueue } from '../src/index.ts';

/** A queue of reports that end when the test says so. */
function createBench() {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const clock = { now: 0 };
  const queue = createReportQueue(
    (query: string, signal: AbortSignal) => {
      started.push(query);
      return new Promise<string>((resolve, reject) => {
        ends.set(query, () => resolve(`${query} at ${clock.now}`));
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    },
    { now: () => clock.now, freshMs: 100, keptMax: 10 },
  );
  return { queue, started, clock, end: (query: string) => ends.get(query)?.() };
}

const request = (): AbortController => new AbortController();

test('computes one report at a time, and shares it between equal queries while it is fresh', async () => {
  const { queue, started, clock, end } = createBench();
  const [first, same, other] = [queue.read('a'), queue.read('a'), queue.read('b')];
  await expect.poll(() => started).toEqual(['a']);
  end('a');
  expect(await Promise.all([first, same])).toEqual(['a at 0', 'a at 0']);
  await expect.poll(() => started).toEqual(['a', 'b']);
  end('b');
  await other;
  clock.now = 99;
  expect(await queue.read('a')).toBe('a at 0');
  const newer = queue.read('a', { ageMsMax: 50 });
  await expect.poll(() => started).toEqual(['a', 'b', 'a']);
  const unfinished = queue.read('a', { ageMsMax: 0 });
  end('a');
  expect(await Promise.all([newer, unfinished])).toEqual(['a at 99', 'a at 99']);
});

test('refuses requests while five reports wait, but not the reports of the process', async () => {
  const { queue, started, end } = createBench();
  const { signal } = request();
  const reports = ['a', 'b', 'c', 'd', 'e'].map((query) => queue.read(query, { signal }));
  await expect(queue.read('f', { signal })).rejects.toMatchObject({ code: 'OVERLOADED' });
  const own = queue.read('g');
  for (const query of ['a', 'b', 'c', 'd', 'e', 'g']) {
    await expect.poll(() => started).toContain(query);
    end(query);
  }
  expect(await own).toBe('g at 0');
  expect(await Promise.all(reports)).toHaveLength(5);
});

test('ends a report when all its requests have ended, and continues with the next', async () => {
  const { queue, started, end } = createBench();
  const [one, two, three] = [request(), request(), request()];
  const running = [queue.read('a', one), queue.read('a', two)];
  const waiting = queue.read('b', three);
  const next = queue.read('c', request());
  await expect.poll(() => started).toEqual(['a']);
  one.abort(new Error('left'));
  three.abort(new Error('left'));
  await expect(running[0]).rejects.toThrow('left');
  await expect(waiting).rejects.toThrow('left');
  expect(started).toEqual(['a']);
  two.abort(new Error('left'));
  await expect(running[1]).rejects.toThrow('left');
  await expect.poll(() => started).toEqual(['a', 'c']);
  end('c');
  expect(await next).toBe('c at 0');
  // A report that was ended is computed again.
  const again = queue.read('a', request());
  await expect.poll(() => started).toEqual(['a', 'c', 'a']);
  end('a');
  expect(await again).toBe('a at 0');
});
