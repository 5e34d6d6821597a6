import { connectKafka, ensureTopics, topicNames } from '@facet/kafka';
import {
  createScratchFolder,
  json,
  logProgress,
  option,
  readCommandLine,
  startKafka,
  startRedis,
  startS3,
} from '@facet/local-services';
import { formatCount } from '@facet/platform';
import { median, timed } from '../figures.ts';
import { prepareCollector } from './collector.ts';
import type { CollectorOptions } from './collector.ts';
import { measureFreshness, measureIngest, measureMemory, waitForLake, waitUntilProcessed } from './measure.ts';
import { runRawProducer } from './raw-producer.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- collector',
  summary: 'Measure the throughput and the freshness of the collector on a real Kafka broker and Redis',
  options: {
    rounds: option.number('Number of rounds', 3),
    events: option.number('Events in a round of the sink', 1_000_000),
    s3: option.flag('Only measure the sink, with a lake on a local S3 server and with one in a folder'),
    soak: option.flag('Also send 5,000,000 events and record the memory of both processes'),
    json,
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
try {
  const shared = { folder, brokers: kafka.brokers, redisUrl: redis.url };
  const results = values.s3
    ? { s3: await benchS3(shared) }
    : {
        ingest: await benchIngest(shared),
        sink: await benchSink(shared),
        freshness: await benchFreshness(shared),
        ...(values.soak ? { memory: await benchMemory(shared) } : {}),
      };
  if (values.json) console.log(JSON.stringify(results));
} finally {
  await Promise.all([kafka.stop(), redis.stop()]);
}

type Shared = Omit<CollectorOptions, 'topicPrefix' | 's3'>;

async function benchIngest(shared: Shared): Promise<object> {
  const topicPrefix = 'bench-ingest';
  const collector = await prepareCollector({ ...shared, topicPrefix });
  const topic = await makeTopics(topicPrefix);
  const ingest = await collector.startIngest();
  try {
    // Both sides warm up first.
    await rawRate({ ...shared, topic, events: 50_000, batchEvents: rawBatchEvents });
    await measureIngest(collector, 1_000, 50_000);
    const [raw, rawSmall, large, small]: number[][] = [[], [], [], []];
    for (let round = 0; round < rounds; round++) {
      raw!.push(await rawRate({ ...shared, topic, events: ingestEvents, batchEvents: rawBatchEvents }));
      large!.push(await measureIngest(collector, 1_000, ingestEvents));
      rawSmall!.push(await rawRate({ ...shared, topic, events: smallBatchEvents, batchEvents: 100 }));
      small!.push(await measureIngest(collector, 100, smallBatchEvents));
    }
    print('raw producer, batches of 5,000', median(raw!));
    const ratio = median(large!.map((rate, round) => rate / raw![round]!));
    print('ingest, batches of 1,000', median(large!), `  ${percent(ratio)} of the raw producer`);
    print('raw producer, batches of 100', median(rawSmall!));
    print('ingest, batches of 100', median(small!));
    return {
      rawProducer: median(raw!),
      batchesOf1000: median(large!),
      ratio,
      rawProducerBatchesOf100: median(rawSmall!),
      batchesOf100: median(small!),
    };
  } finally {
    await ingest.stop();
  }
}

/** Returns the higher rate of kafkajs with and without compression. */
async function rawRate(options: Omit<Parameters<typeof runRawProducer>[0], 'compression'>): Promise<number> {
  const gzip = await runRawProducer({ ...options, compression: 'gzip' });
  return Math.max(gzip, await runRawProducer({ ...options, compression: 'none' }));
}

async function benchSink(shared: Shared): Promise<object> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    rates.push(await measureSink({ ...shared, topicPrefix: `bench-sink-${round}` }));
    logProgress(`sink round ${round + 1}: ${perSecond(rates[round]!)}`);
  }
  print('sink, into Parquet and Redis', median(rates));
  return { eventsPerSecond: median(rates) };
}

/** Returns events per second from a full topic into the lake and Redis. */
async function measureSink(options: CollectorOptions): Promise<number> {
  const collector = await prepareCollector(options);
  const topic = await makeTopics(options.topicPrefix);
  await runRawProducer({ ...options, topic, events: sinkEvents, batchEvents: rawBatchEvents, compression: 'gzip' });
  const sink = await collector.startSink();
  const { seconds } = await timed(() =>
    // The stop commits the remaining events, so that the time excludes the wait for the next regular commit.
    waitUntilProcessed(collector, sinkEvents).finally(() => sink.stop()),
  );
  await waitForLake(collector, sinkEvents);
  return sinkEvents / seconds;
}

async function benchS3(shared: Shared): Promise<object> {
  const s3 = await startS3();
  // The lake is read in this process, too.
  Object.assign(process.env, s3.env);
  try {
    const onFolder: number[] = [];
    const onS3: number[] = [];
    for (let round = 0; round < rounds; round++) {
      onFolder.push(await measureSink({ ...shared, topicPrefix: `bench-folder-${round}` }));
      onS3.push(await measureSink({ ...shared, topicPrefix: `bench-s3-${round}`, s3 }));
      logProgress(`sink round ${round + 1}: folder ${perSecond(onFolder[round]!)}, S3 ${perSecond(onS3[round]!)}`);
    }
    const ratio = median(onS3.map((rate, round) => rate / onFolder[round]!));
    print('sink, lake in a folder', median(onFolder));
    print('sink, lake on S3', median(onS3), `  ${percent(ratio)} of the folder`);
    return { folder: median(onFolder), s3: median(onS3), ratio };
  } finally {
    await s3.stop();
  }
}

async function benchFreshness(shared: Shared): Promise<object> {
  const collector = await prepareCollector({ ...shared, topicPrefix: 'bench-freshness' });
  return collector.run(async () => {
    await measureFreshness(collector, shared.redisUrl, { eventsPerSecond: 5_000, seconds: 5 });
    const result = await measureFreshness(collector, shared.redisUrl, { eventsPerSecond: 5_000, seconds: 60 });
    const [p50, p99, slowest] = [result.p50Ms, result.p99Ms, result.maxMs].map((ms) => `${Math.round(ms)} ms`);
    const rate = perSecond(result.loadEventsPerSecond);
    console.log(`post to profile at ${rate}   p50 ${p50}, p99 ${p99}, slowest ${slowest} of ${result.count}`);
    return result;
  });
}

async function benchMemory(shared: Shared): Promise<object> {
  const collector = await prepareCollector({ ...shared, topicPrefix: 'bench-memory' });
  return collector.run((pids) => measureMemory(collector, pids));
}

async function makeTopics(prefix: string): Promise<string> {
  const connection = connectKafka({ brokers: kafka.brokers, clientId: 'bench' });
  const names = topicNames(prefix);
  await ensureTopics(connection, { names });
  await connection.close();
  return names.events;
}

function print(name: string, rate: number, more = ''): void {
  console.log(`${name.padEnd(34)} ${perSecond(rate)}${more}`);
}

function perSecond(rate: number): string {
  return `${formatCount(rate).padStart(7)}/s`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
