import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  connectKafka,
  deadLetter,
  deadLetterRecord,
  ensureTopics,
  fetchExtents,
  openKafkaPublisher,
  topicNames,
} from '@facet/kafka';
import { startSecuredKafka } from '@facet/local-services';
import { describe, expect, it } from 'vitest';
import { run } from './run.ts';
import { forFile, temporaryFolder } from '@facet/testing';

/** Today, because brokers remove old messages. */
const noon = new Date().setUTCHours(0, 0, 0, 0);

const local = forFile(await startSecuredKafka());
const kafka = forFile(connectKafka({ brokers: local.brokers, clientId: 'test' }));

/** Publishes three dead letters of events and one of an item. */
async function putAside(prefix: string): Promise<void> {
  const names = topicNames(prefix);
  await ensureTopics(kafka, { names, eventPartitions: 1 });
  const publisher = openKafkaPublisher(kafka);
  const event = { eventId: 'e1', type: 'wishlist', userId: 'u', itemId: 'i', occurredAt: noon };
  const values = [
    [JSON.stringify(event), 'unknown-type', 'type'],
    ['{"a\u001b[31m', 'not-json', ''],
    [JSON.stringify({ ...event, eventId: undefined }), 'missing', 'eventId'],
  ] as const;
  const letters = values.map(([value, reason, field], offset) =>
    deadLetter(
      { topic: names.events, partition: 0, offset, timestamp: noon, key: Buffer.from('u'), value: Buffer.from(value) },
      { reason, field },
      noon + 1000 * offset,
    ),
  );
  const item = { topic: names.items, partition: 0, offset: 9, timestamp: noon, key: null, value: Buffer.from('{}') };
  letters.push(deadLetter(item, { reason: 'missing', field: 'itemId' }, noon + 9000));
  await publisher.publish(letters.map((letter) => deadLetterRecord(names.deadLetters, letter)));
  await publisher.close();
}

async function configWithWishlist(): Promise<string> {
  const file = join(await temporaryFolder(), 'facet.yaml');
  await writeFile(file, 'eventTypes: [wishlist]\n');
  return file;
}

describe('facet dead-letters', () => {
  it('lists the newest dead letters and counts the reasons', async () => {
    await putAside('listed');
    const env = { FACET_KAFKA_BROKERS: local.brokers.join(', '), FACET_TOPIC_PREFIX: 'listed' };
    const { code, out } = await run(['dead-letters', 'list', '--limit', '2'], { env });
    expect(code).toBe(0);
    expect(out).toMatch(/listed\.events\.v1-0-2 .* 00:00:02 .*missing \(eventId\) .*"type":"wishlist"/);
    expect(out).not.toContain('listed.events.v1-0-0');
    expect(out).toContain('These are the newest 2');
    expect(out).toMatch(/1 +unknown-type \(type\)/);

    const only = ['--reason', 'not-json', 'missing', '--field', ''];
    const filtered = await run(['dead-letters', 'list', '--json', ...only], { env });
    expect(JSON.parse(filtered.out)).toMatchObject({
      total: 1,
      reasons: [{ reason: 'not-json', field: '', count: 1 }],
      deadLetters: [{ deadLetterId: 'listed.events.v1-0-1', payload: '{"a\u001b[31m', key: 'u' }],
    });
    const shown = await run(['dead-letters', 'list', '--reason', 'not-json'], { env });
    expect(shown.out).toContain('{"a [31m');
  });

  it('shows a dead letter', async () => {
    await putAside('shown');
    const at = ['--brokers', local.brokers.join(','), '--topic-prefix', 'shown'];
    const { code, out } = await run(['dead-letters', 'show', 'shown.events.v1-0-0', ...at]);
    expect(code).toBe(0);
    expect(out).toMatch(/Reason +unknown-type \(type\)/);
    expect(out).toMatch(/Message +shown\.events\.v1, partition 0, offset 0/);
    expect(out).toContain('"eventId":"e1"');
    const unknown = await run(['dead-letters', 'show', 'shown.events.v1-0-7', ...at]);
    expect(unknown.code).toBe(3);
    expect(unknown.err).toContain('dead-letters list');
  });

  it('redrives events that are valid now, and gives a remedy for the rest', async () => {
    await putAside('redriven');
    const { events } = topicNames('redriven');
    const at = ['--brokers', local.brokers.join(','), '--topic-prefix', 'redriven'];
    const redrive = ['dead-letters', 'redrive', ...at];
    const config = ['--config', await configWithWishlist()];
    const end = async () => (await fetchExtents(kafka, events))[0]?.end;

    const early = await run([...redrive]);
    expect(early.out).toContain(`0 messages were sent to ${events} again`);
    expect(early.out).toContain('Declare the type under eventTypes');
    expect(early.out).toContain('--add-event-ids');
    const dry = await run([...redrive, ...config, '--dry-run']);
    expect(dry.out).toContain('1 message would be sent');
    expect(await end()).toBe(0);

    const some = [`${events}-0-0`, `${events}-0-77`, `${events}-0-78`];
    const one = await run([...redrive, ...config, ...some]);
    expect(one.code).toBe(3);
    expect(one.out).toContain('1 message was sent');
    expect(one.err).toContain(`no dead letter ${events}-0-77 or ${events}-0-78 to redrive`);
    expect(one.err).toContain('dead-letters list --all');
    expect(await end()).toBe(1);

    const rest = await run([...redrive, ...config, '--add-event-ids', '--json']);
    expect(JSON.parse(rest.out)).toMatchObject({
      redriven: 1,
      failed: 2,
      failures: [{ deadLetterId: `${events}-0-1`, field: '', reason: 'not-json' }, { reason: 'not-an-event' }],
    });
    expect(await end()).toBe(2);

    const left = await run(['dead-letters', 'list', ...at, '--json']);
    expect(JSON.parse(left.out)).toMatchObject({ total: 2 });
    const everything = await run(['dead-letters', 'list', ...at, '--json', '--all']);
    expect(JSON.parse(everything.out)).toMatchObject({ total: 4 });
  });

  it('reads through TLS and SASL, and says which setting the brokers refuse', { tags: 'full' }, async () => {
    await putAside('secured');
    const { sasl, certificates, password } = local.secured;
    const passwordFile = join(await temporaryFolder(), 'password');
    const env = {
      FACET_KAFKA_BROKERS: sasl,
      FACET_TOPIC_PREFIX: 'secured',
      FACET_KAFKA_TLS: 'true',
      FACET_KAFKA_CA_FILE: certificates.caFile,
      FACET_KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      FACET_KAFKA_USER: 'facet',
      FACET_KAFKA_PASSWORD_FILE: passwordFile,
    };
    const list = () => run(['dead-letters', 'list', '--json'], { env });
    const missing = await list();
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('FACET_KAFKA_PASSWORD_FILE') as string });
    await writeFile(passwordFile, 'wrong');
    const refused = await list();
    expect(refused.code).toBe(5);
    expect(refused.out).toContain('EVENTS_LOG_UNAUTHENTICATED');
    await writeFile(passwordFile, password);
    expect(JSON.parse((await list()).out)).toMatchObject({ total: 4 });
  });

  it('exits with 5 without brokers or topics', { tags: 'full' }, async () => {
    const nowhere = await run(['dead-letters', 'list', '--brokers', '127.0.0.1:9']);
    expect(nowhere.code).toBe(5);
    expect(nowhere.err).toContain('FACET_KAFKA_BROKERS');
    const nothing = await run(['dead-letters', 'list', '--brokers', local.brokers.join(','), '--topic-prefix', 'none']);
    expect(nothing.code).toBe(5);
    expect(nothing.err).toContain('none.dead-letters.v1');
  });
});
