import { connectKafka, openKafkaPublisher, topicNames } from '@facet/kafka';
import { findFreePorts, startFacetProcess, startKafka, startRedis } from '@facet/local-services';
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
  const [kafka, redis, ports] = await Promise.all([startKafka(), startRedis(), findFreePorts(4)]);
  const [trainerPort = 0, indexerPort = 0, ingestPort = 0, sinkPort = 0] = ports;
  const urlOf = (port: number): string => `http://127.0.0.1:${port}`;
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
  const start = (app: string, port: number, args: readonly string[] = []) =>
    startFacetProcess({
      app,
      args,
      readyUrl: `${urlOf(port)}/readyz`,
      env: { ...shared, FACET_PORT: String(port) },
    });
  // The ingest creates the topics.
  await start('collector', ingestPort, ['ingest']);
  let sink = await start('collector', sinkPort, ['sink']);
  await Promise.all([start('trainer', trainerPort), start('indexer', indexerPort)]);
  const { url } = await startConsole({
    keysFile,
    upstreams: {
      ...(servingUrl === undefined ? {} : { FACET_SERVING_URL: servingUrl }),
      FACET_TRAINER_URL: urlOf(trainerPort),
      FACET_INDEXER_URL: urlOf(indexerPort),
      FACET_COLLECTOR_URL: urlOf(ingestPort),
      FACET_SINK_URL: urlOf(sinkPort),
    },
  });
  const client = connectKafka({ brokers: kafka.brokers, clientId: 'test' });
  const publisher = openKafkaPublisher(client);
  return {
    url,
    home,
    configFile,
    trainerUrl: urlOf(trainerPort),
    sinkUrl: urlOf(sinkPort),
    ingestUrl: urlOf(ingestPort),
    async sendEvents(events) {
      const response = await fetch(`${urlOf(ingestPort)}/v1/events`, {
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
      sink = await start('collector', sinkPort, ['sink']);
    },
  };
}
