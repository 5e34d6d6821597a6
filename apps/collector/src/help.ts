/** What `collector --help` says. */
export const help = `Takes events in and brings them to where recommendations are made.

  collector ingest   HTTP → Kafka. Answers 202 only when events are safe: acknowledged by Kafka, or in the spool on
                     this disk, which is sent on when Kafka is back.
  collector sink     Kafka → event lake, catalog, and profiles in Redis. Run as many as there are partitions.

Both are set by environment variables and need no arguments.

  FACET_KAFKA_BROKERS       host:port,…  of the cluster                             127.0.0.1:9092
  FACET_HOME                the folder of this stream of events                     .facet/default
  FACET_API_KEYS_FILE       whom to answer; made by facet keys create               <home>/keys.yaml
  FACET_INSECURE            true answers anybody, without a key                     false
  FACET_HOST, FACET_PORT    where to listen                                         127.0.0.1, 8081 (ingest), 8082 (sink)
  FACET_CONFIG              event types and rules                                   facet.yaml
  FACET_TOPIC_PREFIX        lets several installations share a cluster              facet
  FACET_REPLICATION_FACTOR  of the topics, when they are made                       1; use 3 with three brokers
  FACET_EVENT_PARTITIONS    of the event topic, when it is made                     6
  FACET_LOG_LEVEL           trace, debug, info, warn, error, fatal, silent          info

  FACET_SPOOL               ingest: the folder of what waits for Kafka              <home>/spool
  FACET_SPOOL_BYTES_MAX     ingest: when it is full, requests get 503               1 GiB
  FACET_REDIS_URL           sink: redis://…; without it no profiles are kept
  FACET_LAKE, FACET_CATALOG sink: where to write                                    <home>/lake, <home>/catalog

A first event, with Kafka on this machine:

  facet keys create --name shop --scope ingest
  collector ingest
  curl -i http://127.0.0.1:8081/v1/events -H 'content-type: application/json' -H 'x-api-key: …' \\
    -d '{"eventId":"e1","type":"click","userId":"ada","itemId":"book-7","occurredAt":"2026-01-31T12:00:00Z"}'

Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings or arguments, 4 damaged data, 5 a port, folder or
disk cannot be used. Everything else: docs/collector.md
`;
