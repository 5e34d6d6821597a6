import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');

/** Returns the categories of each error code in the sources of the workspace. */
function readCategories(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'apps/*/src/*.ts', 'libs/*/src/*.ts'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of files.trim().split('\n')) {
    const source = readFileSync(join(root, file), 'utf8');
    for (const [, code = '', category = ''] of source.matchAll(
      /\bcode: ([^,;]*?'[A-Z_]+'),\s+category: '([a-z-]+)'/g,
    )) {
      for (const [, name = ''] of code.matchAll(/'([A-Z_]+)'/g)) {
        found.set(name, (found.get(name) ?? new Set()).add(category));
      }
    }
  }
  return found;
}

it('gives each error code one category', () => {
  const categories = readCategories();
  expect(categories.size).toBeGreaterThan(100);
  expect([...categories].filter(([, { size }]) => size > 1)).toEqual([]);
  const codesOf: Record<string, string[]> = {};
  for (const [code, [category = '']] of categories) (codesOf[category] ??= []).push(code);
  for (const codes of Object.values(codesOf)) codes.sort();
  expect(codesOf).toMatchInlineSnapshot(`
    {
      "artifact": [
        "ARTIFACT_CORRUPT",
        "ARTIFACT_INVALID",
        "ARTIFACT_NO_PREVIOUS",
        "ARTIFACT_STORE_NEWER",
        "BUNDLE_DRIFTED",
        "BUNDLE_INVALID",
        "BUNDLE_SEARCHES_WRONG",
        "COLLECTOR_SPOOL_DAMAGED",
        "DATASET_INVALID",
        "DATASET_NOT_REPRODUCED",
        "DELTA_INVALID",
        "EVENTS_CATALOG_DAMAGED",
        "EVENTS_LAKE_DAMAGED",
        "EVENTS_LOG_DAMAGED",
        "EVENTS_LOG_TRUNCATED",
        "MODEL_OUTDATED",
        "REFRESH_RUN_DAMAGED",
        "RETRIEVAL_FILE_UNREADABLE",
        "RETRIEVAL_INDEX_UNREADABLE",
        "SINK_LOG_BEHIND",
      ],
      "artifact-missing": [
        "ARTIFACT_NOT_FOUND",
        "BUNDLE_NONE_CURRENT",
        "COMPARISON_NO_DATASET",
        "REPLAY_BUNDLE_GONE",
        "SERVING_NO_BUNDLE",
      ],
      "conflict": [
        "ARTIFACT_LOCKED",
        "CLI_SINK_RUNNING",
        "COLLECTOR_SPOOL_LOCKED",
        "EVENTS_CATALOG_SUPERSEDED",
        "EVENTS_IMPORTED_WITH_OTHER_IDS",
        "EVENTS_LAKE_BUSY",
        "EVENTS_LAKE_SUPERSEDED",
        "EVENTS_LOG_LOCKED",
        "KEYS_LOCKED",
        "PROMOTION_CURRENT_CHANGED",
        "PROMOTION_SUPERSEDED",
        "REFRESH_BUSY",
        "REFRESH_CANCELLED",
        "REFRESH_RUN_UNFINISHED",
      ],
      "crashed": [
        "JOB_CRASHED",
        "SINK_CONSUMER_CRASHED",
        "VALIDATION_CRASHED",
      ],
      "input": [
        "BENCHMARK_DATA_UNKNOWN",
        "BENCHMARK_NO_TIMES",
        "BENCHMARK_SEQUENCES_INVALID",
        "BENCHMARK_TOO_SHORT",
        "BUNDLE_TOO_LARGE",
        "COMPARISON_NO_USERS",
        "DATASET_EMPTY_WINDOW",
        "DATASET_NO_POSITIVES",
        "EVALUATION_NO_USERS",
        "EVENTS_COLUMN_MISSING",
        "EVENTS_DAY_BAD",
        "EVENTS_FILE_DAMAGED",
        "EVENTS_FILE_EMPTY",
        "EVENTS_FILE_NOT_TEXT",
        "EVENTS_FILE_TOO_LARGE",
        "EVENTS_FILE_UNREADABLE",
        "EVENTS_FORMAT_UNKNOWN",
        "EVENTS_HEADER_AMBIGUOUS",
        "EVENTS_INTERACTIONS_TOO_MANY",
        "EVENTS_JSON_ARRAY",
        "EVENTS_LAKE_OUTDATED",
        "EVENTS_MOSTLY_REFUSED",
        "EVENTS_NONE",
        "EVENTS_NOTHING_USABLE",
        "EVENTS_REBUILD_INCOMPLETE",
        "EVENTS_RECORD_REFUSED",
        "EVENTS_RECORD_TOO_LARGE",
        "EVENTS_TOO_MANY_REFUSED",
        "EXPERIMENT_NO_EXPOSURES",
        "EXPERIMENT_SAMPLE_RATIO",
        "FEATURES_TOO_FEW_MOMENTS",
        "MODEL_NO_EXAMPLES",
        "REFRESH_DATA_BAD",
        "REPLAY_DIFFERS",
        "REPLAY_NOT_SAMPLED",
        "TRAINING_RESULT_INVALID",
        "USER_NOT_FOUND",
        "VALIDATION_FAILED",
      ],
      "internal": [
        "EVALUATION_RANKING_INVALID",
        "EVALUATION_SCORE_NAN",
        "EVALUATION_USERS_DIFFER",
        "FEATURES_DUPLICATE_ITEM",
        "MODEL_ABORTED",
        "REFRESH_OUTPUT_MISSING",
        "RETRIEVAL_INDEXES_DIFFER",
        "RETRIEVAL_INDEX_CLOSED",
        "RETRIEVAL_QUERY_INVALID",
        "RETRIEVAL_VECTORS_INVALID",
        "UNEXPECTED",
      ],
      "not-found": [
        "EVENTS_DEAD_LETTER_UNKNOWN",
        "REFRESH_RUN_UNKNOWN",
        "REPLAY_UNKNOWN",
      ],
      "precondition": [
        "ARTIFACT_STORE_DIFFERS",
        "ARTIFACT_STORE_HAS_LOCAL",
        "EVENTS_ERASURE_OPEN",
        "REFRESH_DAY_NOT_OVER",
        "REFRESH_DAY_SUPERSEDED",
      ],
      "rejected": [
        "GATE_REJECTED",
        "REFRESH_REJECTED",
      ],
      "unavailable": [
        "ARTIFACT_COPIES_FULL",
        "ARTIFACT_STORE_REFUSED",
        "ARTIFACT_STORE_UNREACHABLE",
        "CLI_COLLECTOR_UNUSABLE",
        "CLI_UNHEALTHY",
        "COLLECTOR_LOG_REFUSES",
        "COLLECTOR_QUEUE_FULL",
        "COLLECTOR_SPOOL_FULL",
        "COLLECTOR_SPOOL_UNWRITABLE",
        "CONNECTION_FILE_UNREADABLE",
        "CONSOLE_STOPPED",
        "CONSOLE_UNREACHABLE",
        "DOWNLOAD_FAILED",
        "EVENTS_CATALOG_UNREADABLE",
        "EVENTS_CATALOG_UNWRITABLE",
        "EVENTS_ERASURE_UNPROVEN",
        "EVENTS_LAKE_SNAPSHOT_EXPIRED",
        "EVENTS_LAKE_UNREADABLE",
        "EVENTS_LAKE_UNWRITABLE",
        "EVENTS_LOG_BUSY",
        "EVENTS_LOG_FORBIDDEN",
        "EVENTS_LOG_UNAUTHENTICATED",
        "EVENTS_LOG_UNREACHABLE",
        "EVENTS_LOG_UNTRUSTED",
        "EVENTS_LOG_UNWRITABLE",
        "EVENTS_SPARK_FAILED",
        "EVENTS_SPARK_INCOMPLETE",
        "EVENTS_SPARK_MISSING",
        "EVENTS_TOPIC_UNKNOWN",
        "FOLDER_NOT_LOCKABLE",
        "HOME_UNWRITABLE",
        "HTTP_ADDRESS_UNUSABLE",
        "MILVUS_UNAVAILABLE",
        "PROFILES_REFUSED",
        "PROFILES_UNREACHABLE",
        "REFRESH_CHILD_DIED",
        "REFRESH_DISK_FULL",
        "REFRESH_LOCK_LOST",
        "REFRESH_QUEUE_UNREACHABLE",
        "REFRESH_STAGE_TIMED_OUT",
        "REFRESH_WORKER_STOPPED",
        "RETRIEVAL_INDEX_UNWRITABLE",
        "SERVING_STOPPED",
        "TRAIN_BATCHES_ENDED",
      ],
      "usage": [
        "ARTIFACT_STORE_NOT_CONFIGURED",
        "ARTIFACT_STORE_UNSUPPORTED",
        "BENCHMARK_DIVERGED",
        "BENCHMARK_SETTING_UNKNOWN",
        "BENCHMARK_SWEEP_EMPTY",
        "BENCHMARK_SYSTEM_UNKNOWN",
        "CLI_OUTPUT_UNWRITABLE",
        "CLI_USAGE",
        "CONFIG_INVALID",
        "CONFIG_UNREADABLE",
        "CONSOLE_KEY_REFUSED",
        "EVENTS_ENCODING_UNKNOWN",
        "EVENTS_SPARK_PATH",
        "EVENTS_TIME_FORMAT",
        "EVENTS_TIME_ZONE",
        "EXPERIMENT_UNKNOWN",
        "FEATURES_RULE_INVALID",
        "HTTP_KEYS_MISSING",
        "INDEX_RECALL_TOO_LOW",
        "INSTALLATION_DAMAGED",
        "INSTALLATION_DIFFERS",
        "KEYS_NAME_TAKEN",
        "KEYS_NAME_UNKNOWN",
        "MODEL_DIVERGED",
        "MODEL_UNKNOWN_VARIANT",
        "MODEL_UNSUPPORTED",
        "PROFILES_URL_INVALID",
        "REFRESH_DAY_INVALID",
        "REQUEST_INVALID",
        "TRAINING_FOLDER_NOT_EMPTY",
        "TRAINING_FOLDER_STALE",
        "TRAIN_OUT_OF_MEMORY",
      ],
    }
  `);
});
