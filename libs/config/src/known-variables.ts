import { invalidConfig, nearestName } from '@facet/platform';
import type { ConfigProblem } from '@facet/platform';

/** Every environment variable that a part of Facet reads, without `FACET_`. All parts may share one environment. */
const names = `
  HOME CONFIG LOG_LEVEL DEBUG CACHE_DIR
  HOST PORT TLS_CERT_FILE TLS_KEY_FILE API_KEYS_FILE API_KEY INSECURE
  KAFKA_BROKERS KAFKA_TLS KAFKA_CA_FILE KAFKA_CERT_FILE KAFKA_KEY_FILE KAFKA_SASL_MECHANISM KAFKA_USER
  KAFKA_PASSWORD_FILE KAFKA_TOKEN_FILE TOPIC_PREFIX EVENT_PARTITIONS REPLICATION_FACTOR
  REDIS_URL REDIS_PASSWORD_FILE REDIS_SENTINEL_PASSWORD_FILE REDIS_CA_FILE REDIS_CERT_FILE REDIS_KEY_FILE
  QUEUE_URL QUEUE_PASSWORD_FILE QUEUE_SENTINEL_PASSWORD_FILE QUEUE_CA_FILE QUEUE_CERT_FILE QUEUE_KEY_FILE
  QUEUE_PREFIX QUEUE_LOCK_SECONDS SCHEDULER_SECONDS DELTA_SECONDS
  MILVUS_ADDRESS MILVUS_TLS MILVUS_CA_FILE MILVUS_CERT_FILE MILVUS_KEY_FILE MILVUS_TOKEN_FILE MILVUS_SEARCH_MS
  SPOOL SPOOL_BYTES_MAX INGEST_ACK_SECONDS INGEST_BODY_BYTES_MAX INGEST_QUEUE_BYTES_MAX
  SINK_COMMIT_SECONDS SINK_COMMIT_ROWS SINK_CATALOG_SECONDS SINK_STALL_SECONDS SINK_SESSION_SECONDS SINK_REFILL_SECONDS
  WATCH_INTERVAL_MS RECALL_SHARE SLOW_REQUEST_MS TRENDS_SECONDS PROCESSES
  SERVING_URL COLLECTOR_URL SINK_URL TRAINER_URL INDEXER_URL
  PROMETHEUS_URL CONSOLE_URL CONSOLE_SECRET SESSION_HOURS
  IMAGES KEYS_FOLDER CONFIG_FILE
  PREBUILT TESTS BENCH_CACHE RETAIL_FOLDER SCREENSHOTS WRITE_GOLDEN SANITIZED_ADDON
`
  .trim()
  .split(/\s+/);

export const knownVariables = names.map((name) => `FACET_${name}`);

/** For a service whose name begins with `facet`, Kubernetes sets such variables in each container of the namespace. */
const isOfKubernetes = (name: string, value: string): boolean =>
  /_SERVICE_(HOST|PORT)|_PORT_\d+_/.test(name) || /^(tcp|udp|sctp):\/\//.test(value);

/** Returns a problem for each variable that begins with `FACET_` and that no part of Facet reads. Its name is probably misspelled. */
export function findUnknownVariables(environment: NodeJS.ProcessEnv): ConfigProblem[] {
  return Object.entries(environment)
    .filter(([name, value = '']) => name.startsWith('FACET_') && value !== '' && !isOfKubernetes(name, value))
    .filter(([name]) => !knownVariables.includes(name))
    .map(([name]) => {
      const nearest = nearestName(name.replace('FACET_', ''), names);
      const question = nearest === undefined ? '' : ` (did you mean FACET_${nearest}?)`;
      return { path: [name], problem: `is not a variable of Facet${question}` };
    });
}

/** @throws AppError `CONFIG_INVALID` naming each variable of {@link findUnknownVariables}. */
export function refuseUnknownVariables(environment: NodeJS.ProcessEnv): void {
  const problems = findUnknownVariables(environment);
  if (problems.length > 0) throw invalidConfig('the environment', problems);
}
