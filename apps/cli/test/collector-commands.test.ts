import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openLakeWriter } from '@facet/lake';
import { homePaths } from '@facet/config/home-paths';
import { ensureInstallation } from '@facet/config/installation';
import {
  connectKafka,
  ensureTopics,
  fetchExtents,
  installationMetadata,
  openKafkaPublisher,
  topicNames,
  topicsOfUsers,
} from '@facet/kafka';
import { startFacetProcess, startKafka, startRedis } from '@facet/local-services';
import { dayMs } from '@facet/platform';
import { openRedisProfileStore } from '@facet/profiles';
import { expect, it, onTestFinished, vi } from 'vitest';
import { run } from './run.ts';
import { forFile, forTest, temporaryFolder } from '@facet/testing';

const local = forFile(await startKafka());
const redis = forFile(await startRedis());
const kafka = forFile(connectKafka({ brokers: local.brokers, clientId: 'test' }));

async function makeTopics(prefix: string) {
  const names = topicNames(prefix);
  await vi.waitFor(() => ensureTopics(kafka, { names, eventPartitions: 1 }), { timeout: 10_000 });
  return { names, env: { FACET_KAFKA_BROKERS: local.brokers.join(','), FACET_TOPIC_PREFIX: prefix } };
}

it('facet lake rebuild and profiles rebuild refuse to run while a sink is running', { tags: 'full' }, async () => {
  const { names, env } = await makeTopics('busy');
  const consumer = kafka.client.consumer({ groupId: 'busy-sink' });
  onTestFinished(() => consumer.disconnect());
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.connect();
  await consumer.subscribe({ topic: names.events });
  await consumer.run({ eachMessage: async () => undefined });
  await joined;
  const home = await temporaryFolder();
  for (const args of [
    ['lake', 'rebuild', '--from', '2026-01-01'],
    ['profiles', 'rebuild', '--redis', redis.url],
  ]) {
    const { code, err } = await run([...args, '--home', home], { env });
    expect(code).toBe(5);
    expect(err).toMatch(/A sink is running in the consumer group busy-sink.*Stop every collector sink/);
  }
});

it(
  'facet installation shows the ids of home, Kafka and Redis, and adopts those of another home',
  { tags: 'full' },
  async () => {
    const { names, env } = await makeTopics('installed');
    const [home, lostHome] = [await temporaryFolder(), await temporaryFolder()];
    const lost = (await ensureInstallation(homePaths(lostHome))).id;
    const consumer = kafka.client.consumer({ groupId: 'installed-sink' });
    const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
    await consumer.connect();
    await consumer.subscribe({ topic: names.events });
    await consumer.run({ eachMessage: async () => undefined, autoCommit: false });
    await joined;
    const metadata = installationMetadata(lost);
    await consumer.commitOffsets([{ topic: names.events, partition: 0, offset: '0', metadata }]);
    const busy = await run(['installation', 'adopt', '--home', home], { env });
    expect(busy).toMatchObject({ code: 5, err: expect.stringContaining('A sink is running in') as string });
    await consumer.disconnect();
    const url = `${redis.url}/5`;
    const store = forTest(await openRedisProfileStore({ url }));
    await store.installation.write(lost);
    const options = { env: { ...env, FACET_REDIS_URL: url, FACET_QUEUE_URL: url } };
    const show = async () => (await run(['installation', '--home', home], options)).out;
    expect(await show()).toMatch(new RegExp(`the home .* none yet(.*\n)*.*consumer group installed-sink .* ${lost}`));
    for (const args of [
      ['profiles', 'rebuild'],
      ['lake', 'rebuild', '--from', '2026-01-01'],
      ['refresh', '--day', '2026-01-01'],
    ]) {
      const { code, err } = await run([...args, '--home', home], options);
      expect({ args, code, err }).toMatchObject({ code: 2, err: expect.stringContaining(lost) as string });
    }
    expect((await run(['installation', 'adopt', '--home', home], options)).out).toContain('adopts 3 places');
    expect((await run(['profiles', 'rebuild', '--home', home], options)).code).toBe(0);
    const id = await store.installation.read();
    expect(id).not.toBe(lost);
    expect(await show()).toMatch(new RegExp(`the home .* ${id}`));
    expect((await run(['profiles', 'rebuild', '--home', lostHome], options)).err).toContain(id);
    expect((await run(['installation', 'adopt', '--home', home], { env: { FACET_QUEUE_URL: url } })).out).toMatch(
      /No named place belongs to another installation.\nNot named, so not compared: Kafka \(--brokers\), the profile store \(--redis\)\.$/m,
    );
  },
);

it('facet lake rebuild changes nothing when the log lacks events to replace', async () => {
  const { names, env } = await makeTopics('short');
  const home = await temporaryFolder();
  const lake = await openLakeWriter(join(home, 'lake'));
  const event = { eventId: 'e', type: 'click', userId: 'u', itemId: 'i', occurredAt: 1, receivedAt: 1_700_000_000_000 };
  lake.add(`${names.events}-0`, [{ offset: 0, event }], 1);
  await lake.commit();
  await lake.close();
  const { code, err } = await run(['lake', 'rebuild', '--from', '2020-01-01', '--home', home], { env });
  expect(err).toContain('no longer contains all events');
  expect(code).toBe(3);
  expect((await run(['lake', 'verify', '--home', home])).code).toBe(0);
});

it('facet profiles rebuild replaces the profiles by those of the lake', async () => {
  const home = await temporaryFolder();
  const events = join(home, 'events.csv');
  await writeFile(events, 'user_id,item_id,timestamp,event_type\nada,a,1700000000,click\nbob,b,1700000100,view\n');
  expect((await run(['import', '--home', home, '--events', events])).code).toBe(0);
  const store = forTest(await openRedisProfileStore({ url: redis.url }));
  const positive = { eventId: 'x', type: 'click', itemId: 'gone', occurredAt: 1 };
  await store.apply([{ kind: 'event', userId: 'cleo', receivedAt: 1, event: positive }]);
  const { code, out } = await run(['profiles', 'rebuild', '--home', home, '--json'], {
    env: { FACET_REDIS_URL: redis.url },
  });
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ replaced: 1, removed: 1 });
  expect(await store.read('ada')).toMatchObject({ events: [{ itemId: 'a' }] });
  expect(await store.read('cleo')).toBeUndefined();

  expect((await run(['profiles', 'rebuild', '--home', home])).code).toBe(2);
});

it('facet erasures verify searches the profiles and the topics, and says by when the id is gone', async () => {
  const { names, env } = await makeTopics('verify');
  const publisher = openKafkaPublisher(kafka);
  const store = await openRedisProfileStore({ url: redis.url });
  onTestFinished(async () => {
    await publisher.close();
    await store.close();
  });
  const at = Date.now() - 60_000;
  const value = JSON.stringify({ eventId: 'e', type: 'click', userId: 'dora', itemId: 'a', occurredAt: at });
  const searched = topicsOfUsers(names);
  await publisher.publish(searched.map((topic) => ({ topic, key: 'dora', value, timestamp: at })));
  await store.apply([{ kind: 'erase', userId: 'dora', before: at }]);
  const home = await temporaryFolder();
  const verify = async (userId: string, ...more: string[]) =>
    run(['erasures', 'verify', userId, '--home', home, ...more], { env: { ...env, FACET_REDIS_URL: redis.url } });
  const { code, out } = await verify('dora', '--json', '--spool', await temporaryFolder());
  expect(code).toBe(3);
  const found = JSON.parse(out) as { traces: { goneBy: number }[]; unchecked: unknown[] };
  expect(found).toMatchObject({
    isErased: false,
    traces: [
      { place: 'profiles', name: 'facet:user:{dora}:erased', removal: 'the mark of the erasure expires' },
      ...searched.map((name) => ({ place: 'Kafka', name, count: 1, removal: 'retention' })),
    ],
    unchecked: [
      { place: 'lake' },
      { place: 'artifacts' },
      { place: 'catalog' },
      { place: 'exposures' },
      { place: 'other machines' },
    ],
  });
  for (const { goneBy } of found.traces) expect(goneBy).toBeGreaterThan(at + 7 * dayMs);
  expect((await verify('dora')).out).toMatch(/Kafka +verify\.events\.v1 +1 +retention by 20\d\d-/);
  const all = ['--without', 'artifacts', 'catalog', 'exposures', 'machines', 'spool'];
  await openLakeWriter(join(home, 'lake')).then((writer) => writer.close());
  expect(await verify('eve', ...all)).toMatchObject({
    code: 0,
    out: expect.stringContaining('No searched place') as string,
  });
});

it('facet backfill sends files to the collector and adds nothing the second time', async () => {
  const { names, env } = await makeTopics('backfill');
  const home = await temporaryFolder();
  const ingest = forTest(
    await startFacetProcess({
      app: 'collector',
      args: ['ingest'],
      env: { ...env, FACET_HOME: home, FACET_INSECURE: 'true', FACET_LOG_LEVEL: 'silent' },
    }),
  );
  const events = join(home, 'events.csv');
  const items = join(home, 'items.csv');
  await writeFile(
    events,
    'user_id,item_id,timestamp,event_type\nada,a,1700000000,click\nbob,b,yesterday,click\nbob,b,1700000100,teleport\n',
  );
  await writeFile(items, 'item_id,title\na,Ark\nb,Boat\n');
  const config = join(home, 'facet.yaml');
  // The collector does not know of this type.
  await writeFile(config, 'eventTypes: [teleport]\n');
  const args = ['backfill', events, '--items', items, '--to', ingest.url, '--config', config];
  const withKey = { env: { FACET_API_KEY: 'any' } };
  const first = await run([...args, '--json'], withKey);
  expect(first.code).toBe(0);
  expect(JSON.parse(first.out)).toMatchObject({
    accepted: 3,
    refusals: [{ kind: 'events', field: 'type', reason: 'unknown-type', count: 1 }],
    report: { refusals: [{ field: 'occurredAt', reason: 'not-a-time', count: 1 }] },
  });
  expect(await fetchExtents(kafka, names.events)).toEqual([{ partition: 0, start: 0, end: 1 }]);
  expect(await fetchExtents(kafka, names.items)).toEqual([{ partition: 0, start: 0, end: 2 }]);

  const second = await run(args, withKey);
  expect(second.out).toContain('not-a-time  line 3: "yesterday"');
  expect(second.out).toMatch(/1 events refused by the collector: type: unknown-type/);

  await writeFile(events, 'user_id,item_id,timestamp,event_type\n');
  expect(await run(args, withKey)).toMatchObject({
    code: 0,
    out: expect.stringContaining('2 records accepted') as string,
  });

  const refused = 'ada,a,yesterday,click\n'.repeat(20);
  await writeFile(events, `user_id,item_id,timestamp,event_type\n${refused}ada,z,1700000000,click\n`);
  const stopped = await run(args, withKey);
  expect(stopped).toMatchObject({
    code: 3,
    out: expect.stringMatching(/lines 2, [^]*2 records accepted/) as string,
    err: expect.stringContaining('Most of the first 21 rows of events are invalid') as string,
  });
  // The command has not read all events.
  expect(stopped.out).not.toContain('in no event');
}, 120_000);

it('facet backfill needs files and a key', async () => {
  expect((await run(['backfill', '--to', 'http://127.0.0.1:1'])).code).toBe(2);
  const { code, err } = await run(['backfill', 'x.csv', '--to', 'http://127.0.0.1:1']);
  expect(code).toBe(2);
  expect(err).toContain('FACET_API_KEY');
});
