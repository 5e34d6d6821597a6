/** The output of `indexer --help`. */
export const help = `Builds, judges and promotes bundles: executes the stages index, gate and promote. Between two bundles it publishes new and
withdrawn items of the catalog as deltas.

Configure the indexer with environment variables. It takes no arguments. The trainer executes the other stages. Both share
the data home.

  FACET_QUEUE_URL           Redis of the queue: durable, noeviction               redis://127.0.0.1:6379
  FACET_QUEUE_PASSWORD_FILE file with its password; TLS: docs/configuration.md
  FACET_QUEUE_PREFIX        prefix of its keys                                     facet
  FACET_QUEUE_LOCK_SECONDS  time until another worker takes a silent worker's job  30
  FACET_HOME                data home of this stream of events                     .facet/default
  FACET_CONFIG              settings of the index and the gate                     facet.yaml
  FACET_DELTA_SECONDS       time between two checks of the catalog; 0 turns off    5
  FACET_API_KEYS_FILE       API keys, from facet keys create                       <home>/keys.yaml
  FACET_INSECURE            true responds without API keys                         false
  FACET_TLS_CERT_FILE       certificate, for HTTPS; with FACET_TLS_KEY_FILE
  FACET_HOST, FACET_PORT    address to listen on                                   127.0.0.1, 8084
  FACET_LOG_LEVEL           trace, debug, info, warn, error, fatal, silent         info

Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings, 5 unusable port. More: docs/refresh.md
`;
