import { join } from 'node:path';
import { lakeStatus } from '@facet/lake';
import { startRedis } from '@facet/local-services';
import { forTest } from '@facet/testing';
import { expect, it } from 'vitest';
import { createBench, expectEachOnce, isCaughtUp, readStatus, startProcess, until } from './fixtures.ts';

it('stores each offset in the lake once when killed at any moment', async () => {
  const bench = await createBench();
  let published = 0;
  let isPublishing = true;
  const publishing = (async () => {
    while (isPublishing) {
      await bench.publishEvents(`e${published}`, 300);
      published++;
    }
  })();
  for (const ms of [300, 900, 1_700]) {
    const sink = await startProcess(bench);
    await until(async () => (await readStatus(sink)).group.isMember, 60);
    await new Promise((resolve) => setTimeout(resolve, ms));
    await sink.kill();
  }
  isPublishing = false;
  await publishing;
  const last = await startProcess(bench);
  await until(() => isCaughtUp(last, published * 300), 90);
  expect(await last.stop()).toBe(0);
  await expectEachOnce(bench);
});

it('reads the partitions of a killed sink again within 10 seconds, in another sink or after a restart', async () => {
  const bench = await createBench();
  let published = 0;
  const publish = async (): Promise<void> => bench.publishEvents(`e${published++}`, 400);
  const storeWithin10s = async (sink: { readonly url: string }, from: number): Promise<void> => {
    await publish();
    await until(
      async () => (await readStatus(sink)).partitions.length === 8 && (await isCaughtUp(sink, 400 * published)),
      60,
    );
    const seconds = (Date.now() - from) / 1000;
    expect(seconds).toBeLessThan(10);
  };
  let killed = await startProcess(bench);
  for (let round = 0; round < 3; round++) {
    const other = await startProcess(bench);
    await until(async () => (await readStatus(killed)).partitions.length === 4, 60);
    await until(async () => (await readStatus(other)).partitions.length === 4, 60);
    const killedAt = Date.now();
    await killed.kill();
    await storeWithin10s(other, killedAt);
    await other.kill();
    // The time to start a process depends on the machine.
    killed = await startProcess(bench);
    await storeWithin10s(killed, Date.now());
  }
  expect(await killed.stop()).toBe(0);
  await expectEachOnce(bench);
});

it('stays alive during an outage that follows a long idle time', async () => {
  const redis = forTest(await startRedis());
  const bench = await createBench({ redisUrl: redis.url });
  const sink = await bench.startSink({}, { stallMs: 4_000 });
  const isAlive = async (): Promise<boolean> => (await fetch(`${sink.url}/healthz`)).ok;
  await until(async () => (await readStatus(sink)).group.isMember);
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  await redis.kill();
  await bench.publishEvent('e1');
  await until(async () => (await readStatus(sink)).outages.length > 0);
  expect(await isAlive()).toBe(true);
  await until(async () => !(await isAlive()));
});

it('gives way to another sink after a pause longer than its session', async () => {
  const bench = await createBench();
  const commitSeldom = { FACET_SINK_COMMIT_SECONDS: '3' };
  const first = await startProcess(bench, commitSeldom);
  await until(async () => (await readStatus(first)).partitions.length === 8);
  await bench.publishEvents('a', 400);
  await until(async () => (await readStatus(first)).bufferedRows === 400);
  process.kill(first.pid, 'SIGSTOP');
  const second = await startProcess(bench, commitSeldom);
  await bench.publishEvents('b', 400);
  await until(() => isCaughtUp(second, 800), 60);
  process.kill(first.pid, 'SIGCONT');
  await until(async () => (await readStatus(first)).partitions.length === 4);
  await bench.publishEvents('c', 400);
  await until(async () => (await lakeStatus(join(bench.home, 'lake'))).rows === 1_200);
  await expectEachOnce(bench);
  expect(await first.stop()).toBe(0);
});
