import { describe, expect, inject, it } from 'vitest';
import type { EventLog, LoggedBatch } from '@facet/event-log';
import { openFileEventLog } from '@facet/event-log';
import { openKafkaEventLog } from '../src/index.ts';
import type { Event } from '@facet/schemas';
import { createTopic } from './kafka-fixture.ts';
import { forTest, makeEvent, noon, temporaryFolder } from '@facet/testing';

const adapters: readonly (readonly [string, () => Promise<EventLog>])[] = [
  ['files', async () => forTest(await openFileEventLog(await temporaryFolder(), { segmentBytesMax: 100_000 }))],
  [
    'Kafka',
    async () => {
      const { kafka, topic } = await createTopic(inject('kafkaBrokers'), { partitions: 3 });
      return forTest(openKafkaEventLog(kafka, { topic, types: ['wishlist'] }));
    },
  ],
];

const numbered = (from: number, count: number): Event[] =>
  Array.from({ length: count }, (_, index) =>
    makeEvent({ eventId: `e${from + index}`, userId: `user-${(from + index) % 50}`, receivedAt: noon + from + index }),
  );

async function collect(batches: AsyncIterable<LoggedBatch>): Promise<LoggedBatch[]> {
  const collected: LoggedBatch[] = [];
  for await (const batch of batches) collected.push(batch);
  return collected;
}

async function everything(log: EventLog): Promise<LoggedBatch[]> {
  const extents = await log.extents();
  return collect(log.stream(extents.map(({ partition, start, end }) => ({ partition, from: start, to: end }))));
}

const eventsOf = (batches: readonly LoggedBatch[]): Event[] =>
  batches.flatMap(({ events }) => events.map(({ event }) => event));

describe.each(adapters)('an event log in %s', (_, open) => {
  it('starts empty', async () => {
    const log = await open();
    for (const { start, end } of await log.extents()) expect([start, end]).toEqual([0, 0]);
    expect(await everything(log)).toEqual([]);
    for (const offset of (await log.offsetsAt(noon)).values()) expect(offset).toBe(0);
    await log.append([]);
    expect(await everything(log)).toEqual([]);
  });

  it('returns appended events, each partition in order', async () => {
    const log = await open();
    const events: Event[] = [
      makeEvent({
        eventId: 'é\n"😀"',
        type: 'wishlist',
        userId: 'ü',
        itemId: ' i',
        position: 3,
        value: -0.5,
        recommendationId: 'r',
        context: { page: { n: [1, null, 'é'] } },
        extra: { shop: 7, tags: ['a'] },
      }),
      { eventId: 'anonymous', type: 'view', itemId: 'i', sessionId: 's', occurredAt: noon, receivedAt: noon + 5 },
      { eventId: 'login', type: 'identify', userId: 'u', sessionId: 's', occurredAt: noon, receivedAt: noon + 6 },
      ...numbered(0, 500),
    ];
    await Promise.all([
      log.append(events.slice(0, 100)),
      log.append(events.slice(100, 101)),
      log.append(events.slice(101)),
    ]);
    const batches = await everything(log);
    expect(batches.flatMap(({ refused }) => refused)).toEqual([]);
    const byId = (a: Event, b: Event) => (a.eventId < b.eventId ? -1 : 1);
    expect(eventsOf(batches).sort(byId)).toEqual([...events].sort(byId));

    const appended = new Map(events.map(({ eventId }, index) => [eventId, index]));
    for (const { partition, start, end } of await log.extents()) {
      const own = batches.filter((batch) => batch.partition === partition);
      const offsets = own.flatMap((batch) => batch.events.map(({ offset }) => offset));
      expect(offsets).toEqual(Array.from({ length: end - start }, (__, index) => start + index));
      if (end > start) expect(own.at(-1)?.next).toBe(end);
      const order = eventsOf(own).map(({ eventId }) => appended.get(eventId) ?? -1);
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
  });

  it('streams exactly the requested ranges', async () => {
    const log = await open();
    await log.append(numbered(0, 1000));
    const extents = await log.extents();
    const ranges = extents.map(({ partition, end }) => ({ partition, from: 3, to: end - 2 }));
    const batches = await collect(log.stream(ranges));
    for (const { partition, from, to } of ranges) {
      const own = batches.filter((batch) => batch.partition === partition);
      expect(own.flatMap(({ events }) => events.map(({ offset }) => offset))).toEqual(
        Array.from({ length: to - from }, (__, index) => from + index),
      );
      expect(own.at(-1)?.next).toBe(to);
    }
    const [first] = ranges;
    if (first === undefined) throw new Error('no partition');
    expect(eventsOf(await collect(log.stream([{ ...first, from: 5, to: 6 }])))).toHaveLength(1);
    expect(await collect(log.stream([{ ...first, from: 5, to: 5 }]))).toEqual([]);
  });

  it('finds offsets by time of receipt', async () => {
    const log = await open();
    await log.append(numbered(0, 100));
    await log.append(numbered(100, 100));
    const after = async (time: number): Promise<Event[]> => {
      const from = await log.offsetsAt(time);
      const extents = await log.extents();
      return eventsOf(
        await collect(
          log.stream(extents.map(({ partition, end }) => ({ partition, from: from.get(partition) ?? -1, to: end }))),
        ),
      );
    };
    expect(await after(0)).toHaveLength(200);
    expect(new Set((await after(noon + 150)).map(({ eventId }) => eventId))).toEqual(
      new Set(numbered(150, 50).map(({ eventId }) => eventId)),
    );
    expect(await after(noon + 200)).toEqual([]);
  });

  it('stops when the signal aborts', async () => {
    const log = await open();
    await log.append(numbered(0, 25_000));
    const extents = await log.extents();
    const ranges = extents.map(({ partition, end }) => ({ partition, from: 0, to: end }));
    const reason = new Error('enough');
    await expect(collect(log.stream(ranges, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    const controller = new AbortController();
    const reading = (async () => {
      for await (const batch of log.stream(ranges, { signal: controller.signal })) {
        expect(batch.events.length).toBeGreaterThan(0);
        controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    for await (const batch of log.stream(ranges)) {
      expect(batch.events.length).toBeGreaterThan(0);
      break;
    }
  });

  it('fails for a range beyond the end of the log', { tags: 'full' }, async () => {
    const log = await open();
    await log.append(numbered(0, 100));
    const [first] = await log.extents();
    if (first === undefined) throw new Error('no partition');
    const { partition, end } = first;
    await expect(collect(log.stream([{ partition, from: 0, to: end + 1 }]))).rejects.toMatchObject({
      code: expect.stringMatching(/^EVENTS_LOG_(TRUNCATED|DAMAGED)$/) as string,
    });
  });
});
