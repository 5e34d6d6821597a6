import { randomUUID } from 'node:crypto';
import { forTest } from '@facet/testing';
import { describe, expect, inject, it } from 'vitest';
import {
  connectKafka,
  deadLetter,
  deadLetterRecord,
  ensureTopics,
  openKafkaPublisher,
  readDeadLetters,
  topicNames,
} from '../src/index.ts';
import { redrive as redriveLetters } from '../src/dead-letter-reports.ts';
import type { KafkaConnection, Publisher, TopicNames } from '../src/index.ts';
import type { RedriveOptions } from '../src/dead-letter-reports.ts';
import { parseLoggedEvent } from '@facet/schemas';
import { readAll } from './kafka-fixture.ts';

/** Recent, because brokers delete records as old as `noon` of @facet/testing. */
const noon = Date.now() - 3_600_000;

interface Installation {
  readonly kafka: KafkaConnection;
  readonly names: TopicNames;
  readonly publisher: Publisher;
}

async function install(): Promise<Installation> {
  const kafka = forTest(connectKafka({ brokers: inject('kafkaBrokers'), clientId: 'test' }));
  const names = topicNames(`test-${randomUUID()}`);
  await ensureTopics(kafka, { names, eventPartitions: 2 });
  return { kafka, names, publisher: forTest(openKafkaPublisher(kafka)) };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

const event = { eventId: 'e1', type: 'wishlist', userId: 'ü', itemId: 'i', occurredAt: noon, shop: 7 };
const wishlist = JSON.stringify(event);

/** Publishes dead letters of the event topic, as the sink does. */
async function publishDeadLetters(
  { names, publisher }: Installation,
  values: readonly (string | Buffer | null)[],
): Promise<void> {
  const letters = values.map((value, offset) => {
    const bytes = value === null ? null : Buffer.from(value);
    const parsed = parseLoggedEvent(bytes, noon + offset);
    if (parsed.ok) throw new Error('the message is valid');
    const message = { topic: names.events, partition: 1, offset, timestamp: noon + offset, key: null, value: bytes };
    return deadLetter(message, parsed, noon + 5_000);
  });
  await publisher.publish(letters.map((letter) => deadLetterRecord(names.deadLetters, letter)));
}

const redrive = (installation: Installation, options: Partial<RedriveOptions> = {}) =>
  redriveLetters(installation, {
    names: installation.names,
    ids: [],
    failuresMax: 10,
    now: () => noon + 9_000,
    ...options,
  });

describe('dead letters', () => {
  it('contain the message, its offset and the reason, each message once', async () => {
    const installation = await install();
    const { names, publisher } = installation;
    const values = [wishlist, '{"é', Buffer.from([0xff, 0, 1]), null, '\u0001'.repeat(400_000), 'x'.repeat(900_000)];
    await publishDeadLetters(installation, values);
    // A killed sink publishes the same dead letters again.
    await publishDeadLetters(installation, values);
    await publisher.publish([
      { topic: names.deadLetters, key: 'other', value: 'not a letter', timestamp: noon },
      { topic: names.deadLetters, key: 'other', value: null, timestamp: noon },
    ]);
    const letters = await all(readDeadLetters(installation.kafka, { topic: names.deadLetters }));
    const origin = { topic: names.events, partition: 1, key: null, failedAt: noon + 5_000 };
    const letter = (offset: number, fields: object) => ({
      ...origin,
      deadLetterId: `${names.events}-1-${offset}`,
      offset,
      timestamp: noon + offset,
      ...fields,
    });
    expect(letters).toMatchObject([
      letter(0, { reason: 'unknown-type', field: 'type', payload: wishlist, encoding: 'utf8' }),
      letter(1, { reason: 'not-json', field: '', payload: '{"é', encoding: 'utf8' }),
      letter(2, { reason: 'not-unicode', field: '', payload: '/wAB', encoding: 'base64' }),
      letter(3, { reason: 'missing', field: '', payload: null }),
      letter(4, { payload: Buffer.alloc(400_000, 1).toString('base64'), encoding: 'base64' }),
      letter(5, { payload: Buffer.alloc(450_000, 'x').toString('base64'), encoding: 'base64', bytes: 900_000 }),
    ]);
    expect(letters[4]).not.toHaveProperty('bytes');
  });

  it('contain the offsets of a batch that could not be decoded, which is not redriven', async () => {
    const installation = await install();
    const { kafka, names, publisher } = installation;
    const origin = { topic: names.events, partition: 0, offset: 9, timestamp: noon, key: null, value: null };
    const undecodable = { firstOffset: 3, lastOffset: 9, problem: 'The checksum of the batch is wrong.' };
    const letter = deadLetter({ ...origin, undecodable }, { field: '', reason: 'undecodable' }, noon);
    await publisher.publish([deadLetterRecord(names.deadLetters, letter)]);
    const [found] = await all(readDeadLetters(kafka, { topic: names.deadLetters }));
    expect(found).toMatchObject({ deadLetterId: `${names.events}-0-3`, offset: 3, lastOffset: 9, payload: null });
    expect(found).toMatchObject({ problem: undecodable.problem });
    expect((await redrive(installation)).failures).toMatchObject([{ field: '', reason: 'undecodable' }]);
  });

  it('are redriven once at their original time if they are valid now', async () => {
    const installation = await install();
    const { kafka, names } = installation;
    await publishDeadLetters(installation, [
      wishlist,
      '{"é',
      JSON.stringify({ ...event, eventId: undefined }),
      'x'.repeat(900_000),
    ]);
    const types = ['wishlist'];

    expect((await redrive(installation)).failures).toMatchObject([
      { field: 'type', reason: 'unknown-type' },
      { field: '', reason: 'not-json' },
      { field: 'eventId', reason: 'missing' },
      { field: '', reason: 'payload-incomplete' },
    ]);
    expect(await redrive(installation, { types, isDryRun: true })).toMatchObject({ redriven: 1, failed: 3 });
    expect((await readAll({ kafka, topic: names.events })).flat()).toEqual([]);

    const reasons = ['unknown-type'];
    expect(await redrive(installation, { types, reasons })).toMatchObject({ redriven: 1, failed: 0 });
    expect(await redrive(installation, { types, addEventIds: true })).toMatchObject({ redriven: 1, failed: 2 });
    expect(await redrive(installation, { types, addEventIds: true })).toMatchObject({ redriven: 0, failed: 2 });

    const records = (await readAll({ kafka, topic: names.events })).flat();
    expect(records.map(({ value, timestampMs }) => parseLoggedEvent(value, timestampMs, types))).toEqual(
      [
        { eventId: 'e1', receivedAt: noon },
        { eventId: `${names.events}-1-2`, receivedAt: noon + 2 },
      ].map(({ eventId, receivedAt }) => ({
        ok: true,
        event: {
          eventId,
          type: 'wishlist',
          userId: 'ü',
          itemId: 'i',
          occurredAt: noon,
          receivedAt,
          extra: { shop: 7 },
        },
      })),
    );
    expect(records.map(({ key }) => String(key))).toEqual(['ü', 'ü']);
    const letters = await all(readDeadLetters(kafka, { topic: names.deadLetters }));
    expect(letters.map(({ redrivenAt }) => redrivenAt)).toEqual([noon + 9_000, undefined, noon + 9_000, undefined]);
  });

  it('count once when a crash precedes the mark that they were redriven', { tags: 'full' }, async () => {
    const installation = await install();
    const { kafka, names, publisher } = installation;
    await publishDeadLetters(installation, [wishlist]);
    const types = ['wishlist'];
    const dying = {
      async publish(records: Parameters<Publisher['publish']>[0]) {
        if (records[0]?.topic === names.deadLetters) throw new Error('killed');
        await publisher.publish(records);
      },
    };
    await expect(redrive({ ...installation, publisher: { ...publisher, ...dying } }, { types })).rejects.toThrow(
      'killed',
    );
    expect(await redrive(installation, { types })).toMatchObject({ redriven: 1 });
    expect(await redrive(installation, { types })).toMatchObject({ redriven: 0, failed: 0 });
    const records = (await readAll({ kafka, topic: names.events })).flat();
    const events = records.map(({ value, timestampMs }) => parseLoggedEvent(value, timestampMs, types));
    expect(events).toHaveLength(2);
    expect(events[0]).toEqual(events[1]);
  });

  it('are redriven by the next redrive if the signal ends one between two batches', async () => {
    const installation = await install();
    const { kafka, names, publisher } = installation;
    const ids = Array.from({ length: 450 }, (_, n) => `e${n}`);
    await publishDeadLetters(
      installation,
      ids.map((eventId) => JSON.stringify({ ...event, eventId })),
    );
    const redriveAll = (signal?: AbortSignal, onPublished: () => void = () => undefined) => {
      const publish: Publisher['publish'] = async (records) => publisher.publish(records).then(onPublished);
      return redrive({ ...installation, publisher: { ...publisher, publish } }, { types: ['wishlist'], signal });
    };
    const ending = new AbortController();
    // Ends while the events of the first batch are published, before their marks.
    expect(await redriveAll(ending.signal, () => ending.abort())).toMatchObject({ isComplete: false, redriven: 200 });
    expect(await redriveAll()).toMatchObject({ isComplete: true, redriven: 250 });
    expect(await redriveAll()).toMatchObject({ isComplete: true, redriven: 0 });
    const records = (await readAll({ kafka, topic: names.events })).flat();
    const sent = records.map(({ value }) => (JSON.parse(String(value)) as { eventId: string }).eventId);
    expect(sent.sort()).toEqual(ids.sort());
  });

  it('of other topics are not redriven', async () => {
    const installation = await install();
    const { names, publisher } = installation;
    const message = {
      topic: names.items,
      partition: 0,
      offset: 3,
      timestamp: noon,
      key: Buffer.from('i'),
      value: Buffer.from('{}'),
    };
    const letter = deadLetter(message, { field: 'itemId', reason: 'missing' }, noon);
    await publisher.publish([deadLetterRecord(names.deadLetters, letter)]);
    expect((await redrive(installation)).failures).toEqual([
      { deadLetterId: letter.deadLetterId, field: '', reason: 'not-an-event' },
    ]);
  });
});
