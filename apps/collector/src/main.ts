import { respondToArguments } from '@facet/platform/app-arguments';
import type { Command } from './run-collector.ts';

const help = `Collects events over HTTP and delivers them to the event lake, the catalog and the profiles.

  collector ingest   HTTP → Kafka. Responds 202 only after Kafka, or the spool on the local disk, has stored the events.
                     The spool is forwarded when Kafka is back.
  collector sink     Kafka → event lake, catalog, and profiles in Redis. Run up to one per partition.

Environment variables configure both. They take no arguments.

  FACET_KAFKA_BROKERS       brokers of the cluster, as host:port,…              127.0.0.1:9092
  FACET_KAFKA_TLS           true connects with TLS; more variables for TLS and  false
                            SASL are in docs/configuration.md
  FACET_HOME                data home                                           .facet/default
  FACET_API_KEYS_FILE       accepted keys, created by facet keys create         <home>/keys.yaml
  FACET_INSECURE            true accepts requests without a key                 false
  FACET_TLS_CERT_FILE       certificate, for HTTPS; with FACET_TLS_KEY_FILE
  FACET_HOST, FACET_PORT    address to listen on                                127.0.0.1, 8081 (ingest), 8082 (sink)
  FACET_CONFIG              file with event types and rules                     facet.yaml
  FACET_TOPIC_PREFIX        lets several installations share a cluster          facet
  FACET_REPLICATION_FACTOR  replicas of new topics; use 3 with three brokers    1
  FACET_EVENT_PARTITIONS    partitions of a new event topic                     6
  FACET_LOG_LEVEL           trace, debug, info, warn, error, fatal, silent      info

  FACET_SPOOL               ingest: folder of records that wait for Kafka       <home>/spool
  FACET_SPOOL_BYTES_MAX     ingest: size limit, above which requests get 503    1 GiB
  FACET_REDIS_URL           sink: redis://…; without it, no profiles are kept
  FACET_REDIS_PASSWORD_FILE sink: file with the password of the user in the URL

Send a first event, with Kafka on this machine:

  facet keys create --name shop --scope ingest
  collector ingest
  curl -i http://127.0.0.1:8081/v1/events -H 'content-type: application/json' -H 'x-api-key: …' \\
    -d '{"eventId":"e1","type":"click","userId":"ada","itemId":"book-7","occurredAt":"2026-01-31T12:00:00Z"}'

Exit codes: 0 stopped by SIGTERM or SIGINT, 1 unexpected failure, 2 invalid settings or arguments, 4 damaged data,
5 unusable port, folder or disk, 6 stopped consumer. See docs/collector.md.
`;

const commands: readonly Command[] = ['ingest', 'sink'];
const exitCode = respondToArguments(process.argv.slice(2), { name: 'collector', help, commands });
if (exitCode === undefined) {
  // Imported only now, so that help appears without delay.
  const { runCollector } = await import('./run-collector.ts');
  await runCollector(process.argv[2] as Command);
} else {
  process.exitCode = exitCode;
}
