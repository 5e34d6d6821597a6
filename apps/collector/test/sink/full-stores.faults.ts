import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { readItems } from '@facet/lake';
import { startRedis } from '@facet/local-services';
import type { FacetProcess } from '@facet/local-services';
import { forTest } from '@facet/testing';
import { expect, it, onTestFinished } from 'vitest';
import { createBench, expectEachOnce, isCaughtUp, readStatus, startProcess, until } from './fixtures.ts';

/** Waits until status, readiness, metrics and log of the sink report the outage. */
async function expectOutage(sink: FacetProcess, dependency: string, remedy: string): Promise<void> {
  const problemOf = async () =>
    (await readStatus(sink)).outages.find((outage) => outage.dependency === dependency)?.problem;
  await until(async () => (await problemOf()) !== undefined, 60);
  expect(await problemOf()).toContain(remedy);
  expect((await fetch(`${sink.url}/readyz`)).status).toBe(503);
  expect(await metricsOf(sink)).toContain(`facet_sink_outage{dependency="${dependency}"} 1`);
  expect(sink.output).toContain(remedy);
}

async function expectRecovery(sink: FacetProcess, messages: number): Promise<void> {
  await until(() => isCaughtUp(sink, messages), 60);
  await until(async () => (await fetch(`${sink.url}/readyz`)).ok, 60);
  expect(await metricsOf(sink)).not.toMatch(/facet_sink_outage\{.*\} 1/);
}

async function metricsOf(sink: FacetProcess): Promise<string> {
  return (await fetch(`${sink.url}/metrics`)).text();
}

it('stores everything after the disk of the lake and the catalog was full', async (context) => {
  const bench = await createBench();
  const { home, publisher, topics } = bench;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', home], { stdio: 'ignore' });
  } catch {
    return context.skip('needs permission to mount a small disk');
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', home]));
  await writeFile(join(home, 'facet.yaml'), '');
  mkdirSync(join(home, 'lake'));
  const sink = await startProcess(bench, { FACET_LOG_LEVEL: 'warn' });
  await bench.publishEvents('a', 400);
  await until(() => isCaughtUp(sink, 400), 60);

  const ballast = join(home, 'ballast');
  const { bavail, bsize } = await statfs(home);
  await writeFile(ballast, Buffer.alloc(bavail * bsize));
  const item = { topic: topics.items, key: 'i', value: '{"itemId":"i","attributes":{}}', timestamp: Date.now() };
  await bench.publishEvents('b', 400);
  await publisher.publish([item]);
  await expectOutage(sink, 'lake', 'Check the free space');
  await expectOutage(sink, 'catalog', 'Check the free space');
  await bench.publishEvents('c', 400);

  await rm(ballast);
  await expectRecovery(sink, 1_201);
  await expectEachOnce(bench);
  expect(await readItems(join(home, 'catalog'))).toHaveLength(1);
  expect(await sink.stop()).toBe(0);
});

it('applies and stores everything after Redis was out of memory', async () => {
  const redis = forTest(await startRedis());
  const bench = await createBench({ redisUrl: redis.url });
  const sink = await startProcess(bench, { FACET_LOG_LEVEL: 'warn' });
  await bench.publishEvents('a', 400);
  await until(() => isCaughtUp(sink, 400), 60);

  await configure(redis.url, 'maxmemory', '1');
  await bench.publishEvents('b', 400);
  await expectOutage(sink, 'redis', 'Raise maxmemory');
  await bench.publishEvents('c', 400);
  await configure(redis.url, 'maxmemory', '0');

  await expectRecovery(sink, 1_200);
  await expectEachOnce(bench);
  // 97 users have 1,200 events.
  expect((await bench.store.read('u0'))?.events).toHaveLength(15);
  expect(await sink.stop()).toBe(0);
});

/** Changes a setting of a running Redis. */
async function configure(url: string, name: string, value: string): Promise<void> {
  const { hostname, port } = new URL(url);
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) }, () =>
      socket.write(`CONFIG SET ${name} ${value}\r\n`),
    );
    socket.once('error', reject).once('data', (reply) => {
      socket.destroy();
      if (reply.toString().startsWith('+OK')) resolve();
      else reject(new Error(reply.toString()));
    });
  });
}
