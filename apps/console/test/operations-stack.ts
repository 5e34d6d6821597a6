import { connectKafka, openKafkaPublisher, topicNames } from '@facet/kafka';
import { startFacetProcess, startKafka, startRedis } from '@facet/local-services';
import { createOperationsHome } from './operations-home.ts';
import { keys, startConsole, writeKeys } from './stack.ts';

/** A shop with trainer, indexer, ingest and sink behind a console. */
export interface OperationsStack {
  /** The address of the console. */
  readonly url: string;
  readonly home: string;
  readonly configFile: string;
  readonly trainerUrl: string;
  readonly sinkUrl: string;
  readonly ingestUrl: string;
  /** Sends events to the ingest. Returns its status. */
  sendEvents(events: readonly object[]): Promise<number>;
  /** Writes events to the topic without the checks of the ingest. */
  publishEvents(events: readonly { readonly eventId: string }[]): Promise<void>;
  /** Starts another sink, which reads facet.yaml again. */
  restartSink(): Promise<void>;
}

let stack: Promise<OperationsStack> | undefined;

/** Starts the stack once for all test files. */
export function startOperations(): Promise<OperationsStack> {
  return (stack ??= createOperationsHome().then(startProcesses));
}

interface StackOptions {
  readonly home: string;
  readonly configFile: string;
  /** The address of a serving process of the same home. */
  readonly servingUrl?: string;
}

/** Starts Kafka, Redis, the collector, the trainer, the indexer and a console on a data home. They end with the tests. */
export async function startProcesses({ home, configFile, servingUrl }: StackOptions): Promise<OperationsStack> {
  const [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
  const keysFile = writeKeys(home);
  const shared = {
    FACET_HOME: home,
    FACET_CONFIG: configFile,
    FACET_API_KEYS_FILE: keysFile,
    FACET_QUEUE_URL: redis.url,
    FACET_KAFKA_BROKERS: kafka.brokers.join(','),
    FACET_REDIS_URL: `${redis.url}/1`,
    FACET_SINK_COMMIT_SECONDS: '0.5',
    FACET_SINK_SESSION_SECONDS: '6',
    FACET_EVENT_PARTITIONS: '3',
    FACET_LOG_LEVEL: 'warn',
  };
  const start = (app: string, args: readonly string[] = [], port?: number) =>
    startFacetProcess({ app, args, port, env: shared });
  // The ingest creates the topics.
  const ingest = await start('collector', ['ingest']);
  let sink = await start('collector', ['sink']);
  const [trainer, indexer] = await Promise.all([start('trainer'), start('indexer')]);
  const { url } = await startConsole({
    keysFile,
    upstreams: {
      ...(servingUrl === undefined ? {} : { FACET_SERVING_URL: servingUrl }),
      FACET_TRAINER_URL: trainer.url,
      FACET_INDEXER_URL: indexer.url,
      FACET_COLLECTOR_URL: ingest.url,
      FACET_SINK_URL: sink.url,
    },
  });
  const client = connectKafka({ brokers: kafka.brokers, clientId: 'test' });
  const publisher = openKafkaPublisher(client);
  return {
    url,
    home,
    configFile,
    trainerUrl: trainer.url,
    sinkUrl: sink.url,
    ingestUrl: ingest.url,
    async sendEvents(events) {
      const response = await fetch(`${ingest.url}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': keys.ingest },
        body: JSON.stringify(events),
      });
      return response.status;
    },
    async publishEvents(events) {
      const topic = topicNames('facet').events;
      const timestamp = Date.now();
      await publisher.publish(
        events.map((event) => ({ topic, key: event.eventId, value: JSON.stringify(event), timestamp })),
      );
    },
    async restartSink() {
      await sink.stop();
      sink = await start('collector', ['sink'], sink.port);
    },
  };
}
