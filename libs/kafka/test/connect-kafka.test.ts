import { findFreePorts } from '@facet/local-services';
import { createLogger } from '@facet/platform';
import { forTest } from '@facet/testing';
import { expect, it } from 'vitest';
import { connectKafka } from '../src/index.ts';

it('logs the same failure once, although the pause before the next attempt differs', () => {
  const lines: string[] = [];
  const logger = createLogger({ name: 'test', level: 'warn', destination: { write: (line) => void lines.push(line) } });
  const log = connectKafka({ brokers: ['127.0.0.1:1'], clientId: 'test', logger }).client.logger();
  // The text of kafkajs 2.2.4.
  log.error('Restarting the consumer in 213ms');
  log.error('Restarting the consumer in 487ms');
  log.error('Crash: 2 partitions');
  expect(lines).toHaveLength(2);
});

it('logs the same failure of a broker once, although it tries again', { tags: 'full' }, async () => {
  const lines: { msg: string; message: string; retryCount?: number }[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[number]) };
  const logger = createLogger({ name: 'test', level: 'warn', destination });
  const [port] = await findFreePorts(1);
  const kafka = forTest(connectKafka({ brokers: [`127.0.0.1:${port}`], clientId: 'test', logger }));
  await expect(kafka.admin()).rejects.toThrow('ECONNREFUSED');
  await expect(kafka.admin()).rejects.toThrow('ECONNREFUSED');
  const messages = lines.map(({ message }) => message);
  expect(messages).toContain(`Connection error: connect ECONNREFUSED 127.0.0.1:${port}`);
  expect(messages).toEqual([...new Set(messages)]);
});
