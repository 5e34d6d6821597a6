/** @module-tag full */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedisCluster, startRedisSentinels } from '@facet/local-services';
import type { AppError } from '@facet/platform';
import { folderOfFile, forFile, forTest } from '@facet/testing';
import { FlowProducer, Queue, Worker } from 'bullmq';
import { describe, expect, it, onTestFinished } from 'vitest';
import { callQueue, connectClient, connectWorker, findUnsafeSettings, prefixOf } from '../src/queue/connection.ts';
import type { QueueOptions } from '../src/queue/connection.ts';
import { createSchedulerLock } from '../src/scheduler.ts';

const sentinelPassword = 'secret-3';
const cluster = forFile(await startRedisCluster());
const sentinels = forFile(await startRedisSentinels());
const secured = forFile(await startRedisSentinels({ sentinelPassword, hasTls: true }));
const folder = folderOfFile();
const passwordFile = join(folder, 'password');
await writeFile(passwordFile, cluster.secured.password);
const sentinelPasswordFile = join(folder, 'sentinel');
await writeFile(sentinelPasswordFile, sentinelPassword);

const patiently = { timeout: 90_000, interval: 250 };

/** Queues, and workers that note which jobs they took. */
function openQueues(options: QueueOptions) {
  const prefix = prefixOf(options);
  const client = connectClient(options);
  const flows = new FlowProducer({ connection: client, prefix });
  flows.on('error', () => undefined);
  const done: string[] = [];
  const workers = ['parents', 'children'].map((name) => {
    const connection = connectWorker(options);
    const worker = new Worker(name, async (job) => void done.push(job.name), { connection, prefix });
    worker.on('error', () => undefined);
    return { worker, connection };
  });
  const queue = new Queue('parents', { connection: client, prefix });
  queue.on('error', () => undefined);
  onTestFinished(async () => {
    await Promise.all(workers.map(({ worker }) => worker.close(true)));
    for (const { connection } of workers) connection.disconnect();
    await flows.close();
    await queue.close();
    client.disconnect();
  });
  return {
    client,
    done,
    queue,
    add: (name: string) =>
      callQueue(client, () =>
        flows.add({ name, queueName: 'parents', children: [{ name: `before ${name}`, queueName: 'children' }] }),
      ),
  };
}

describe.each<readonly [string, () => { readonly options: QueueOptions; readonly kill: () => Promise<void> }]>([
  [
    'a cluster with TLS, as a user with the documented permissions',
    () => {
      const { addresses, certificates } = cluster.secured;
      const redisFiles = { caFile: certificates.caFile, ...certificates.facet, passwordFile };
      return {
        options: { redisUrl: `rediss+cluster://facet@${addresses}`, redisFiles, prefix: 'facet-queue' },
        // The master of the keys of {facet-queue}.
        kill: () => cluster.nodes[1]!.kill(),
      };
    },
  ],
  [
    'Sentinels',
    () => ({
      options: { redisUrl: `redis+sentinel://${sentinels.addresses}?master=facet` },
      kill: () => sentinels.nodes[0]!.kill(),
    }),
  ],
  [
    'Sentinels with TLS and a password, as a user with the documented permissions',
    () => {
      const { certificates } = secured.secured;
      const redisFiles = { caFile: certificates.caFile, ...certificates.facet, passwordFile, sentinelPasswordFile };
      return {
        options: { redisUrl: `rediss+sentinel://facet@${secured.addresses}?master=facet`, redisFiles },
        kill: () => secured.nodes[0]!.kill(),
      };
    },
  ],
])('the queue on %s', (_, at) => {
  it('passes jobs, keeps the lock of the scheduler, and continues after the failure of its master', async () => {
    const { options, kill } = at();
    const { add, done, client } = openQueues(options);
    await add('first');
    await expect.poll(() => done, patiently).toEqual(['before first', 'first']);
    expect(await findUnsafeSettings(client)).toEqual([expect.stringContaining('appendonly is off')]);
    const lock = createSchedulerLock(client, `${prefixOf(options)}:scheduler`, 150_000);
    const other = createSchedulerLock(client, `${prefixOf(options)}:scheduler`, 150_000);
    expect(await lock.hold()).toBe(true);
    expect(await other.hold()).toBe(false);
    await kill();
    const name = `second ${randomUUID()}`;
    await expect
      .poll(
        () =>
          add(name).then(
            () => true,
            (error: AppError) => error.code,
          ),
        patiently,
      )
      .toBe(true);
    await expect.poll(() => done, patiently).toContain(name);
    expect(await lock.hold()).toBe(true);
  });
});

it('the queue on a cluster continues after its master and replica did not respond, as in a network failure', async () => {
  const own = forTest(await startRedisCluster());
  const { add, done } = openQueues({ redisUrl: `redis+cluster://${own.addresses}`, prefix: 'facet-queue' });
  await add('first');
  await expect.poll(() => done, patiently).toEqual(['before first', 'first']);
  const signal = (name: NodeJS.Signals): void => {
    for (const position of [1, 4]) process.kill(own.nodes[position]!.pid, name);
  };
  signal('SIGSTOP');
  // BullMQ replaces a connection that has waited 6 s for a job. By then, the other nodes report that the cluster is down.
  await sleep(12_000);
  signal('SIGCONT');
  const isAdded = () =>
    add('second').then(
      () => true,
      () => false,
    );
  await expect.poll(isAdded, patiently).toBe(true);
  await expect.poll(() => done, patiently).toContain('second');
});

it.each<readonly [string, () => QueueOptions, RegExp, string]>([
  [
    'a wrong password of a cluster',
    () => ({ redisUrl: `redis+cluster://facet:wrong@${cluster.addresses}` }),
    /WRONGPASS/,
    'FACET_QUEUE_PASSWORD_FILE',
  ],
  [
    'a user without permission in a cluster',
    () => ({ redisUrl: `redis+cluster://guest@${cluster.addresses}`, redisFiles: { passwordFile } }),
    /NOPERM/,
    'Grant the user in FACET_QUEUE_URL',
  ],
  [
    'a cluster that does not respond',
    () => ({ redisUrl: 'redis+cluster://127.0.0.1:1,127.0.0.1:2' }),
    /ECONNREFUSED/,
    'the address, user and password in FACET_QUEUE_URL',
  ],
  [
    'an unknown master',
    () => ({ redisUrl: `redis+sentinel://${sentinels.addresses}?master=shop` }),
    /No such master/,
    'Correct master=… in FACET_QUEUE_URL',
  ],
])('names the problem and the remedy: %s', async (_, optionsOf, message, remedy) => {
  const client = connectClient(optionsOf());
  const queue = new Queue('jobs', { connection: client, prefix: prefixOf(optionsOf()) });
  queue.on('error', () => undefined);
  onTestFinished(async () => {
    await queue.close().catch(() => undefined);
    client.disconnect();
  });
  const error = await callQueue(client, () => queue.add('job', {})).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'REFRESH_QUEUE_UNREACHABLE',
    message: expect.stringMatching(message) as string,
    remedy: expect.stringContaining(remedy) as string,
  });
});
