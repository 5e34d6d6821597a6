import { join } from 'node:path';
import { homePaths } from '@facet/config';
import { adoptInstallations, ensureInstallation } from '@facet/config/installation';
import { readItems } from '@facet/lake';
import { forTest, temporaryFolder } from '@facet/testing';
import { expect, it } from 'vitest';
import { createBench, exitOutput, isCaughtUp, startProcess, until } from './fixtures.ts';
import type { SinkBench } from './fixtures.ts';

/** Stores an item with a sink of the home of the bench. */
async function storeItem(bench: SinkBench): Promise<void> {
  const sink = await bench.startSink();
  const item = { topic: bench.topics.items, key: 'i', value: '{"itemId":"i","attributes":{}}', timestamp: Date.now() };
  await bench.publisher.publish([item]);
  await until(() => isCaughtUp(sink, 1));
  await sink.close();
}

it(
  'exits with 2 in a home that does not belong to the topics, before it writes to the catalog',
  { tags: 'full' },
  async () => {
    const bench = await createBench();
    await storeItem(bench);
    const home = await temporaryFolder();
    const said = await exitOutput(startProcess(bench, { FACET_HOME: home, FACET_REDIS_URL: '' }));
    expect(said).toContain('exited with 2');
    expect(said).toContain('INSTALLATION_DIFFERS');
    const { id } = await ensureInstallation(homePaths(bench.home));
    expect(said).toContain(`but the consumer group ${bench.prefix}-sink in Kafka`);
    expect(said).toContain(`belongs to ${id}.`);
    expect(said).toContain(`facet installation adopt --home ${home}`);
    expect(await readItems(join(home, 'catalog'))).toEqual([]);
  },
);

it('refuses the profile store of another home, and keeps its profiles', async () => {
  const bench = await createBench();
  await storeItem(bench);
  const others = await createBench({ redisUrl: bench.environment['FACET_REDIS_URL']! });
  const { id } = await ensureInstallation(homePaths(bench.home));
  // Creating a bench gives the store to its home.
  await bench.store.installation.write(id);
  const sink = forTest(await others.startSink());
  await expect(sink.failed).rejects.toMatchObject({
    code: 'INSTALLATION_DIFFERS',
    message: expect.stringContaining(`belongs to ${id}.`) as string,
  });
  expect(await others.store.readFill()).toBeUndefined();
});

it('takes over topics and profile store after the home has adopted them', { tags: 'full' }, async () => {
  const bench = await createBench();
  await storeItem(bench);
  const home = await temporaryFolder();
  const { id: lost } = await ensureInstallation(homePaths(bench.home));
  const { id } = await adoptInstallations(homePaths(home), [lost]);
  const sink = await bench.startSink({ FACET_HOME: home });
  await until(() => isCaughtUp(sink, 1));
  await sink.close();
  expect(await readItems(join(home, 'catalog'))).toHaveLength(1);
  expect(await bench.store.installation.read()).toBe(id);
  const earlier = await bench.startSink();
  await expect(earlier.failed).rejects.toMatchObject({ code: 'INSTALLATION_DIFFERS' });
});

it('creates no topics in the Kafka of another installation', async () => {
  const bench = await createBench();
  await storeItem(bench);
  const admin = await bench.kafka.admin();
  await admin.deleteTopics({ topics: [bench.topics.intake] });
  const other = await bench.startSink({ FACET_HOME: await temporaryFolder() });
  await expect(other.failed).rejects.toMatchObject({ code: 'INSTALLATION_DIFFERS' });
  await other.close();
  expect(await admin.listTopics()).not.toContain(bench.topics.intake);
});
