import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createAdmission } from '../src/index.ts';
import type { Admission } from '../src/index.ts';
import { measureQueueDelay, nextLimit } from '../src/overload/admission.ts';
import { createTestApp, keyOf, textOf } from './fixtures.ts';

const bounds = { concurrentMin: 4, concurrentMax: 256, delayMsTarget: 10 };

describe('the next limit', () => {
  const anyLimit = fc.integer({ min: 4, max: 256 });
  const anyDelay = fc.double({ min: 0, max: 10_000, noNaN: true });

  it('stays within its bounds, and halves at most', () => {
    fc.assert(
      fc.property(anyLimit, anyDelay, fc.integer({ min: 0, max: 256 }), (limit, leastDelayMs, busyMax) => {
        const next = nextLimit(limit, { leastDelayMs, busyMax }, bounds);
        expect(next).toBeGreaterThanOrEqual(4);
        expect(next).toBeLessThanOrEqual(256);
        expect(next).toBeGreaterThanOrEqual(Math.floor(Math.min(limit, Math.max(1, busyMax)) / 2));
      }),
    );
  });

  it('grows below the target delay, and shrinks above it', () => {
    fc.assert(
      fc.property(anyLimit, fc.double({ min: 0, max: 10, noNaN: true }), (limit, leastDelayMs) => {
        expect(nextLimit(limit, { leastDelayMs, busyMax: limit }, bounds)).toBe(Math.min(256, Math.ceil(limit * 1.1)));
      }),
    );
    expect(nextLimit(200, { leastDelayMs: 12.5, busyMax: 200 }, bounds)).toBe(160);
    expect(nextLimit(200, { leastDelayMs: 500, busyMax: 200 }, bounds)).toBe(100);
    // A limit that was never reached did not keep the queue short.
    expect(nextLimit(256, { leastDelayMs: 12.5, busyMax: 50 }, bounds)).toBe(40);
  });

  /** A queue with a service rate: by Little's law the delay is the number of waiting requests divided by the rate. */
  it('settles at the target delay, at any rate, under any overload', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.5, max: 20, noNaN: true }), anyLimit, (perMs, from) => {
        let limit = from;
        for (let setting = 0; setting < 60; setting++) {
          limit = nextLimit(limit, { leastDelayMs: (limit - 1) / perMs, busyMax: limit }, bounds);
        }
        const wanted = Math.min(256, Math.max(4, 10 * perMs));
        expect(limit).toBeGreaterThanOrEqual(Math.floor(0.8 * wanted));
        expect(limit).toBeLessThanOrEqual(Math.ceil(1.25 * wanted) + 1);
      }),
    );
  });
});

/** Does work as an admitted request. */
async function run<Result>(admission: Admission, work: () => Promise<Result>): Promise<Result> {
  admission.enter();
  try {
    return await work();
  } finally {
    admission.leave();
  }
}

describe('admission', () => {
  it('refuses requests beyond its limit, admits again later, and spreads the retries', async () => {
    const random = vi.fn().mockReturnValueOnce(0).mockReturnValueOnce(0.5).mockReturnValue(0.99);
    const admission = createAdmission({ concurrentMax: 2, random });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => run(admission, async () => sleep(20, 'done'))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      ...Array.from({ length: 3 }, () => 'rejected'),
    ]);
    expect(outcomes[4]).toMatchObject({ reason: { code: 'OVERLOADED', retryable: true } });
    const seconds = outcomes.slice(2).map((outcome) => (outcome as { reason: { context: object } }).reason.context);
    expect(seconds).toEqual([1, 2, 3].map((retryAfterSeconds) => ({ retryAfterSeconds })));
    expect(admission.turnedAway).toBe(3);
    await expect(run(admission, async () => Promise.reject(new Error('work failed')))).rejects.toThrow('work failed');
    await expect(run(admission, async () => 'done')).resolves.toBe('done');
    expect(admission.busy).toBe(0);
  });

  it('admits less while requests queue, more afterwards, and logs when it refuses', async () => {
    let delayMs = 100;
    const messages: string[] = [];
    const say = (_facts: unknown, message: string): void => void messages.push(message);
    const logger = { warn: say, info: say } as never;
    const admission = createAdmission({ concurrentMin: 4, measureDelay: async () => sleep(1, delayMs), logger });
    const over = new AbortController();
    const asking = (async () => {
      while (!over.signal.aborted) {
        await Promise.allSettled(Array.from({ length: 64 }, () => run(admission, () => sleep(2))));
      }
    })();
    await vi.waitFor(() => expect(admission.limit).toBe(4), { timeout: 30_000 });
    expect(admission.hasTimeToSpare).toBe(false);
    await vi.waitFor(() => expect(messages).toEqual(['overloaded: refusing requests']), { timeout: 30_000 });
    delayMs = 1;
    await vi.waitFor(() => expect(admission.limit).toBeGreaterThan(64), { timeout: 5_000 });
    over.abort();
    await asking;
    await vi.waitFor(() => expect(messages).toHaveLength(2), { timeout: 5_000 });
    expect(messages[1]).toBe('no longer overloaded');
    await vi.waitFor(() => expect(admission.hasTimeToSpare).toBe(true), { timeout: 5_000 });
  });

  it('bounds the wait by the CPU time of the requests before, also in the next burst', async () => {
    let cpuMs = 0;
    let cpuMsPerRequest = 5;
    const admission = createAdmission({
      measureDelay: async () => sleep(1, 0),
      readCpuMs: () => cpuMs,
      waitMsMax: 150,
    });
    const work = async (): Promise<void> => {
      await sleep(1);
      cpuMs += cpuMsPerRequest;
    };
    /** Keeps 24 requests busy until the limit has a value. */
    const load = async (until: () => boolean): Promise<void> => {
      while (!until()) await Promise.allSettled(Array.from({ length: 24 }, () => run(admission, work)));
    };
    expect(admission.limit).toBe(128);
    await load(() => admission.limit === 30);
    await sleep(500);
    expect(admission.limit).toBe(30);
    expect(admission.hasTimeToSpare).toBe(true);
    // A request that is admitted last waits for 29 others, which take 145 ms.
    const burst = await Promise.allSettled(Array.from({ length: 100 }, () => run(admission, work)));
    expect(burst.filter(({ status }) => status === 'fulfilled')).toHaveLength(30);
    // Slow requests leave room for the connections of one caller, and cheap ones for any burst.
    cpuMsPerRequest = 100;
    await load(() => admission.limit === 16);
    cpuMsPerRequest = 0.5;
    await load(() => admission.limit === 128);
  });

  it('measures the CPU time of slow requests over many adjustments', async () => {
    let cpuMs = 0;
    const admission = createAdmission({
      measureDelay: async () => sleep(1, 0),
      readCpuMs: () => cpuMs,
      waitMsMax: 150,
    });
    // One request ends at a time, so that far fewer than 16 end within one adjustment.
    const until = performance.now() + 10_000;
    while (admission.limit !== 16 && performance.now() < until) {
      await run(admission, async () => {
        await sleep(3);
        cpuMs += 50;
      });
    }
    expect(admission.limit).toBe(16);
  });

  it('has no time to spare while more than half of the limit is used', async () => {
    const admission = createAdmission({ concurrentMin: 4, concurrentMax: 4, measureDelay: async () => sleep(1, 0) });
    const work = [1, 2].map(() => run(admission, () => sleep(20)));
    expect(admission.hasTimeToSpare).toBe(true);
    work.push(run(admission, () => sleep(20)));
    expect(admission.hasTimeToSpare).toBe(false);
    await Promise.all(work);
    expect(admission.hasTimeToSpare).toBe(true);
  });

  it('measures the queueing delay of the thread pool and of the event loop', async () => {
    const { pbkdf2 } = await import('node:crypto');
    const work = (): Promise<void> =>
      new Promise((resolve) => pbkdf2('word', 'salt', 200_000, 32, 'sha256', () => resolve()));
    const idle = Math.min(...(await Promise.all(Array.from({ length: 3 }, measureQueueDelay))));
    const crowd = Array.from({ length: 24 }, work);
    expect(await measureQueueDelay()).toBeGreaterThan(idle);
    await Promise.all(crowd);
  });
});

describe('an app with an admission', () => {
  const full: Admission = {
    limit: 0,
    busy: 0,
    hasTimeToSpare: false,
    turnedAway: 0,
    refuse: () => 2,
    enter: () => undefined,
    leave: () => undefined,
  };

  it('refuses requests for work before any other check, and responds to the rest', async () => {
    let parsed = 0;
    const { app, logLines } = await createTestApp({
      admission: full,
      access: { kind: 'keys', keys: [keyOf('product', ['serve']), keyOf('operator', ['admin'])] },
      addRoutes(bare) {
        bare.post(
          '/v1/lists',
          { config: { scope: 'serve' }, preValidation: async () => void parsed++ },
          async () => 'list',
        );
      },
    });
    const response = await app.inject({ method: 'POST', url: '/v1/lists', payload: { some: 'body' } });
    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBe('2');
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(response.headers['x-request-id']).toBeDefined();
    expect(response.json()).toEqual({
      statusCode: 503,
      code: 'OVERLOADED',
      message: 'This server has more requests than it can serve.',
      remedy: 'Retry after the seconds in Retry-After, or add a server.',
    });
    expect(parsed).toBe(0);
    const ask = async (url: string, key: string): Promise<number> =>
      (await app.inject({ url, headers: { 'x-api-key': textOf(key) } })).statusCode;
    expect(await ask('/healthz', 'stranger')).toBe(200);
    expect(await ask('/readyz', 'stranger')).toBe(200);
    expect(await ask('/metrics', 'operator')).toBe(200);
    expect(await ask('/page', 'product')).toBe(200);
    expect(await ask('/v1/nothing', 'product')).toBe(404);
    // Logging every refusal would increase the load.
    expect(logLines.filter(({ statusCode }) => statusCode === 503)).toMatchObject([{ level: 20 }]);
  });
});
