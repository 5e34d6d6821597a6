/** What `indexer --help` says. */
export const help = `Makes bundles of models: works the stages index, gate and promote. Between them it brings new and withdrawn items
of the catalog into the current bundle.

It is set by environment variables and needs no arguments. The trainer works the other stages; both share the home.

  FACET_QUEUE_URL           the Redis of the queue: durable, noeviction             redis://127.0.0.1:6379
  FACET_QUEUE_PREFIX        what its keys begin with                                facet
  FACET_QUEUE_LOCK_SECONDS  a job of a silent worker is given away after            30
  FACET_HOME                the folder of this stream of events                     .facet/default
  FACET_CONFIG              how to index, and what the gate asks                    facet.yaml
  FACET_DELTA_SECONDS       how often the catalog is looked at; 0: never            5
  FACET_API_KEYS_FILE       whom to answer; made by facet keys create               <home>/keys.yaml
  FACET_INSECURE            true answers anybody, without a key                     false
  FACET_HOST, FACET_PORT    where to listen                                         127.0.0.1, 8084
  FACET_LOG_LEVEL           trace, debug, info, warn, error, fatal, silent          info

Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings, 5 a port cannot be used. More: docs/refresh.md
`;
