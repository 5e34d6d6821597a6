import { request } from 'node:http';
import type { Agent } from 'node:http';
import { CompressionTypes, Kafka, logLevel, Partitioners } from 'kafkajs';

/** Posts one body. @throws Error unless the event log stored it. Another response would falsify the measurement. */
export function post(
  agent: Agent,
  to: { readonly ingestUrl: string; readonly key: string },
  body: Buffer,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${to.ingestUrl}/v1/events`,
      {
        agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': body.length, 'x-api-key': to.key },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => {
          const isStored = response.statusCode === 202 && text.includes('"stored":"log"');
          if (isStored) resolve();
          else reject(new Error(`the ingest responded with ${response.statusCode}: ${text.slice(0, 300)}`));
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

// Generated events of 200 bytes of JSON. Users and items follow a power law.
const users = 200_000;
const items = 50_000;
const types = ['view', 'view', 'view', 'view', 'click', 'add_to_cart', 'purchase'];

let next = 0;

/** Returns the next generated event. */
function nextEvent(run: string): { readonly userId: string; readonly json: string } {
  const number = next++;
  const mixed = Math.imul(number ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
  const userId = `u${powerLaw(mixed, users)}`;
  const json = `{"eventId":"${run}-${number}","type":"${types[mixed % types.length]}","userId":"${userId}","itemId":"i${powerLaw(Math.imul(mixed, 0xc2b2ae35) >>> 0, items)}","occurredAt":${Date.now()},"sessionId":"s${mixed % 1_000_000}","context":{"device":"phone","page":"category"}}`;
  return { userId, json };
}

/** Returns a request body with `size` events. */
export function nextBatch(run: string, size: number): string {
  return `[${Array.from({ length: size }, () => nextEvent(run).json).join(',')}]`;
}

function powerLaw(mixed: number, bound: number): number {
  return Math.floor(bound * (mixed / 2 ** 32) ** 3);
}

/** Measures the events per second of kafkajs alone: one send at a time, acknowledged by all replicas. */
export async function runRawProducer(options: {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly events: number;
  readonly batchEvents: number;
  readonly compression: 'gzip' | 'none';
}): Promise<number> {
  const kafka = new Kafka({ clientId: 'bench-raw', brokers: [...options.brokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    let seconds = 0;
    let events = 0;
    while (events < options.events) {
      const messages = Array.from({ length: options.batchEvents }, () => {
        const { userId, json } = nextEvent('raw');
        return { key: userId, value: json };
      });
      // The time excludes the creation of the messages.
      const startedAt = performance.now();
      await producer.send({
        topic: options.topic,
        acks: -1,
        compression: options.compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None,
        messages,
      });
      seconds += (performance.now() - startedAt) / 1_000;
      events += messages.length;
    }
    return events / seconds;
  } finally {
    await producer.disconnect();
  }
}
