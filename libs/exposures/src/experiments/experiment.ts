import { hash } from 'node:crypto';
import { AppError, invalidConfig } from '@facet/platform';
import type { ConfigProblem } from '@facet/platform';
import { ExploreFields, MergeFields, namePattern } from '@facet/recommendations/settings';
import { Type } from 'typebox';
import type { Static, TObject } from 'typebox';

/** A variant that users see while the experiment runs. */
interface Arm {
  readonly name: string;
  /** Relative to the sum of all weights. */
  readonly weight: number;
  readonly settings: ArmSettings;
}

/** A variant that users do not see. */
interface ShadowArm {
  readonly name: string;
  /** Share of responses for which the arm is computed. */
  readonly share: number;
  readonly settings: ArmSettings;
}

/** A declared experiment. It runs while `from <= now < before`, in epoch milliseconds. */
export interface Experiment {
  readonly name: string;
  readonly from: number;
  readonly before: number;
  /** Share of users who participate. */
  readonly share: number;
  readonly salt: string;
  /** The control first; empty if the experiment has only shadow arms. */
  readonly arms: readonly Arm[];
  readonly shadow: readonly ShadowArm[];
}

/**
 * Returns the bundles that arms and shadow arms name in experiments that have not ended.
 *
 * @param moment Epoch milliseconds.
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

/**
 * Returns the declared experiment of a name.
 *
 * @param also The end of the remedy, such as `, and restart the trainer`.
 * @throws AppError `EXPERIMENT_UNKNOWN`.
 */
export function findExperiment(experiments: readonly Experiment[], name: string, also: string): Experiment {
  const found = experiments.find((experiment) => experiment.name === name);
  if (found !== undefined) return found;
  const names = experiments.map((experiment) => experiment.name).join(', ');
  const remedy = names === '' ? 'Declare it under experiments' : `Use one of ${names}, or declare it`;
  throw new AppError(`facet.yaml does not declare the experiment ${name}.`, {
    code: 'EXPERIMENT_UNKNOWN',
    category: 'usage',
    remedy: `${remedy}${also}. Keep ended experiments in the file, with their end as \`to\`.`,
    context: { experiment: name },
  });
}

/** Returns the start and the end of an experiment, in epoch milliseconds; undefined for none. */
export function periodOf({ from, before }: Pick<Experiment, 'from' | 'before'>): {
  readonly from: number | undefined;
  readonly before: number | undefined;
} {
  const finite = (time: number): number | undefined => (Number.isFinite(time) ? time : undefined);
  return { from: finite(from), before: finite(before) };
}

const isName = new RegExp(namePattern);

/**
 * Returns the declared experiments after checks that the schema cannot make: unique names, at least two arms (or only
 * shadow arms), an end after the start, and no two concurrent experiments that set the same field.
 *
 * @param source The file, named in errors.
 * @throws AppError `CONFIG_INVALID` naming each wrong field.
 */
export function parseExperiments(settings: ExperimentsSettings, source = 'facet.yaml'): Experiment[] {
  const problems: ConfigProblem[] = [];
  const report = (index: number, field: string | readonly string[], problem: string, remedy: string): void =>
    void problems.push({ path: ['experiments', String(index), ...[field].flat()], problem, remedy });
  const experiments = settings.map((declared, index): Experiment => {
    const momentOf = (field: 'from' | 'to', absent: number): number => {
      const text = declared[field];
      const time = text === undefined ? absent : Date.parse(text);
      if (Number.isNaN(time)) {
        report(index, field, `${text} is not a valid time`, 'Write 2026-02-01 or 2026-02-01T12:00:00Z.');
      }
      return time;
    };
    const { name, share, salt = name } = declared;
    const experiment = { name, from: momentOf('from', -Infinity), before: momentOf('to', Infinity), share, salt };
    const arms = Object.entries(declared.arms).map(([arm, { weight, ...given }]) => ({
      name: arm,
      weight,
      settings: given,
    }));
    const shadow = Object.entries(declared.shadow).map(([arm, { share: shadowShare, ...given }]) => ({
      name: arm,
      share: shadowShare,
      settings: given,
    }));
    if (experiment.from >= experiment.before) {
      report(index, 'to', `must be after from (${declared.from})`, 'Correct one of the two.');
    }
    if (arms.length === 1 || (arms.length === 0 && shadow.length === 0)) {
      report(
        index,
        'arms',
        'must contain two or more arms, the control first',
        'Add an arm, or remove the experiment.',
      );
    }
    for (const [kind, named] of [['arms', arms] as const, ['shadow', shadow] as const]) {
      for (const { name: arm } of named) {
        if (!isName.test(arm)) report(index, [kind, arm], `must match ${namePattern}`, 'Rename the arm.');
      }
    }
    for (const { name: arm } of shadow) {
      if (Object.hasOwn(declared.arms, arm)) {
        report(index, ['shadow', arm], 'duplicates the name of an arm', 'Rename the shadow arm.');
      }
    }
    return { ...experiment, arms, shadow };
  });
  experiments.forEach((experiment, index) => {
    for (const other of experiments.slice(0, index)) {
      if (other.name === experiment.name) {
        report(index, 'name', `${experiment.name} occurs twice`, 'Rename one of the experiments.');
      } else if (overlap(other, experiment)) {
        for (const field of fieldsOf(experiment).filter((name) => fieldsOf(other).includes(name))) {
          report(
            index,
            'arms',
            `${field} is also set by the concurrent experiment ${other.name}`,
            'Separate the two by from and to, or set the field in one of them only.',
          );
        }
      }
    }
  });
  if (problems.length === 0) return experiments;
  throw invalidConfig(source, problems);
}

function overlap(a: Experiment, b: Experiment): boolean {
  return a.from < b.before && b.from < a.before;
}

/** Returns the settings that the arms of an experiment change. */
function fieldsOf({ arms }: Experiment): (keyof ArmSettings)[] {
  return [...new Set(arms.flatMap(({ settings }) => Object.keys(settings) as (keyof ArmSettings)[]))];
}

/** The arm of a user in each experiment, by the name of the experiment. */
export type Arms = Readonly<Record<string, string>>;

/**
 * Returns the arms of a user at a time.
 *
 * The arm follows from the salt of the experiment and the user id, so it is equal in every process and at every time.
 * Experiments with different salts are independent. A larger `share` keeps earlier participants in their arms; other
 * weights or another order of the arms move some users.
 *
 * @param unitId The user id, which is the unit of randomization. Without an id there is no arm.
 * @param now Epoch milliseconds.
 */
export function assignArms(experiments: readonly Experiment[], unitId: string | undefined, now: number): Arms {
  const arms: Record<string, string> = {};
  if (unitId === undefined) return arms;
  for (const experiment of experiments) {
    if (experiment.arms.length === 0 || !isRunning(experiment, now)) continue;
    const [sharePoint, armPoint] = uniformsOf(experiment.salt, unitId);
    if (sharePoint < experiment.share) arms[experiment.name] = armAt(experiment.arms, armPoint).name;
  }
  return arms;
}

/** Returns the combined settings of a user's arms; empty without arms. */
export function settingsOfArms(experiments: readonly Experiment[], arms: Arms): ArmSettings {
  const chosen = experiments.map(({ name, arms: declared }) => declared.find((arm) => arm.name === arms[name]));
  return Object.assign({}, ...chosen.map((arm) => arm?.settings)) as ArmSettings;
}

/** A shadow arm and its experiment. */
export interface DrawnShadow {
  readonly experiment: string;
  readonly arm: ShadowArm;
}

/** Returns the shadow arms to compute for a response, drawn by its recommendationId. */
export function drawShadows(experiments: readonly Experiment[], recommendationId: string, now: number): DrawnShadow[] {
  return experiments
    .filter((experiment) => isRunning(experiment, now))
    .flatMap(({ name, salt, shadow }) =>
      shadow
        .filter((arm) => uniformOf(`${salt}\0${arm.name}`, recommendationId) < arm.share)
        .map((arm) => ({ experiment: name, arm })),
    );
}

/** Returns the arm at a point in [0, 1) when the arms are laid end to end by weight. */
function armAt(arms: readonly Arm[], point: number): Arm {
  const total = arms.reduce((sum, { weight }) => sum + weight, 0);
  let end = 0;
  for (const arm of arms) {
    end += arm.weight / total;
    if (point < end) return arm;
  }
  // Rounding can leave the sum of the shares slightly below 1.
  return arms.at(-1)!;
}

/**
 * Returns a number in [0, 1) made of the first 48 bits of the SHA-256 of a salt and an id. It is equal on every
 * machine, and independent for different salts.
 */
export function uniformOf(salt: string, id: string): number {
  return uniformsOf(salt, id)[0];
}

/** Returns two such numbers, independent of each other. */
function uniformsOf(salt: string, id: string): readonly [number, number] {
  const digest = hash('sha256', `${salt}\0${id}`, 'hex');
  return [fraction(digest.slice(0, 12)), fraction(digest.slice(12, 24))];
}

function fraction(hex: string): number {
  return Number.parseInt(hex, 16) / 2 ** 48;
}

const strict = { additionalProperties: false };

/** In a record, TypeBox fills the defaults of fields only if their object has a default, too. */
const filled = { ...strict, default: {} };

const Name = Type.String({ pattern: namePattern, description: 'Unique name: lower-case letters, digits, - and _.' });

/** A day or time in UTC: `2026-02-01` or RFC 3339. */
const Moment = (description: string) =>
  Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}(T.*Z)?$', description }));

const Share = (description: string) => Type.Number({ exclusiveMinimum: 0, maximum: 1, default: 1, description });

/** Settings that an arm may change. Others stay as in the file. */
const armFields = {
  bundle: Type.Optional(
    Type.String({
      pattern: '^[0-9a-f]{32}$',
      description: 'Id of the bundle that responds instead of the current one.',
    }),
  ),
  /** Replaces the merge of `serving`; a merge in the request takes precedence. */
  merge: Type.Optional(MergeFields),
  /** Replaces the exploration of `serving`; an exploration in the request takes precedence. */
  explore: Type.Optional(ExploreFields),
  filters: Type.Optional(
    Type.Array(Type.String(), { description: 'Named filters that apply in addition to those of the request.' }),
  ),
  breadth: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_536,
      description: 'Search breadth of the index: efSearch of HNSW, nprobe of IVF.',
    }),
  ),
};

type ArmSettings = Static<TObject<typeof armFields>>;

/**
 * The section `experiments` of `facet.yaml`. `parseExperiments` checks times, names and number of arms;
 * `checkServingSettings` of @facet/recommendations checks whether the settings are feasible.
 */
export const ExperimentsSettings = Type.Array(
  Type.Object(
    {
      name: Name,
      from: Moment('Start, a UTC day or time. Default: no limit.'),
      to: Moment('End, which is exclusive. Default: no limit.'),
      share: Share('Share of users who participate.'),
      salt: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 256,
          pattern: '^[^\\u0000]*$',
          description: 'Determines which user is in which arm; the name by default.',
        }),
      ),
      arms: Type.Record(
        Type.String(),
        Type.Object(
          {
            weight: Type.Number({
              exclusiveMinimum: 0,
              default: 1,
              description: 'Relative to the sum of all weights.',
            }),
            ...armFields,
          },
          filled,
        ),
        { default: {}, description: 'The first is the control.' },
      ),
      shadow: Type.Record(
        Type.String(),
        Type.Object({ share: Share('Share of responses for which the arm is computed.'), ...armFields }, filled),
        {
          default: {},
          description:
            'Arms that users do not see: for a share of responses, the response of the arm is computed and logged.',
        },
      ),
    },
    strict,
  ),
  { default: [], description: 'Different settings for some users.' },
);
export type ExperimentsSettings = Static<typeof ExperimentsSettings>;
