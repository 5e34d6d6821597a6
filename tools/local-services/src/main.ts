import { once } from 'node:events';
import { option, readCommandLine } from './command-line.ts';
import { startKafka } from './kafka.ts';
import { startRedis } from './redis.ts';

const { values } = readCommandLine({
  options: { brokers: option.choice('N', 'Number of Kafka brokers', ['1', '3'], '1') },
  notes: `Runs Kafka and Redis until Ctrl-C, and prints the environment variables that connect Facet's apps to them.

Exit code: 0 after Ctrl-C, 2 for a wrong option.`,
});
const ended = Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => once(process, name)));
const [kafka, redis] = await Promise.all([
  startKafka({ brokers: values.brokers === '1' ? 1 : 3 }),
  startRedis({ persistent: true }),
]);
const variables = {
  FACET_KAFKA_BROKERS: kafka.brokers.join(','),
  FACET_REDIS_URL: redis.url,
  FACET_QUEUE_URL: redis.url,
};
for (const [name, value] of Object.entries(variables)) process.stdout.write(`export ${name}=${value}\n`);
process.stderr.write('Kafka and Redis run until Ctrl-C, which also removes their data.\n');
const awake = setInterval(() => {}, 60_000);
await ended;
clearInterval(awake);
await Promise.all([kafka.stop(), redis.stop()]);
