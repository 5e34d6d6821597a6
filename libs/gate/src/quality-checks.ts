import type { GateBounds, GateCheckName } from '@facet/config';
import { mean, metricsOf, metricTitle, pairedBootstrap, storedMetric } from '@facet/evaluation';
import type { MetricOf, PairedDifference, RankingEvaluation } from '@facet/evaluation';
import type { Task } from '@facet/stages';
import type { bundleChecks } from './bundle-checks.ts';
import { formatDifference, formatMetric, judge, percent } from './gate-report.ts';
import type { GateCheck } from './gate-report.ts';
import { gateCutoff } from './measure.ts';
import type { MeasuredBundle, MeasuredWindow } from './measure.ts';

/** A measured window with the thresholds of its checks. */
export interface JudgedWindow extends MeasuredWindow {
  readonly bounds: GateBounds;
  /** The metrics that the incumbent stores about its own window, by name. */
  readonly recorded: Readonly<Record<string, number>>;
  readonly isNewestDay: boolean;
}

const tasks = ['new', 'all'] as const;
const metrics = metricsOf('gate');
const taskPhrases: Readonly<Record<Task, string>> = { new: 'on items new to the user', all: 'on all items' };
const bootstrapSeed = 1;
/** Replaces an infinite lift, which JSON cannot represent. */
const liftMax = 1000;

/** The checks of the metrics of a window. Those that compare with the incumbent make no check without one. */
export const qualityChecks = {
  /** Checks that the candidate loses in none of the gate's metrics against the incumbent, on both tasks. */
  incumbent({ candidate, incumbent: rival, bounds }) {
    if (rival === undefined) return [];
    const evaluatedTasks = tasks.filter((task) => candidate.evaluated[task].users > 0);
    return evaluatedTasks.flatMap((task) =>
      metrics.map((metric) => {
        const compared = compareMetric(
          candidate.evaluated[task],
          rival.evaluated[task],
          metric,
          bounds.lossMax,
          bounds,
        );
        const { value, rival: incumbent, phrase, ...rest } = compared;
        const found = `${metricTitle(metric, gateCutoff)} ${taskPhrases[task]} is ${formatMetric(value)}, the incumbent's ${formatMetric(incumbent)}`;
        const name = `${metric}@${gateCutoff} ${task}`;
        return judge({ name, value, incumbent, ...rest, found: `${found}: ${phrase}`, failed: '' });
      }),
    );
  },

  /**
   * Compares NDCG with popularity of the last 30 days: a baseline for a first bundle and for an incumbent that fails in the same way.
   * Passing on one task is enough, because the strength of popularity on each task depends on the shop.
   */
  popularity({ candidate, baseline, bounds, isNewestDay }) {
    const perTask = tasks
      .filter((task) => candidate.evaluated[task].users > 0)
      .map((task) => ({
        task,
        ...compareMetric(candidate.evaluated[task], baseline[task], 'ndcg', bounds.baselineLossMax, bounds),
      }));
    const [best] = perTask.toSorted(
      (a, b) => Number(b.passed) - Number(a.passed) || b.difference.mean - a.difference.mean,
    );
    if (best === undefined) return [];
    const { task, rival, phrase, ...rest } = best;
    const found = `${metricTitle('ndcg', gateCutoff)} ${taskPhrases[task]}${isNewestDay ? ' on the newest day' : ''} is ${formatMetric(rest.value)} against ${formatMetric(rival)} of popularity of the last 30 days`;
    return [judge({ name: nameOf('popularity', isNewestDay), ...rest, found: `${found}: ${phrase}`, failed: '' })];
  },

  /**
   * Checks that rankings fit users' own interactions better than those of other users. Mixed-up data fails this check even if both
   * bundles perform equally badly on it. A model trained on such data fails it, too. Passing on one task is enough, because some
   * shops have only repeats and others none.
   */
  personal({ candidate, incumbent, bounds, isNewestDay }) {
    const { personalLiftMin: threshold } = bounds;
    const perTask = tasks.flatMap((task) => {
      const { own, others } = candidate.personalNdcg[task];
      if (own.length === 0) return [];
      const difference = differenceOf(own, others, bounds);
      const value = liftOf(candidate, task);
      return [{ task, value, difference, passed: value >= threshold && difference.low > 0 }];
    });
    const [best] = perTask.toSorted((a, b) => Number(b.passed) - Number(a.passed) || b.value - a.value);
    if (best === undefined) return [];
    const { task, ...rest } = best;
    const reason = best.difference.low > 0 ? `less than the required ${threshold}` : 'within chance';
    return [
      judge({
        name: nameOf('personal', isNewestDay),
        incumbent: incumbent && liftOf(incumbent, task),
        threshold,
        ...rest,
        found: `The ranking${isNewestDay ? ' on the newest day' : ''} fits users' own interactions ${best.value.toFixed(2)} times as well as those of other users`,
        failed: `, which is ${reason}. The newest data may mix up users and items, or the model has learned nothing about users`,
      }),
    ];
  },

  /** Compares the incumbent with its recorded metrics. If a known good model fails, the data of the window is suspect. */
  'incumbent-record'({ incumbent, recorded, bounds }) {
    if (incumbent === undefined) return [];
    const compared = tasks.flatMap((task) =>
      metrics.flatMap((metric) => {
        const before = recorded[storedMetric(task, metric, gateCutoff)];
        if (before === undefined || before === 0) return [];
        const now = incumbent.evaluated[task].metrics[0]![metric];
        return [{ task, metric, before, now, value: now / before }];
      }),
    );
    const [worst] = compared.toSorted((a, b) => a.value - b.value);
    if (worst === undefined) return [];
    const { value, task, metric, before, now } = worst;
    const threshold = 1 - bounds.incumbentLossMax;
    return [
      judge({
        name: 'incumbent, as recorded',
        value,
        threshold,
        passed: value >= threshold,
        found: `The incumbent's ${metricTitle(metric, gateCutoff)} ${taskPhrases[task]} is ${formatMetric(now)} on this window, and was ${formatMetric(before)} on its own window`,
        failed: '. The newest data may differ from all earlier data',
      }),
    ];
  },

  coverage({ candidate, incumbent: rival, users, oneListCoverage, bounds }) {
    const coverageOf = ({ evaluated }: MeasuredBundle): number => evaluated.all.metrics[0]!.coverage;
    const value = coverageOf(candidate);
    const incumbent = rival && coverageOf(rival);
    const threshold = Math.max(oneListCoverage, (incumbent ?? 0) * (1 - bounds.coverageLossMax));
    const compared =
      incumbent === undefined
        ? `, one list for all users ${percent(oneListCoverage)}`
        : `, those of the incumbent ${percent(incumbent)}`;
    return [
      judge({
        name: `coverage@${gateCutoff}`,
        value,
        incumbent,
        threshold,
        passed: value >= threshold,
        found: `The first ${gateCutoff} items of ${users} users cover ${percent(value)} of the catalog${compared}`,
        failed: `; at least ${percent(threshold)} is required`,
      }),
    ];
  },

  /** Checks whether the interests of users have become identical. */
  'interest-cosine'({ candidate, incumbent, bounds: { interestCosineMax: threshold } }) {
    const { users, meanCosine: value } = candidate.interests.similarity;
    if (users === 0) return [];
    return [
      judge({
        name: 'interest cosine',
        value,
        incumbent: incumbent?.interests.similarity.meanCosine,
        threshold,
        passed: value <= threshold,
        found: `The mean cosine between the interests of a user is ${formatMetric(value)}`,
        failed: `, above ${threshold}: the interests have collapsed`,
      }),
    ];
  },

  /** Checks whether a single interest makes all recommendations. */
  'effective-interests'({ candidate, incumbent: rival, bounds }) {
    const { effectiveInterests: value, meanInterests } = candidate.interests;
    if (meanInterests < 2) return [];
    const incumbent = rival?.interests.effectiveInterests;
    const ofIncumbent = (incumbent ?? 0) * (1 - bounds.effectiveInterestsLossMax);
    const threshold = Math.max(bounds.effectiveInterestsMin, ofIncumbent);
    return [
      judge({
        name: 'effective interests',
        value,
        incumbent,
        threshold,
        passed: value >= threshold,
        found: `The effective number of interests is ${value.toFixed(2)} of ${meanInterests.toFixed(1)}`,
        failed: `; at least ${threshold.toFixed(2)} is required`,
      }),
    ];
  },
} satisfies Record<
  Exclude<GateCheckName, 'data-age' | keyof typeof bundleChecks>,
  (window: JudgedWindow) => readonly GateCheck[]
>;

function nameOf(check: string, isNewestDay: boolean): string {
  return isNewestDay ? `${check}, newest day` : check;
}

function differenceOf(values: Float64Array, rival: Float64Array, { confidence }: GateBounds): PairedDifference {
  return pairedBootstrap(values, rival, { seed: bootstrapSeed, confidence });
}

/** Compares a metric on the same users. A significantly lower value fails, and one that is lower by more than the share `lossMax`. */
function compareMetric(
  candidate: RankingEvaluation,
  other: RankingEvaluation,
  metric: MetricOf<'gate'>,
  lossMax: number,
  bounds: GateBounds,
) {
  const [value, rival] = [candidate.metrics[0]![metric], other.metrics[0]![metric]];
  const difference = differenceOf(candidate.perUser[0]![metric], other.perUser[0]![metric], bounds);
  const threshold = rival * (1 - lossMax);
  const { mean, low, high } = difference;
  const interval = `${Number((100 * bounds.confidence).toFixed(2))} % interval ${formatDifference(low)} to ${formatDifference(high)}`;
  const compared = `${formatMetric(Math.abs(mean))} ${mean < 0 ? 'less' : 'more'} (${interval})`;
  const loss = value < threshold ? `, below the permitted loss of ${percent(lossMax)}` : '';
  const problem = high < 0 ? ', significantly worse' : loss;
  return { value, rival, threshold, passed: problem === '', difference, phrase: `${compared}${problem}` };
}

function liftOf({ personalNdcg }: MeasuredBundle, task: Task): number {
  const ownMean = mean(personalNdcg[task].own);
  const othersMean = mean(personalNdcg[task].others);
  return othersMean === 0 ? (ownMean === 0 ? 1 : liftMax) : Math.min(liftMax, ownMean / othersMean);
}
