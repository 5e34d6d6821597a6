/** The output of `serving --help`. */
export const help = `Serves recommendations over HTTP from the current bundle of a data home.

Configure serving with environment variables. It takes no arguments.

  FACET_HOME               data home                                              .facet/default
  FACET_REDIS_URL          profiles of the collector; without it, from the lake
  FACET_REDIS_PASSWORD_FILE  its password; TLS: docs/configuration.md
  FACET_MILVUS_ADDRESS     host:port of a Milvus that searches; TLS and token: docs/configuration.md
  FACET_CONFIG             file with settings of serving and experiments          facet.yaml
  FACET_WATCH_INTERVAL_MS  time between two checks for a new bundle               1000
  FACET_RECALL_SHARE       share of searches repeated to measure index recall     0.01
  FACET_SLOW_REQUEST_MS    slower requests are logged                             100
  FACET_TRENDS_SECONDS     seconds between two readings of GET /v1/trends         60
  FACET_PROCESSES          number of worker processes, or cores                   1
  FACET_API_KEYS_FILE      accepted keys, created by facet keys create            <home>/keys.yaml
  FACET_INSECURE           true accepts requests without a key                    false
  FACET_TLS_CERT_FILE      certificate, for HTTPS; with FACET_TLS_KEY_FILE
  FACET_HOST, FACET_PORT   address to listen on; port 0 is any free port          127.0.0.1, 8080
  FACET_LOG_LEVEL          trace, debug, info, warn, error, fatal, silent         info
  OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER_ARG, OMP_NUM_THREADS: see docs/serving.md

Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings, 4 no usable bundle, 5 unusable port.
More: docs/serving.md, docs/api.md
`;
