import { parseArgs } from 'node:util';
import { startKafka } from './kafka/local-kafka.ts';
import { startRedis } from './redis/local-redis.ts';

const usage = `npm run services [-- [--brokers 1|3]]

Run Kafka and Redis until Ctrl-C, and print the environment variables that connect Facet's apps to them.

  --brokers N    Number of Kafka brokers, 1 or 3 (default: 1)
`;

/** Resolves with the signal that ends this process. */
const endSignal = new Promise<NodeJS.Signals>((resolve) => {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, resolve);
});

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(usage);
} else if (values.brokers !== '1' && values.brokers !== '3') {
  process.stderr.write(`--brokers must be 1 or 3, not "${values.brokers}"\n\n${usage}`);
  process.exitCode = 2;
} else {
  await keepUp(values.brokers === '1' ? 1 : 3);
}

async function keepUp(brokers: 1 | 3): Promise<void> {
  const [kafka, redis] = await Promise.all([startKafka({ brokers }), startRedis({ persistent: true })]);
  const variables = {
    FACET_KAFKA_BROKERS: kafka.brokers.join(','),
    FACET_REDIS_URL: redis.url,
    FACET_QUEUE_URL: redis.url,
  };
  for (const [name, value] of Object.entries(variables)) process.stdout.write(`export ${name}=${value}\n`);
  process.stderr.write('Kafka and Redis run until Ctrl-C, which also removes their data.\n');
  const awake = setInterval(() => {}, 60_000);
  await endSignal;
  clearInterval(awake);
  await Promise.all([kafka.stop(), redis.stop()]);
}
