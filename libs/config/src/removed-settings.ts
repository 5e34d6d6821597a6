import type { ConfigProblem } from '@facet/platform';

const dataHealth = 'Set dataHealth.strictness, or turn a check off with dataHealth.ignore.';
const gate = 'Set gate.strictness, or turn a check off with gate.ignore.';
const guardrails = 'Set guardrails.strictness, or turn a metric off with guardrails.ignore.';

/** Settings that earlier versions of `facet.yaml` had, with what to do instead. */
export const removedSettings: Readonly<Record<string, string>> = {
  ...removed(
    'dataHealth',
    'volumeBelow volumeAbove refusedShare duplicateShare lateShare unknownItemShare',
    dataHealth,
  ),
  ...removed('dataHealth', 'unmatchedOutcomeShare suspiciousShare noSleepHours backfillAfterDays', dataHealth),
  'dataHealth.lateAfterMinutes': 'Set dataHealth.strictness: relaxed, or dataHealth.ignore: [late].',
  'gate.olderData': 'Set gate.ignore: [data-age].',
  'gate.usersMax': 'Remove it. The gate samples at most 2,000 users.',
  'gate.lossMax': 'Set gate.strictness, or gate.ignore: [incumbent].',
  'gate.baselineLossMax': 'Set gate.strictness, or gate.ignore: [popularity].',
  'gate.incumbentLossMax': 'Set gate.strictness, or gate.ignore: [incumbent-record].',
  ...removed('gate', 'confidence personalLiftMin coverageLossMax indexRecallMin interestCosineMax overlapMin', gate),
  ...removed('gate', 'effectiveInterestsMin effectiveInterestsLossMax latencyMsMax latencyRatioMax', gate),
  ...removed('gate', 'sizeRatioMax newItemsMax lostItemsMax', gate),
  'interactions.tieSeed': 'Remove it. The seed is always 1.',
  'evaluation.tieSeed': 'Remove it. The seed is always 1.',
  'features.maxSlots': 'Remove it. A feature of an item has at most 10 values.',
  'index.flatItemsMax': 'Remove it, or set index.kind. A catalog of at most 50,000 items is scanned.',
  'popularity.minUsers': 'Remove it. A list has at least 50 users.',
  'refresh.catchUpDaysMax': 'Remove it. At most 7 missed days are refreshed.',
  'refresh.attempts': 'Remove it. A stage has three attempts.',
  'refresh.silentMinutesMax': 'Set refresh.stageHoursMax. A stage has an eighth of it without progress.',
  ...removed('guardrails', 'fallbackShare emptyShare errorShare p99Ms changedShare interestCosine', guardrails),
};

/** Environment variables that earlier versions had, with what to do instead. */
export const removedVariables: Readonly<Record<string, string>> = {
  FACET_DEBUG: 'Unset it. Add --verbose to print stack traces.',
  FACET_INGEST_ACK_SECONDS: 'Unset it. Records that Kafka does not acknowledge within 3 seconds go to the spool.',
  FACET_INGEST_QUEUE_BYTES_MAX: 'Unset it. The queue in memory holds at most 64 MiB.',
  FACET_MILVUS_SEARCH_MS: 'Unset it. A search has 100 ms.',
  FACET_RECALL_SHARE: 'Unset it. One search in a hundred is repeated exactly.',
  FACET_SESSION_HOURS: 'Unset it. A session lasts 12 hours.',
  FACET_SINK_CATALOG_SECONDS: 'Unset it. It is a fifth of FACET_SINK_COMMIT_SECONDS, and at most 3 seconds.',
  FACET_SINK_COMMIT_ROWS: 'Unset it. 200,000 buffered events trigger a commit.',
  FACET_SINK_STALL_SECONDS: 'Unset it. The liveness probe fails after 120 seconds without progress.',
  FACET_SLOW_REQUEST_MS: 'Unset it. Requests slower than 100 ms are logged.',
};

function removed(section: string, names: string, remedy: string): Record<string, string> {
  return Object.fromEntries(names.split(' ').map((name) => [`${section}.${name}`, remedy]));
}

/** Replaces the problem of a removed setting, which the schema does not know, by one that says what to do instead. */
export function explainRemoved(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.map((problem) => {
    const remedy = removedSettings[problem.path.join('.')];
    return remedy === undefined ? problem : { ...problem, problem: 'is no longer a setting', remedy };
  });
}
