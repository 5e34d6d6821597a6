/** What `trainer --help` says. */
export const help = `Retrains the model every day: keeps the schedule, and works the stages dataset, train and evaluate.

It is set by environment variables and needs no arguments. The indexer works the other stages; both share the home.

  FACET_QUEUE_URL           the Redis of the queue: durable, noeviction             redis://127.0.0.1:6379
  FACET_QUEUE_PREFIX        what its keys begin with                                facet
  FACET_QUEUE_LOCK_SECONDS  a job of a silent worker is given away after            30
  FACET_HOME                the folder of this stream of events                     .facet/default
  FACET_CONFIG              the schedule (section refresh), and how to train        facet.yaml
  FACET_SCHEDULER_SECONDS   how often the schedule is looked after                  60
  FACET_API_KEYS_FILE       whom to answer; made by facet keys create               <home>/keys.yaml
  FACET_INSECURE            true answers anybody, without a key                     false
  FACET_HOST, FACET_PORT    where to listen                                         127.0.0.1, 8083
  FACET_LOG_LEVEL           trace, debug, info, warn, error, fatal, silent          info

Ask for a refresh, and follow it:

  curl -X POST http://127.0.0.1:8083/v1/refreshes -H 'x-api-key: …' -H 'content-type: application/json' -d '{}'
  curl -N http://127.0.0.1:8083/v1/refreshes/2026-01-31/events -H 'x-api-key: …'

Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings, 5 a port cannot be used. More: docs/refresh.md
`;
