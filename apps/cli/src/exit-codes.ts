import { AppError, isAppError } from '@facet/platform/errors';

/** What a script can tell from how `facet` ended; docs/configuration.md has the table. */
export const exitCodes = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  badInput: 3,
  badArtifact: 4,
  service: 5,
  rejected: 6,
  interrupted: 130,
} as const;

const codeOfError: Readonly<Record<string, number>> = {
  BENCHMARK_DIVERGED: exitCodes.usage,
  BENCHMARK_SETTING_UNKNOWN: exitCodes.usage,
  BENCHMARK_SWEEP_EMPTY: exitCodes.usage,
  BENCHMARK_SYSTEM_UNKNOWN: exitCodes.usage,
  CONFIG_INVALID: exitCodes.usage,
  CONFIG_UNREADABLE: exitCodes.usage,
  CLI_USAGE: exitCodes.usage,
  HTTP_KEYS_MISSING: exitCodes.usage,
  KEYS_NAME_TAKEN: exitCodes.usage,
  PROFILES_URL_INVALID: exitCodes.usage,
  EXPERIMENT_UNKNOWN: exitCodes.usage,
  FEATURES_RULE_INVALID: exitCodes.usage,
  MODEL_UNKNOWN_VARIANT: exitCodes.usage,
  MODEL_UNSUPPORTED: exitCodes.usage,
  MODEL_DIVERGED: exitCodes.usage,
  TRAIN_OUT_OF_MEMORY: exitCodes.usage,
  INDEX_RECALL_TOO_LOW: exitCodes.usage,
  EVENTS_TIME_FORMAT: exitCodes.usage,
  EVENTS_TIME_ZONE: exitCodes.usage,

  BENCHMARK_DATA_UNKNOWN: exitCodes.badInput,
  BENCHMARK_NO_TIMES: exitCodes.badInput,
  BENCHMARK_SEQUENCES_INVALID: exitCodes.badInput,
  BENCHMARK_TOO_SHORT: exitCodes.badInput,
  EVENTS_CODEC_UNSUPPORTED: exitCodes.badInput,
  EVENTS_COLUMN_MISSING: exitCodes.badInput,
  EVENTS_DEAD_LETTER_UNKNOWN: exitCodes.badInput,
  EVENTS_DAY_BAD: exitCodes.badInput,
  EVENTS_ERASURE_OPEN: exitCodes.badInput,
  EVENTS_FILE_DAMAGED: exitCodes.badInput,
  EVENTS_FILE_EMPTY: exitCodes.badInput,
  EVENTS_FILE_NOT_TEXT: exitCodes.badInput,
  EVENTS_FILE_UNREADABLE: exitCodes.badInput,
  EVENTS_FORMAT_UNKNOWN: exitCodes.badInput,
  EVENTS_HEADER_AMBIGUOUS: exitCodes.badInput,
  EVENTS_JSON_ARRAY: exitCodes.badInput,
  EVENTS_MOSTLY_REFUSED: exitCodes.badInput,
  EVENTS_NONE: exitCodes.badInput,
  EVENTS_NOTHING_USABLE: exitCodes.badInput,
  EVENTS_REBUILD_INCOMPLETE: exitCodes.badInput,
  EVENTS_RECORD_REFUSED: exitCodes.badInput,
  EVENTS_RECORD_TOO_LARGE: exitCodes.badInput,
  REPLAY_UNKNOWN: exitCodes.badInput,
  REPLAY_NOT_SAMPLED: exitCodes.badInput,
  REPLAY_DIFFERS: exitCodes.badInput,
  EXPERIMENT_NO_EXPOSURES: exitCodes.badInput,
  EXPERIMENT_SAMPLE_RATIO: exitCodes.badInput,
  DATASET_NO_POSITIVES: exitCodes.badInput,
  DATASET_EMPTY_WINDOW: exitCodes.badInput,
  FEATURES_TOO_FEW_MOMENTS: exitCodes.badInput,
  MODEL_NO_EXAMPLES: exitCodes.badInput,
  EVALUATION_NO_USERS: exitCodes.badInput,
  REFRESH_DAY_INVALID: exitCodes.usage,
  REFRESH_DAY_NOT_OVER: exitCodes.badInput,
  REFRESH_DAY_SUPERSEDED: exitCodes.badInput,
  REFRESH_REJECTED: exitCodes.rejected,
  REFRESH_RUN_UNKNOWN: exitCodes.badInput,
  REFRESH_RUN_DAMAGED: exitCodes.badArtifact,
  REFRESH_BUSY: exitCodes.service,
  REFRESH_CANCELLED: exitCodes.service,
  REFRESH_CHILD_DIED: exitCodes.service,
  REFRESH_FAILED: exitCodes.service,
  REFRESH_QUEUE_UNREACHABLE: exitCodes.service,

  ARTIFACT_CORRUPT: exitCodes.badArtifact,
  ARTIFACT_INVALID: exitCodes.badArtifact,
  ARTIFACT_NOT_FOUND: exitCodes.badArtifact,
  REPLAY_BUNDLE_GONE: exitCodes.badArtifact,
  ARTIFACT_NO_PREVIOUS: exitCodes.badArtifact,
  BUNDLE_DRIFTED: exitCodes.badArtifact,
  BUNDLE_INVALID: exitCodes.badArtifact,
  BUNDLE_NONE_CURRENT: exitCodes.badArtifact,
  BUNDLE_TOO_LARGE: exitCodes.badInput,
  DATASET_INVALID: exitCodes.badArtifact,
  MODEL_OUTDATED: exitCodes.badArtifact,
  DATASET_NOT_REPRODUCED: exitCodes.badArtifact,
  DELTA_INVALID: exitCodes.badArtifact,
  EVENTS_CATALOG_DAMAGED: exitCodes.badArtifact,
  EVENTS_LAKE_DAMAGED: exitCodes.badArtifact,
  EVENTS_LOG_DAMAGED: exitCodes.badArtifact,
  EVENTS_LOG_TRUNCATED: exitCodes.badArtifact,
  RETRIEVAL_INDEX_UNREADABLE: exitCodes.badArtifact,
  SERVING_NO_BUNDLE: exitCodes.badArtifact,

  CLI_COLLECTOR_UNUSABLE: exitCodes.service,
  CLI_SINK_RUNNING: exitCodes.service,
  DOWNLOAD_FAILED: exitCodes.service,
  EVENTS_LAKE_BUSY: exitCodes.service,
  EVENTS_LAKE_SNAPSHOT_EXPIRED: exitCodes.service,
  EVENTS_LAKE_SUPERSEDED: exitCodes.service,
  EVENTS_LAKE_UNWRITABLE: exitCodes.service,
  EVENTS_LOG_BUSY: exitCodes.service,
  EVENTS_LOG_LOCKED: exitCodes.service,
  EVENTS_LOG_UNREACHABLE: exitCodes.service,
  EVENTS_LOG_UNWRITABLE: exitCodes.service,
  EVENTS_TOPIC_UNKNOWN: exitCodes.service,
  HTTP_ADDRESS_UNUSABLE: exitCodes.service,
  PROFILES_REFUSED: exitCodes.service,
  PROFILES_UNREACHABLE: exitCodes.service,
  PROMOTION_CURRENT_CHANGED: exitCodes.service,
  PROMOTION_SUPERSEDED: exitCodes.service,
  RETRIEVAL_INDEX_UNWRITABLE: exitCodes.service,
  SERVING_STOPPED: exitCodes.service,

  GATE_REJECTED: exitCodes.rejected,
};

/** The exit code for a command that ended with `error`. */
export function exitCodeOf(error: unknown): number {
  return isAppError(error) ? (codeOfError[error.code] ?? exitCodes.unexpected) : exitCodes.unexpected;
}

const remedyOfSystemError: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full. Free some space and run the same command again: finished stages are kept.',
  EDQUOT: 'The quota of the disk is used up. Free some space and run the same command again: finished stages are kept.',
  EACCES: 'Change the permissions, or choose another folder with --home or FACET_CACHE_DIR.',
  EPERM: 'Change the permissions, or choose another folder with --home.',
  ENOTDIR: 'A file stands where a folder is needed. Choose another folder with --home or FACET_CACHE_DIR.',
  EROFS: 'The file system is read-only. Choose another folder with --home.',
  EMFILE: 'Too many files are open. Raise the limit: ulimit -n 4096.',
};

/** Gives an error of the operating system, wherever it stands in the chain of causes, a remedy. Others stay as they are. */
export function explainSystemError(error: unknown): unknown {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const { code, path } = cause as NodeJS.ErrnoException;
    const remedy = code === undefined ? undefined : remedyOfSystemError[code];
    if (remedy === undefined) continue;
    // An error of ours that already says what to do names the thing better than the system does.
    if (isAppError(error) && error.remedy !== undefined && code !== 'ENOSPC') return error;
    const what = isAppError(error) ? error.message : `${path ?? 'A file'} cannot be used: ${cause.message}.`;
    return new AppError(what, { code: `SYSTEM_${code}`, remedy, retryable: true, cause: error });
  }
  return error;
}
