/** @module-tag full */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findFreePorts, startKafka, startRedis } from '../src/index.ts';
import { isAlive, printed, runScript } from './processes.ts';

let folder: string;
const inheritedTmpdir = process.env['TMPDIR'];
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'local-services-test-'));
  process.env['TMPDIR'] = folder;
});
afterAll(() => {
  if (inheritedTmpdir === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = inheritedTmpdir;
  rmSync(folder, { recursive: true });
});

const connect = (brokers: string[]) => new Kafka({ brokers, logLevel: logLevel.NOTHING });

async function produce(kafka: Kafka, topic: string, value: string, retries = 5): Promise<void> {
  const producer = kafka.producer({ retry: { retries } });
  await producer.connect();
  await producer.send({ topic, messages: [{ value }] });
  await producer.disconnect();
}

async function endOffset(kafka: Kafka, topic: string): Promise<string | undefined> {
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return offsets[0]?.high;
}

describe('Kafka', () => {
  it('keeps its port and data over kill -9, creates no topics automatically, and leaves nothing behind', async () => {
    const local = await startKafka();
    const kafka = connect(local.brokers);
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }] });
    await expect(produce(kafka, 'never-created', 'x', 0)).rejects.toThrow();
    const topics = await admin.listTopics();
    expect(topics.filter((name) => name !== '__consumer_offsets')).toEqual(['kept']);
    await admin.disconnect();
    await produce(kafka, 'kept', 'x');

    const [node] = local.nodes;
    const killed = node?.pid as number;
    await node?.kill();
    expect(isAlive(killed)).toBe(false);
    await node?.start();
    expect(node?.pid).not.toBe(killed);
    expect(await endOffset(kafka, 'kept')).toBe('1');

    await local.stop();
    expect(isAlive(node?.pid as number)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('with three brokers keeps serving without one', async () => {
    const local = await startKafka({ brokers: 3 });
    const kafka = connect(local.brokers);
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'copied', numPartitions: 1 }], waitForLeaders: false });
    // A broker may not know the topic yet.
    const { topics } = await vi.waitFor(() => admin.fetchTopicMetadata({ topics: ['copied'] }), 20_000);
    expect(topics[0]?.partitions[0]?.replicas.toSorted()).toEqual([1, 2, 3]);
    await admin.disconnect();

    await local.nodes.find(({ id }) => id !== topics[0]?.partitions[0]?.leader)?.kill();
    await produce(kafka, 'copied', 'x');

    await local.stop();
    expect(readdirSync(folder)).toEqual([]);
  }, 120_000);
});

describe('Redis', () => {
  it.each([
    { persistent: true, found: 'x' },
    { persistent: false, found: null },
  ])('persistent: $persistent, after kill -9', async ({ persistent, found }) => {
    const local = await startRedis({ persistent });
    const redis = new Redis(local.url, { retryStrategy: () => 20 });
    redis.on('error', () => {});
    await redis.set('key', 'x');
    // The append-only file is synced every second.
    await sleep(1_100);

    await local.kill();
    await local.start();

    expect(await redis.get('key')).toBe(found);
    redis.disconnect();
    await local.stop();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('when the process that started the services', () => {
  it('is killed with SIGKILL, nothing remains', async () => {
    const starter = runScript('test/fixtures/starter.ts', { TMPDIR: folder });
    const pids = JSON.parse(await printed(starter.stdout, /\n/)) as number[];
    expect(pids.map(isAlive)).toEqual([true, true]);

    starter.kill('SIGKILL');

    await vi.waitFor(() => {
      expect(pids.filter(isAlive)).toEqual([]);
      expect(readdirSync(folder).filter((name) => name.startsWith('facet-'))).toEqual([]);
    }, 10_000);
  });

  it('is `npm run services`, they run until Ctrl-C', async () => {
    const services = runScript('dist/main.js', { TMPDIR: folder });
    const exited = once(services, 'exit');
    const output = await printed(services.stdout, /QUEUE_URL.*\n/);
    const [, brokers = '', url = ''] =
      /^export FACET_KAFKA_BROKERS=(\S+)\nexport FACET_REDIS_URL=(\S+)\nexport FACET_QUEUE_URL=\2\n$/.exec(output) ??
      [];
    const admin = connect([brokers]).admin();
    await admin.connect();
    expect((await admin.describeCluster()).brokers).toHaveLength(1);
    await admin.disconnect();
    const redis = new Redis(url);
    expect(await redis.ping()).toBe('PONG');
    redis.disconnect();

    services.kill('SIGINT');

    expect(await exited).toEqual([0, null]);
    expect(readdirSync(folder).filter((name) => name.startsWith('facet-'))).toEqual([]);
  });
});

describe('on a machine without the services', () => {
  it('the error names the command that installs them', async () => {
    const { PATH, FACET_CACHE_DIR } = process.env;
    process.env['PATH'] = folder;
    try {
      await expect(startRedis()).rejects.toThrow(
        'redis-server is missing on this machine. Run: node tools/setup/setup.mjs --services',
      );
      process.env['PATH'] = PATH;
      process.env['FACET_CACHE_DIR'] = folder;
      await expect(startKafka()).rejects.toThrow(/^Kafka is missing .*setup\.mjs --services$/);
    } finally {
      process.env['PATH'] = PATH;
      if (FACET_CACHE_DIR === undefined) delete process.env['FACET_CACHE_DIR'];
      else process.env['FACET_CACHE_DIR'] = FACET_CACHE_DIR;
    }
  });
});

it('two processes find different free ports', async () => {
  const other = runScript('test/fixtures/ports.ts', {});
  const theirs = JSON.parse(await printed(other.stdout, /\n/)) as number[];
  const ours = await findFreePorts(400);
  other.kill();

  expect(new Set([...theirs, ...ours]).size).toBe(800);
});
