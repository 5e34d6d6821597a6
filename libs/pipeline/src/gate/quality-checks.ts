import { pairedBootstrap } from '@facet/evaluation';
import type { PairedDifference } from '@facet/evaluation';
import type { Task } from '../evaluation/tasks.ts';
import { figure, percent, signed } from './gate-report.ts';
import type { GateCheck } from './gate-report.ts';
import type { GateSettings } from '@facet/config';
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
/** Where other users' choices are never met, the lift would be infinite, which JSON cannot hold. */
const liftMax = 1000;

/** What the candidate must not lose against the incumbent: HitRate and NDCG on both tasks, and coverage. */
export function incumbentChecks({ candidate, incumbent }: MeasuredWindow, settings: GateSettings): GateCheck[] {
  const { lossMax } = settings;
  if (incumbent === undefined || lossMax === false) return [];
  const asked = tasks.filter((task) => candidate.evaluated[task].users > 0);
  return asked.flatMap((task) =>
    metrics.map((metric) => lossCheck({ task, metric, candidate, rival: incumbent, lossMax }, settings)),
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
  settings: GateSettings,
): GateCheck {
  const { task, metric, candidate, rival, lossMax } = compared;
  const [value, incumbent] = [candidate, rival].map(({ evaluated }) => evaluated[task].metrics[0]![metric]);
  const difference = differenceOf(
    candidate.evaluated[task].perUser[0]![metric],
    rival.evaluated[task].perUser[0]![metric],
    settings,
  );
  const threshold = incumbent! * (1 - lossMax);
  const outcome = judgeLoss(value!, threshold, difference, lossMax, settings);
  const found = `${metricTitles[metric]} ${taskPhrases[task]} is ${figure(value!)}, the incumbent's ${figure(incumbent!)}`;
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
 * NDCG against popularity of the last 30 days, so that a first bundle is measured by something, and so is one whose
 * incumbent does as badly. One task is enough: which of the two popularity is good at depends on the shop.
 */
export function baselineCheck(measured: MeasuredWindow, settings: GateSettings, when = ''): GateCheck[] {
  const { baselineLossMax } = settings;
  if (baselineLossMax === false) return [];
  const perTask = tasks.flatMap((task) => {
    const evaluated = measured.candidate.evaluated[task];
    if (evaluated.users === 0) return [];
    const [value, baseline] = [evaluated, measured.baseline[task]].map(({ metrics: [at] }) => at!.ndcg);
    const difference = differenceOf(evaluated.perUser[0]!.ndcg, measured.baseline[task].perUser[0]!.ndcg, settings);
    const threshold = baseline! * (1 - baselineLossMax);
    const outcome = judgeLoss(value!, threshold, difference, baselineLossMax, settings);
    return [{ task, value: value!, baseline: baseline!, threshold, difference, ...outcome }];
  });
  const best = perTask.toSorted(
    (a, b) => Number(b.passed) - Number(a.passed) || b.difference.mean - a.difference.mean,
  )[0];
  if (best === undefined) return [];
  const found = `NDCG@${gateCutoff} ${taskPhrases[best.task]}${when} is ${figure(best.value)}, that of popularity of the last 30 days ${figure(best.baseline)}`;
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
 * Whether users' choices fit their own histories better than those of others. Data whose users and items were mixed up
 * fails here though both models do equally badly on it, and so does a model that was trained on such data. One task is
 * enough, since some shops know only repeats and others none.
 */
export function personalCheck(
  { candidate, incumbent }: MeasuredWindow,
  settings: GateSettings,
  when = '',
): GateCheck[] {
  const { personalLiftMin } = settings;
  if (personalLiftMin === false) return [];
  const perTask = tasks.flatMap((task) => {
    const { own, others } = candidate.own[task];
    if (own.length === 0) return [];
    const difference = differenceOf(own, others, settings);
    const lift = liftOf(candidate, task);
    return [{ task, lift, difference, passed: lift >= personalLiftMin && difference.low > 0 }];
  });
  const best = perTask.toSorted((a, b) => Number(b.passed) - Number(a.passed) || b.lift - a.lift)[0];
  if (best === undefined) return [];
  const found = `The ranking${when} fits a user's own choices ${best.lift.toFixed(2)} times as well as those of other users`;
  const why = best.passed
    ? ''
    : `, which is ${best.difference.low > 0 ? 'too little' : 'no more than chance'}: users and items of the newest data look mixed up, or the model knows nothing of users`;
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

/** How far the incumbent fell from what was recorded in it: a window that a known good model fails on is suspicious itself. */
export function recordCheck(
  { incumbent }: MeasuredWindow,
  recorded: Readonly<Record<string, number>>,
  settings: GateSettings,
): GateCheck[] {
  const { incumbentLossMax } = settings;
  if (incumbent === undefined || incumbentLossMax === false) return [];
  const kept = tasks.flatMap((task) =>
    metrics.flatMap((metric) => {
      const before = recorded[`${task}.${metric}@${gateCutoff}`];
      if (before === undefined || before === 0) return [];
      return [{ task, metric, before, now: incumbent.evaluated[task].metrics[0]![metric] }];
    }),
  );
  const worst = kept.toSorted((a, b) => a.now / a.before - b.now / b.before)[0];
  if (worst === undefined) return [];
  const value = worst.now / worst.before;
  const threshold = 1 - incumbentLossMax;
  const passed = value >= threshold;
  const found = `The incumbent's ${metricTitles[worst.metric]} ${taskPhrases[worst.task]} is ${figure(worst.now)} on this window and was ${figure(worst.before)} on its own`;
  return [
    {
      name: 'incumbent, as recorded',
      value,
      incumbent: null,
      threshold,
      passed,
      sentence: passed ? `${found}.` : `${found}: the newest data looks unlike any before.`,
    },
  ];
}

export function coverageCheck(measured: MeasuredWindow, settings: GateSettings): GateCheck[] {
  const { coverageLossMax } = settings;
  if (coverageLossMax === false) return [];
  const coverageOf = ({ evaluated }: MeasuredBundle): number => evaluated.all.metrics[0]!.coverage;
  const value = coverageOf(measured.candidate);
  const incumbent = measured.incumbent === undefined ? null : coverageOf(measured.incumbent);
  const same = measured.baseline.all.metrics[0]!.coverage;
  const threshold = Math.max(same, (incumbent ?? 0) * (1 - coverageLossMax));
  const passed = value >= threshold;
  const found = `The first ${gateCutoff} items of ${measured.users} users hold ${percent(value)} of the catalog`;
  const compared =
    incumbent === null
      ? `; the same list for everybody would hold ${percent(same)}`
      : `, those of the incumbent ${percent(incumbent)}`;
  return [
    {
      name: `coverage@${gateCutoff}`,
      value,
      incumbent,
      threshold,
      passed,
      sentence: `${found}${compared}${passed ? '' : `: at least ${percent(threshold)} are asked for`}.`,
    },
  ];
}

/** The two figures that show interests which have become one. */
export function interestChecks({ candidate, incumbent }: MeasuredWindow, settings: GateSettings): GateCheck[] {
  const { interestCosineMax, effectiveInterestsMin, effectiveInterestsLossMax } = settings;
  const checks: GateCheck[] = [];
  const { similarity, effectiveInterests, meanInterests } = candidate.interests;
  if (interestCosineMax !== false && similarity.users > 0) {
    const { meanCosine } = similarity;
    const passed = meanCosine <= interestCosineMax;
    checks.push({
      name: 'interest cosine',
      value: meanCosine,
      incumbent: incumbent?.interests.similarity.meanCosine ?? null,
      threshold: interestCosineMax,
      passed,
      sentence: `The interests of a user have a mean cosine of ${figure(meanCosine)}${passed ? '' : `, more than ${interestCosineMax}: they have collapsed into one`}.`,
    });
  }
  const minimum = Math.max(
    effectiveInterestsMin === false ? 0 : effectiveInterestsMin,
    effectiveInterestsLossMax === false || incumbent === undefined
      ? 0
      : incumbent.interests.effectiveInterests * (1 - effectiveInterestsLossMax),
  );
  if (minimum > 0 && meanInterests >= 2) {
    const passed = effectiveInterests >= minimum;
    checks.push({
      name: 'effective interests',
      value: effectiveInterests,
      incumbent: incumbent?.interests.effectiveInterests ?? null,
      threshold: minimum,
      passed,
      sentence: `${effectiveInterests.toFixed(2)} of ${meanInterests.toFixed(1)} interests share the choices of the window${passed ? '' : `: at least ${minimum.toFixed(2)} are asked for`}.`,
    });
  }
  return checks;
}

function differenceOf(values: Float64Array, rival: Float64Array, { confidence }: GateSettings): PairedDifference {
  return pairedBootstrap(values, rival, { seed: bootstrapSeed, confidence });
}

function judgeLoss(
  value: number,
  threshold: number,
  difference: PairedDifference,
  lossMax: number,
  { confidence }: GateSettings,
): { passed: boolean; phrase: string } {
  const { mean, low, high } = difference;
  const interval = `${Number((100 * confidence).toFixed(2))} % interval ${signed(low)} to ${signed(high)}`;
  const phrase = `${figure(Math.abs(mean))} ${mean < 0 ? 'less' : 'more'} (${interval})`;
  if (high < 0) return { passed: false, phrase: `${phrase}, significantly worse` };
  if (value < threshold) {
    return { passed: false, phrase: `${phrase}, more than the ${percent(lossMax)} that may be lost` };
  }
  return { passed: true, phrase };
}

function liftOf({ own }: MeasuredBundle, task: Task): number {
  const [mine, theirs] = [mean(own[task].own), mean(own[task].others)];
  return theirs === 0 ? (mine === 0 ? 1 : liftMax) : Math.min(liftMax, mine / theirs);
}

function mean(values: Float64Array): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
