/** @module-tag full */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startSecuredRedis } from '@facet/local-services';
import { AppError } from '@facet/platform';
import { folderOfFile, forFile } from '@facet/testing';
import { Queue, Worker } from 'bullmq';
import { expect, it, onTestFinished, vi } from 'vitest';
import { callQueue, connectClient, connectWorker, findUnsafeSettings } from '../src/queue/connection.ts';
import type { QueueOptions } from '../src/queue/connection.ts';

const folder = folderOfFile();

const redis = forFile(await startSecuredRedis());

async function queueAs(user: string): Promise<QueueOptions & { readonly passwordFile: string }> {
  const passwordFile = join(folder, randomUUID());
  const { certificates, password, address } = redis.secured;
  await writeFile(passwordFile, password);
  const redisFiles = { caFile: certificates.caFile, ...certificates.facet, passwordFile };
  return { redisUrl: `rediss://${user}@${address}`, redisFiles, passwordFile };
}

/** Adds a job and returns it, or the error. */
async function addJob(options: QueueOptions, prefix = 'facet-queue') {
  const connection = connectClient(options);
  const queue = new Queue('jobs', { connection, prefix });
  queue.on('error', () => undefined);
  onTestFinished(async () => {
    await queue.close();
    connection.disconnect();
  });
  return callQueue(connection, () => queue.add('job', {}).then(() => undefined)).catch(
    (error: unknown) => error as AppError,
  );
}

it('passes jobs through TLS, as a user with the documented permissions', async () => {
  const options = await queueAs('facet');
  const worker = connectWorker(options);
  const done: string[] = [];
  const take = async ({ name }: { readonly name: string }): Promise<void> => void done.push(name);
  const jobs = new Worker('jobs', take, { connection: worker, prefix: 'facet-queue' });
  onTestFinished(async () => {
    await jobs.close();
    worker.disconnect();
  });
  expect(await addJob(options)).not.toBeInstanceOf(AppError);
  await expect.poll(() => done, { timeout: 60_000 }).toEqual(['job']);
  expect(await findUnsafeSettings(worker)).toHaveLength(1);
});

it('reads a replaced password for new connections, also for those that BullMQ duplicates', async () => {
  const { passwordFile, ...options } = await queueAs('facet');
  await writeFile(passwordFile, 'wrong');
  const connection = connectWorker(options);
  const duplicate = connection.duplicate();
  duplicate.on('error', () => undefined);
  onTestFinished(() => {
    connection.disconnect();
    duplicate.disconnect();
  });
  const refused = await addJob(options);
  expect(refused).toMatchObject({
    code: 'REFRESH_QUEUE_UNREACHABLE',
    remedy: expect.stringContaining('FACET_QUEUE') as string,
  });
  expect(String(refused)).toContain('WRONGPASS');
  await writeFile(passwordFile, redis.secured.password);
  // An attempt that began before reads the old password.
  for (const redisOf of [duplicate, connection]) {
    await vi.waitFor(async () => expect(await redisOf.get('facet-key')).toBeNull(), { timeout: 60_000 });
  }
});

it.each<readonly [string, () => Promise<QueueOptions>, string, RegExp, string]>([
  [
    'a certificate of Redis from an unknown authority',
    async () => {
      const { redisUrl } = await queueAs('facet');
      return { redisUrl, redisFiles: { caFile: redis.secured.certificates.foreignCaFile } };
    },
    'facet-queue',
    /does not trust/,
    'FACET_QUEUE_CA_FILE',
  ],
  ['a user without permission', () => queueAs('guest'), 'facet-queue', /NOPERM/, 'Grant the user in FACET_QUEUE_URL'],
  ['a prefix without permission', () => queueAs('facet'), 'other', /NOPERM/, 'Grant the user in FACET_QUEUE_URL'],
])('names the problem and the remedy: %s', async (_, optionsOf, prefix, message, remedy) => {
  const error = await addJob(await optionsOf(), prefix);
  expect(error).toBeInstanceOf(AppError);
  expect((error as AppError).message).toMatch(message);
  expect((error as AppError).remedy).toContain(remedy);
});
