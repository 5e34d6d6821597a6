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
  ...removed('guardrails', 'fallbackShare emptyShare errorShare p99Ms changedShare interestCosine', guardrails),
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
