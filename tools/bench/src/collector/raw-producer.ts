import { CompressionTypes, Kafka, logLevel, Partitioners } from 'kafkajs';
import { nextEvent } from './load.ts';

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
