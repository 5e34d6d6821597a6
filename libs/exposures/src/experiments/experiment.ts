import { AppError } from '@facet/platform';
import { namePattern } from '@facet/recommendations/settings';
import type { ArmSettings, ExperimentsSettings } from './experiments-settings.ts';

/** What users see for as long as the experiment runs. */
export interface Arm {
  readonly name: string;
  /** In proportion to the sum of all. */
  readonly weight: number;
  readonly settings: ArmSettings;
}

/** What nobody sees. */
export interface ShadowArm {
  readonly name: string;
  /** Of the answers: for which it is computed. */
  readonly share: number;
  readonly settings: ArmSettings;
}

/** A declared experiment. It runs while `from <= now < before`, in epoch milliseconds. */
export interface Experiment {
  readonly name: string;
  readonly from: number;
  readonly before: number;
  /** Of the units: which take part. */
  readonly share: number;
  readonly salt: string;
  /** The control first; none in an experiment that only has shadow arms. */
  readonly arms: readonly Arm[];
  readonly shadow: readonly ShadowArm[];
}

/**
 * The bundles that arms and shadow arms name, of experiments that are not over by a moment (epoch milliseconds): they are, or will
 * be, answered from.
 */
export function bundlesOfExperiments(experiments: readonly Experiment[], moment: number): string[] {
  const declared = experiments.filter(({ before }) => moment < before);
  const named = declared
    .flatMap(({ arms, shadow }) => [...arms, ...shadow])
    .flatMap(({ settings }) => settings.bundle ?? []);
  return [...new Set(named)];
}

export function isRunning({ from, before }: Pick<Experiment, 'from' | 'before'>, now: number): boolean {
  return from <= now && now < before;
}

const isName = new RegExp(namePattern);

/**
 * The declared experiments, checked for what a schema does not say: unique names, at least two arms (or only shadow arms), an
 * end after the beginning, and no two experiments at one time that set the same thing.
 *
 * @param source the file, as errors name it.
 * @throws AppError `CONFIG_INVALID` naming each wrong field.
 */
export function parseExperiments(settings: ExperimentsSettings, source = 'facet.yaml'): Experiment[] {
  const problems: string[] = [];
  const complain = (field: string, complaint: string): void => void problems.push(`experiments.${field}: ${complaint}`);
  const experiments = settings.map((declared, index): Experiment => {
    const momentOf = (field: 'from' | 'to', absent: number): number => {
      const text = declared[field];
      const time = text === undefined ? absent : Date.parse(text);
      if (Number.isNaN(time)) complain(`${index}.${field}`, `${text} is no moment`);
      return time;
    };
    const { name, share, salt = name } = declared;
    const experiment = { name, from: momentOf('from', -Infinity), before: momentOf('to', Infinity), share, salt };
    const arms = Object.entries(declared.arms).map(([arm, { weight, ...given }]) => ({
      name: arm,
      weight,
      settings: given,
    }));
    const shadow = Object.entries(declared.shadow).map(([arm, { share: ofAnswers, ...given }]) => ({
      name: arm,
      share: ofAnswers,
      settings: given,
    }));
    if (experiment.from >= experiment.before) complain(`${index}.to`, `must be after from (${declared.from})`);
    if (arms.length === 1 || (arms.length === 0 && shadow.length === 0)) {
      complain(`${index}.arms`, 'must be two or more, the control first');
    }
    for (const [kind, named] of [['arms', arms] as const, ['shadow', shadow] as const]) {
      for (const { name: arm } of named) {
        if (!isName.test(arm)) complain(`${index}.${kind}.${arm}`, `is no name: it must match ${namePattern}`);
      }
    }
    for (const { name: arm } of shadow) {
      if (Object.hasOwn(declared.arms, arm)) complain(`${index}.shadow.${arm}`, 'an arm has the same name');
    }
    return { ...experiment, arms, shadow };
  });
  experiments.forEach((experiment, index) => {
    for (const other of experiments.slice(0, index)) {
      if (other.name === experiment.name) complain(`${index}.name`, `${experiment.name} is there twice`);
      else if (overlap(other, experiment)) {
        for (const field of fieldsOf(experiment).filter((name) => fieldsOf(other).includes(name))) {
          complain(`${index}.arms`, `${field} is also set by ${other.name}, which runs at the same time`);
        }
      }
    }
  });
  if (problems.length === 0) return experiments;
  throw new AppError(`${source} is not valid: ${problems.join('; ')}.`, {
    code: 'CONFIG_INVALID',
    category: 'usage',
    remedy: `Correct the named fields in ${source}.`,
    context: { source, problems },
  });
}

function overlap(a: Experiment, b: Experiment): boolean {
  return a.from < b.before && b.from < a.before;
}

/** What the arms of an experiment set. */
function fieldsOf({ arms }: Experiment): (keyof ArmSettings)[] {
  return [...new Set(arms.flatMap(({ settings }) => Object.keys(settings) as (keyof ArmSettings)[]))];
}
