import { mean, pairedBootstrap } from '@facet/evaluation';
import type { PairedDifference } from '@facet/evaluation';
import type { Task } from '../evaluation/tasks.ts';
import { formatDifference, formatMetric, percent } from './gate-report.ts';
import type { GateCheck } from './gate-report.ts';
import type { GateBounds } from '@facet/config';
import { gateCutoff } from './measure.ts';
import type { MeasuredBundle, MeasuredWindow } from './measure.ts';

const tasks = ['new', 'all'] as const;
const metrics = ['hitRate', 'ndcg'] as const;
type Metric = (typeof metrics)[number];

const metricTitles: Readonly<Record<Metric, string>> = {
  hitRate: `HitRate@${gateCutoff}`,
  ndcg: `NDCG@${gateCutoff}`,
};
const taskPhrases: Readonly<Record<Task, string>> = { new: 'on items new to the user', all: 'on all items' };
const bootstrapSeed = 1;
/** Replaces an infinite lift, which JSON cannot represent. */
const liftMax = 1000;

/** Checks that the candidate loses neither HitRate nor NDCG against the incumbent, on both tasks. */
export function incumbentChecks({ candidate, incumbent }: MeasuredWindow, bounds: GateBounds): GateCheck[] {
  const { lossMax } = bounds;
  if (incumbent === undefined) return [];
  const evaluatedTasks = tasks.filter((task) => candidate.evaluated[task].users > 0);
  return evaluatedTasks.flatMap((task) =>
    metrics.map((metric) => lossCheck({ task, metric, candidate, rival: incumbent, lossMax }, bounds)),
  );
}

function lossCheck(
  compared: {
    readonly task: Task;
    readonly metric: Metric;
    readonly candidate: MeasuredBundle;
    readonly rival: MeasuredBundle;
    readonly lossMax: number;
  },
  bounds: GateBounds,
): GateCheck {
  const { task, metric, candidate, rival, lossMax } = compared;
  const [value, incumbent] = [candidate, rival].map(({ evaluated }) => evaluated[task].metrics[0]![metric]);
  const difference = differenceOf(
    candidate.evaluated[task].perUser[0]![metric],
    rival.evaluated[task].perUser[0]![metric],
    bounds,
  );
  const threshold = incumbent! * (1 - lossMax);
  const outcome = checkLoss(value!, threshold, difference, lossMax, bounds);
  const found = `${metricTitles[metric]} ${taskPhrases[task]} is ${formatMetric(value!)}, the incumbent's ${formatMetric(incumbent!)}`;
  return {
    name: `${metric === 'ndcg' ? 'ndcg' : 'hitRate'}@${gateCutoff} ${task}`,
    value: value!,
    incumbent: incumbent!,
    threshold,
    passed: outcome.passed,
    sentence: `${found}: ${outcome.phrase}.`,
    difference,
  };
}

/**
 * Compares NDCG with popularity of the last 30 days: a baseline for a first bundle and for an incumbent that fails in the same way.
 * Passing on one task is enough, because the strength of popularity on each task depends on the shop.
 */
export function baselineCheck(measured: MeasuredWindow, bounds: GateBounds, when = ''): GateCheck[] {
  const { baselineLossMax } = bounds;
  const perTask = tasks.flatMap((task) => {
    const evaluated = measured.candidate.evaluated[task];
    if (evaluated.users === 0) return [];
    const [value, baseline] = [evaluated, measured.baseline[task]].map(({ metrics: [at] }) => at!.ndcg);
    const difference = differenceOf(evaluated.perUser[0]!.ndcg, measured.baseline[task].perUser[0]!.ndcg, bounds);
    const threshold = baseline! * (1 - baselineLossMax);
    const outcome = checkLoss(value!, threshold, difference, baselineLossMax, bounds);
    return [{ task, value: value!, baseline: baseline!, threshold, difference, ...outcome }];
  });
  const best = perTask.toSorted(
    (a, b) => Number(b.passed) - Number(a.passed) || b.difference.mean - a.difference.mean,
  )[0];
  if (best === undefined) return [];
  const found = `NDCG@${gateCutoff} ${taskPhrases[best.task]}${when} is ${formatMetric(best.value)} against ${formatMetric(best.baseline)} of popularity of the last 30 days`;
  return [
    {
      name: `popularity${when === '' ? '' : ', newest day'}`,
      value: best.value,
      incumbent: null,
      threshold: best.threshold,
      passed: best.passed,
      sentence: `${found}: ${best.phrase}.`,
      difference: best.difference,
    },
  ];
}

/**
 * Checks that rankings fit users' own interactions better than those of other users. Mixed-up data fails this check even if both
 * bundles perform equally badly on it. A model trained on such data fails it, too. Passing on one task is enough, because some
 * shops have only repeats and others none.
 */
export function personalCheck({ candidate, incumbent }: MeasuredWindow, bounds: GateBounds, when = ''): GateCheck[] {
  const { personalLiftMin } = bounds;
  const perTask = tasks.flatMap((task) => {
    const { own, others } = candidate.personalNdcg[task];
    if (own.length === 0) return [];
    const difference = differenceOf(own, others, bounds);
    const lift = liftOf(candidate, task);
    return [{ task, lift, difference, passed: lift >= personalLiftMin && difference.low > 0 }];
  });
  const best = perTask.toSorted((a, b) => Number(b.passed) - Number(a.passed) || b.lift - a.lift)[0];
  if (best === undefined) return [];
  const found = `The ranking${when} fits users' own interactions ${best.lift.toFixed(2)} times as well as those of other users`;
  const why = best.passed
    ? ''
    : `, which is ${best.difference.low > 0 ? `less than the required ${personalLiftMin}` : 'within chance'}. The newest data may mix up users and items, or the model has learned nothing about users`;
  return [
    {
      name: `personal${when === '' ? '' : ', newest day'}`,
      value: best.lift,
      incumbent: incumbent === undefined ? null : liftOf(incumbent, best.task),
      threshold: personalLiftMin,
      passed: best.passed,
      sentence: `${found}${why}.`,
      difference: best.difference,
    },
  ];
}

/** Compares the incumbent with its recorded metrics. If a known good model fails, the data of the window is suspect. */
export function recordCheck(
  { incumbent }: MeasuredWindow,
  recorded: Readonly<Record<string, number>>,
  bounds: GateBounds,
): GateCheck[] {
  const { incumbentLossMax } = bounds;
  if (incumbent === undefined) return [];
  const compared = tasks.flatMap((task) =>
    metrics.flatMap((metric) => {
      const before = recorded[`${task}.${metric}@${gateCutoff}`];
      if (before === undefined || before === 0) return [];
      return [{ task, metric, before, now: incumbent.evaluated[task].metrics[0]![metric] }];
    }),
  );
  const worst = compared.toSorted((a, b) => a.now / a.before - b.now / b.before)[0];
  if (worst === undefined) return [];
  const value = worst.now / worst.before;
  const threshold = 1 - incumbentLossMax;
  const passed = value >= threshold;
  const found = `The incumbent's ${metricTitles[worst.metric]} ${taskPhrases[worst.task]} is ${formatMetric(worst.now)} on this window, and was ${formatMetric(worst.before)} on its own window`;
  return [
    {
      name: 'incumbent, as recorded',
      value,
      incumbent: null,
      threshold,
      passed,
      sentence: passed ? `${found}.` : `${found}. The newest data may differ from all earlier data.`,
    },
  ];
}

export function coverageCheck(measured: MeasuredWindow, bounds: GateBounds): GateCheck[] {
  const { coverageLossMax } = bounds;
  const coverageOf = ({ evaluated }: MeasuredBundle): number => evaluated.all.metrics[0]!.coverage;
  const value = coverageOf(measured.candidate);
  const incumbent = measured.incumbent === undefined ? null : coverageOf(measured.incumbent);
  const { oneListCoverage } = measured;
  const threshold = Math.max(oneListCoverage, (incumbent ?? 0) * (1 - coverageLossMax));
  const passed = value >= threshold;
  const found = `The first ${gateCutoff} items of ${measured.users} users cover ${percent(value)} of the catalog`;
  const compared =
    incumbent === null
      ? `, one list for all users ${percent(oneListCoverage)}`
      : `, those of the incumbent ${percent(incumbent)}`;
  return [
    {
      name: `coverage@${gateCutoff}`,
      value,
      incumbent,
      threshold,
      passed,
      sentence: `${found}${compared}${passed ? '' : `; at least ${percent(threshold)} is required`}.`,
    },
  ];
}

/** Checks whether the interests of users have become identical. */
export function interestCosineCheck(
  { candidate, incumbent }: MeasuredWindow,
  { interestCosineMax }: GateBounds,
): GateCheck[] {
  const { similarity } = candidate.interests;
  if (similarity.users === 0) return [];
  const { meanCosine } = similarity;
  const passed = meanCosine <= interestCosineMax;
  return [
    {
      name: 'interest cosine',
      value: meanCosine,
      incumbent: incumbent?.interests.similarity.meanCosine ?? null,
      threshold: interestCosineMax,
      passed,
      sentence: `The mean cosine between the interests of a user is ${formatMetric(meanCosine)}${passed ? '' : `, above ${interestCosineMax}: the interests have collapsed`}.`,
    },
  ];
}

/** Checks whether a single interest makes all recommendations. */
export function effectiveInterestsCheck(
  { candidate, incumbent }: MeasuredWindow,
  { effectiveInterestsMin, effectiveInterestsLossMax }: GateBounds,
): GateCheck[] {
  const { effectiveInterests, meanInterests } = candidate.interests;
  if (meanInterests < 2) return [];
  const ofIncumbent = (incumbent?.interests.effectiveInterests ?? 0) * (1 - effectiveInterestsLossMax);
  const threshold = Math.max(effectiveInterestsMin, ofIncumbent);
  const passed = effectiveInterests >= threshold;
  return [
    {
      name: 'effective interests',
      value: effectiveInterests,
      incumbent: incumbent?.interests.effectiveInterests ?? null,
      threshold,
      passed,
      sentence: `The effective number of interests is ${effectiveInterests.toFixed(2)} of ${meanInterests.toFixed(1)}${passed ? '' : `; at least ${threshold.toFixed(2)} is required`}.`,
    },
  ];
}

function differenceOf(values: Float64Array, rival: Float64Array, { confidence }: GateBounds): PairedDifference {
  return pairedBootstrap(values, rival, { seed: bootstrapSeed, confidence });
}

function checkLoss(
  value: number,
  threshold: number,
  difference: PairedDifference,
  lossMax: number,
  { confidence }: GateBounds,
): { passed: boolean; phrase: string } {
  const { mean, low, high } = difference;
  const interval = `${Number((100 * confidence).toFixed(2))} % interval ${formatDifference(low)} to ${formatDifference(high)}`;
  const phrase = `${formatMetric(Math.abs(mean))} ${mean < 0 ? 'less' : 'more'} (${interval})`;
  if (high < 0) return { passed: false, phrase: `${phrase}, significantly worse` };
  if (value < threshold) {
    return { passed: false, phrase: `${phrase}, below the permitted loss of ${percent(lossMax)}` };
  }
  return { passed: true, phrase };
}

function liftOf({ personalNdcg }: MeasuredBundle, task: Task): number {
  const ownMean = mean(personalNdcg[task].own);
  const othersMean = mean(personalNdcg[task].others);
  return othersMean === 0 ? (ownMean === 0 ? 1 : liftMax) : Math.min(liftMax, ownMean / othersMean);
}
