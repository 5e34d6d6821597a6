/** The output of `console --help`. */
export const help = `Serves the console: a web page that shows what the other processes do. The server forwards its requests to their APIs.

Configure the console with environment variables. It takes no arguments and stores nothing.

  FACET_SERVING_URL         address of serving                                    http://127.0.0.1:8080
  FACET_COLLECTOR_URL       address of the collector (ingest)                     http://127.0.0.1:8081
  FACET_SINK_URL            address of the collector (sink)                       http://127.0.0.1:8082
  FACET_TRAINER_URL         address of the trainer                                http://127.0.0.1:8083
  FACET_INDEXER_URL         address of the indexer                                http://127.0.0.1:8084
  FACET_PROMETHEUS_URL      address of a Prometheus, to show firing alerts        none
  FACET_CONSOLE_URL         address in the browser; https makes cookies secure    none
  FACET_CONSOLE_SECRET      seals session cookies; 32 characters or more          a new one at each start
  FACET_SESSION_HOURS       lifetime of sessions, hours                           12
  FACET_HOME                data home with keys.yaml                              .facet/default
  FACET_API_KEYS_FILE       API keys that may sign in, from facet keys create     <home>/keys.yaml
  FACET_INSECURE            true: require no API keys                             false
  FACET_TLS_CERT_FILE       certificate, for HTTPS; with FACET_TLS_KEY_FILE
  FACET_HOST, FACET_PORT    address to listen on                                  127.0.0.1, 8085
  FACET_LOG_LEVEL           trace, debug, info, warn, error, fatal, silent        info

Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings, 5 unusable port. More: docs/console.md
`;
