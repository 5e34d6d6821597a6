/** The output of `trainer --help`. */
export const help = `Retrains the model every day: maintains the schedule and executes the stages dataset, train and evaluate.

Configure the trainer with environment variables. It takes no arguments. The indexer executes the other stages. Both share
the data home.

  FACET_QUEUE_URL           Redis of the queue: durable, noeviction               redis://127.0.0.1:6379
  FACET_QUEUE_PASSWORD_FILE file with its password; TLS: docs/configuration.md
  FACET_QUEUE_PREFIX        prefix of its keys                                     facet
  FACET_QUEUE_LOCK_SECONDS  time until another worker takes a silent worker's job  30
  FACET_HOME                data home of this stream of events                     .facet/default
  FACET_CONFIG              schedule (section refresh) and training settings       facet.yaml
  FACET_SCHEDULER_SECONDS   time between two rounds of the scheduler               60
  FACET_API_KEYS_FILE       API keys, from facet keys create                       <home>/keys.yaml
  FACET_INSECURE            true responds without API keys                         false
  FACET_TLS_CERT_FILE       certificate, for HTTPS; with FACET_TLS_KEY_FILE
  FACET_HOST, FACET_PORT    address to listen on                                   127.0.0.1, 8083
  FACET_LOG_LEVEL           trace, debug, info, warn, error, fatal, silent         info

Request a refresh and follow it:

  curl -X POST http://127.0.0.1:8083/v1/refreshes -H 'x-api-key: …' -H 'content-type: application/json' -d '{}'
  curl -N http://127.0.0.1:8083/v1/refreshes/2026-01-31/events -H 'x-api-key: …'

Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings, 5 unusable port. More: docs/refresh.md
`;
