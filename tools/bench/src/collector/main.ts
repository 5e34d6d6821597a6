import { connectKafka, ensureTopics, topicNames } from '@facet/kafka';
import { createScratchFolder, logProgress, option, startKafka, startRedis, startS3 } from '@facet/local-services';
import type { LocalS3 } from '@facet/local-services';
import { formatCount } from '@facet/platform';
import { startBench } from '../bench.ts';
import { median, timed } from '../figures.ts';
import { measureFreshness, measureIngest, prepareCollector, waitForLake, waitUntilProcessed } from './collector.ts';
import { runRawProducer } from './load.ts';

const { values, report } = startBench({
  options: {
    rounds: option.number('Number of rounds', 3),
    events: option.number('Events in a round of the sink', 1_000_000),
    s3: option.flag('Only measure the sink, with a lake on a local S3 server and with one in a folder'),
  },
  notes: `ingest     Acknowledged events per second in batches of 1,000 and 100, compared with kafkajs alone
sink       Events per second from the topic into Parquet, with profiles in Redis
freshness  Time from the post of an event to its profile, under a load of 5,000 events per second

Figures are medians of the rounds. The load generator, the broker, Redis and the collector share the cores of this machine.

Exit code: 0 when the measurement is complete.`,
});

const ingestEvents = 300_000;
const smallBatchEvents = 100_000;
const { events: sinkEvents, rounds } = values;
const rawBatchEvents = 5_000;

const { path: folder } = await createScratchFolder('bench-collector');
const [kafka, redis] = await Promise.all([startKafka(), startRedis({ persistent: true })]);
const shared = { folder, brokers: kafka.brokers, redisUrl: redis.url };
try {
  if (values.s3) report({ eventsPerSecond: await benchS3() });
  else {
    const ingest = await benchIngest();
    const sink = median(await sinkRates('sink'));
    report({ eventsPerSecond: { ...ingest, sink }, freshness: await benchFreshness() });
  }
} finally {
  await Promise.all([kafka.stop(), redis.stop()]);
}

/** Batches have 5,000 and 100 events from the raw producer, and 1,000 and 100 at the ingest. */
async function benchIngest() {
  const topicPrefix = 'bench-ingest';
  const collector = await prepareCollector({ ...shared, topicPrefix });
  const topic = await makeTopics(topicPrefix);
  const ingest = await collector.startIngest();
  try {
    // Both sides warm up first.
    await rawRate(topic, 50_000, rawBatchEvents);
    await measureIngest(collector, 1_000, 50_000);
    const [raw, rawSmall, large, small]: [number[], number[], number[], number[]] = [[], [], [], []];
    for (let round = 0; round < rounds; round++) {
      raw.push(await rawRate(topic, ingestEvents, rawBatchEvents));
      large.push(await measureIngest(collector, 1_000, ingestEvents));
      rawSmall.push(await rawRate(topic, smallBatchEvents, 100));
      small.push(await measureIngest(collector, 100, smallBatchEvents));
    }
    return {
      raw: median(raw),
      ingest: median(large),
      ingestOfRaw: medianRatio(large, raw),
      rawSmall: median(rawSmall),
      ingestSmall: median(small),
      ingestOfRawSmall: medianRatio(small, rawSmall),
    };
  } finally {
    await ingest.stop();
  }
}

/** Returns the higher rate of kafkajs with and without compression. */
async function rawRate(topic: string, events: number, batchEvents: number): Promise<number> {
  const options = { brokers: kafka.brokers, topic, events, batchEvents };
  const gzip = await runRawProducer({ ...options, compression: 'gzip' });
  return Math.max(gzip, await runRawProducer({ ...options, compression: 'none' }));
}

async function benchS3() {
  const s3 = await startS3();
  // The lake is read in this process, too.
  Object.assign(process.env, s3.env);
  try {
    const folder = await sinkRates('folder');
    const onS3 = await sinkRates('s3', s3);
    return { folder: median(folder), s3: median(onS3), s3OfFolder: medianRatio(onS3, folder) };
  } finally {
    await s3.stop();
  }
}

/** Returns the events per second of each round, from a full topic into the lake and Redis. */
async function sinkRates(name: string, s3?: LocalS3): Promise<number[]> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const topicPrefix = `bench-${name}-${round}`;
    const collector = await prepareCollector({ ...shared, topicPrefix, s3 });
    const topic = await makeTopics(topicPrefix);
    const load = { brokers: kafka.brokers, topic, events: sinkEvents, batchEvents: rawBatchEvents };
    await runRawProducer({ ...load, compression: 'gzip' });
    const sink = await collector.startSink();
    const { seconds } = await timed(() =>
      // The stop commits the remaining events, so that the time excludes the wait for the next regular commit.
      waitUntilProcessed(collector, sinkEvents).finally(() => sink.stop()),
    );
    await waitForLake(collector, sinkEvents);
    rates.push(sinkEvents / seconds);
    logProgress(`${name}, round ${round + 1}: ${formatCount(rates[round]!)} events/s`);
  }
  return rates;
}

async function benchFreshness() {
  const collector = await prepareCollector({ ...shared, topicPrefix: 'bench-freshness' });
  const [ingest, sink] = [await collector.startIngest(), await collector.startSink()];
  try {
    await measureFreshness(collector, redis.url, { eventsPerSecond: 5_000, seconds: 5 });
    return await measureFreshness(collector, redis.url, { eventsPerSecond: 5_000, seconds: 60 });
  } finally {
    await Promise.all([ingest.stop(), sink.stop()]);
  }
}

async function makeTopics(prefix: string): Promise<string> {
  const connection = connectKafka({ brokers: kafka.brokers, clientId: 'bench' });
  const names = topicNames(prefix);
  await ensureTopics(connection, { names });
  await connection.close();
  return names.events;
}

function medianRatio(rates: readonly number[], of: readonly number[]): number {
  return median(rates.map((rate, round) => rate / of[round]!));
}
