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
import { median } from '../figures.ts';
import { prepareCollector } from './collector.ts';
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

type Shared = Omit<Parameters<typeof prepareCollector>[0], 'topicPrefix' | 's3'>;

async function benchIngest(shared: Shared): Promise<object> {
  const topicPrefix = 'bench-ingest';
  const collector = await prepareCollector({ ...shared, topicPrefix });
  const topic = await makeTopics(topicPrefix);
  const ingest = await collector.startIngest();
  try {
    // Both sides warm up first.
    await rawRate({ ...shared, topic, events: 50_000, batchEvents: rawBatchEvents });
    await measureIngest(collector, 1_000, 50_000);
    const raw: number[] = [];
    const rawSmall: number[] = [];
    const large: number[] = [];
    const small: number[] = [];
    for (let round = 0; round < rounds; round++) {
      raw.push(await rawRate({ ...shared, topic, events: ingestEvents, batchEvents: rawBatchEvents }));
      large.push((await measureIngest(collector, 1_000, ingestEvents)).eventsPerSecond);
      rawSmall.push(await rawRate({ ...shared, topic, events: smallBatchEvents, batchEvents: 100 }));
      small.push((await measureIngest(collector, 100, smallBatchEvents)).eventsPerSecond);
    }
    const result = {
      rawProducer: median(raw),
      batchesOf1000: median(large),
      ratio: median(large.map((rate, round) => rate / (raw[round] as number))),
      rawProducerBatchesOf100: median(rawSmall),
      batchesOf100: median(small),
    };
    console.log(`raw producer, batches of 5,000     ${perSecond(result.rawProducer)}`);
    console.log(
      `ingest, batches of 1,000           ${perSecond(result.batchesOf1000)}  ${percent(result.ratio)} of the raw producer`,
    );
    console.log(`raw producer, batches of 100       ${perSecond(result.rawProducerBatchesOf100)}`);
    console.log(`ingest, batches of 100             ${perSecond(result.batchesOf100)}`);
    return result;
  } finally {
    await ingest.stop();
  }
}

/** Returns the higher rate of kafkajs with and without compression. */
async function rawRate(options: Omit<Parameters<typeof runRawProducer>[0], 'compression'>): Promise<number> {
  const gzip = await runRawProducer({ ...options, compression: 'gzip' });
  const none = await runRawProducer({ ...options, compression: 'none' });
  return Math.max(gzip.eventsPerSecond, none.eventsPerSecond);
}

async function benchSink(shared: Shared): Promise<object> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    rates.push(await measureSink({ ...shared, topicPrefix: `bench-sink-${round}` }));
    logProgress(`sink round ${round + 1}: ${perSecond(rates[round]!)}`);
  }
  console.log(`sink, into Parquet and Redis       ${perSecond(median(rates))}`);
  return { eventsPerSecond: median(rates) };
}

/** Returns events per second from a full topic into the lake and Redis. */
async function measureSink(options: Parameters<typeof prepareCollector>[0]): Promise<number> {
  const collector = await prepareCollector(options);
  const topic = await makeTopics(options.topicPrefix);
  await runRawProducer({ ...options, topic, events: sinkEvents, batchEvents: rawBatchEvents, compression: 'gzip' });
  const sink = await collector.startSink();
  const startedAt = performance.now();
  try {
    await waitUntilProcessed(collector, sinkEvents);
  } finally {
    // The stop commits the remaining events, so that the time excludes the wait for the next regular commit.
    await sink.stop();
  }
  const seconds = (performance.now() - startedAt) / 1_000;
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
    console.log(`sink, lake in a folder             ${perSecond(median(onFolder))}`);
    console.log(`sink, lake on S3                   ${perSecond(median(onS3))}  ${percent(ratio)} of the folder`);
    return { folder: median(onFolder), s3: median(onS3), ratio };
  } finally {
    await s3.stop();
  }
}

async function benchFreshness(shared: Shared): Promise<object> {
  const collector = await prepareCollector({ ...shared, topicPrefix: 'bench-freshness' });
  const ingest = await collector.startIngest();
  const sink = await collector.startSink();
  try {
    await measureFreshness(collector, shared.redisUrl, { eventsPerSecond: 5_000, seconds: 5 });
    const result = await measureFreshness(collector, shared.redisUrl, { eventsPerSecond: 5_000, seconds: 60 });
    console.log(
      `post to profile at ${perSecond(result.loadEventsPerSecond)}   p50 ${ms(result.p50Ms)}, p99 ${ms(result.p99Ms)}, slowest ${ms(result.maxMs)} of ${result.count}`,
    );
    return result;
  } finally {
    await ingest.stop();
    await sink.stop();
  }
}

async function benchMemory(shared: Shared): Promise<object> {
  const collector = await prepareCollector({ ...shared, topicPrefix: 'bench-memory' });
  const ingest = await collector.startIngest();
  const sink = await collector.startSink();
  try {
    return await measureMemory(
      collector,
      { ingestPid: ingest.pid, sinkPid: sink.pid },
      { events: 5_000_000, rounds: 10, rowsBefore: 0 },
      (sample) =>
        console.log(
          `after ${sample.events.toLocaleString('en')} events: ingest ${Math.round(sample.ingestMegabytes)} MB, sink ${Math.round(sample.sinkMegabytes)} MB`,
        ),
    );
  } finally {
    await ingest.stop();
    await sink.stop();
  }
}

async function makeTopics(prefix: string): Promise<string> {
  const connection = connectKafka({ brokers: kafka.brokers, clientId: 'bench' });
  const names = topicNames(prefix);
  await ensureTopics(connection, { names });
  await connection.close();
  return names.events;
}

function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en').padStart(7)}/s`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
