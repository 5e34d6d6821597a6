import { parseExperiments } from '@facet/exposures';
import { parsePositiveClauses } from '@facet/features';
import { findMappingProblems } from '@facet/import/mapping-problems';
import { sparkSettings } from '@facet/lake/run-spark';
import { activeInterestCount, modelVariant } from '@facet/model';
import type { ModelConfig } from '@facet/model';
import { problemsOf, suggestName } from '@facet/platform';
import type { ConfigProblem, FieldPath } from '@facet/platform';
import { isTimeZone } from '@facet/platform/time-zone';
import { checkServingSettings } from '@facet/recommendations/settings';
import type { MergeFields } from '@facet/recommendations/settings';
import { isEventType, standardEventTypes } from '@facet/schemas';
import { CronExpressionParser } from 'cron-parser';
import type { FacetConfig } from '../facet-config.ts';
import { resolveModel } from '../resolve-model.ts';

/**
 * Returns the contradictions of a configuration whose fields are valid one by one: settings that would fail every run or every
 * request, or that cannot have an effect. Needs no other file.
 *
 * @param now epoch milliseconds: experiments that ended before need no arms that work
 */
export function findContradictions(config: FacetConfig, now: number): ConfigProblem[] {
  return [
    ...findEventTypeProblems(config),
    ...findMappingProblems(config.mapping ?? {}),
    ...findTimeProblems(config),
    ...findSplitProblems(config.split),
    ...findSparkProblems(config.dataset),
    ...findModelProblems(config, now),
    ...findExperimentProblems(config, now),
  ];
}

/** Every event type that a setting names must be declared. */
function findEventTypeProblems(config: FacetConfig): ConfigProblem[] {
  const { interactions, eventTypes, mapping, serving } = config;
  const positives = ['interactions', 'positives'];
  let clauses: ReturnType<typeof parsePositiveClauses> = [];
  const problems = problemsOf(() => (clauses = parsePositiveClauses(interactions.positives)), positives);
  const { excludeSeen } = serving;
  const seenTypes = typeof excludeSeen === 'object' ? (excludeSeen.types ?? []) : [];
  const named: readonly (readonly [FieldPath, string | undefined])[] = [
    ...clauses.map(({ type }) => [positives, type] as const),
    [['mapping', 'defaultType'], mapping?.defaultType],
    ...Object.entries(mapping?.typeNames ?? {}).map(([name, type]) => [['mapping', 'typeNames', name], type] as const),
    ...seenTypes.map((type, index) => [['serving', 'excludeSeen', 'types', String(index)], type] as const),
  ];
  for (const [path, type] of named) {
    if (type === undefined || isEventType(type, eventTypes)) continue;
    problems.push({
      path,
      problem: `${type} is not a declared event type`,
      remedy: `${suggestName(type, [...standardEventTypes, ...eventTypes])}Correct it, or add ${type} to eventTypes.`,
    });
  }
  return problems;
}

/** Time zones must exist, and the schedule of refreshes must be a cron pattern. */
function findTimeProblems({ refresh, mapping }: Pick<FacetConfig, 'refresh' | 'mapping'>): ConfigProblem[] {
  const zones = [
    { path: ['refresh', 'timeZone'], zone: refresh.timeZone },
    { path: ['mapping', 'timeZone'], zone: mapping?.timeZone ?? 'UTC' },
  ].filter(({ zone }) => !isTimeZone(zone));
  const cronFault = findCronFault(refresh.cron);
  return [
    ...zones.map(({ path, zone }) => ({
      path,
      problem: `"${zone}" is not a time zone`,
      remedy: `${suggestName(zone, Intl.supportedValuesOf('timeZone'))}Use an IANA name such as Europe/Berlin.`,
    })),
    ...(cronFault === undefined
      ? []
      : [
          {
            path: ['refresh', 'cron'],
            problem: `"${refresh.cron}" is not a schedule: ${cronFault}`,
            remedy: 'Write a cron pattern such as "30 2 * * *", or off.',
          },
        ]),
  ];
}

function findCronFault(cron: string): string | undefined {
  if (cron === 'off') return undefined;
  // The parser accepts any text as "* * * * *".
  if (cron.trim().split(/\s+/).length < 5) return 'it has fewer than five fields';
  try {
    CronExpressionParser.parse(cron, { tz: 'UTC' }).next();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Returns a problem for each setting in `dataset.spark.settings` that Facet overrides. */
function findSparkProblems({ spark }: FacetConfig['dataset']): ConfigProblem[] {
  const remedies: Readonly<Record<string, string>> = {
    'spark.master': 'Set dataset.spark.master instead.',
    ...Object.fromEntries(
      Object.entries(sparkSettings).map(([name, value]) => [name, `Remove it. The value is always ${value}.`]),
    ),
  };
  return Object.keys(spark?.settings ?? {}).flatMap((name) => {
    const remedy = remedies[name];
    if (remedy === undefined) return [];
    return [
      {
        path: ['dataset', 'spark', 'settings', name],
        problem: 'has no effect, because Facet sets it for every query',
        remedy,
      },
    ];
  });
}

const pairs = [
  ['validationFrom', 'testFrom'],
  ['validationDays', 'testDays'],
] as const;

/** Returns the problems of a split: a missing date or number of days, both kinds together, or windows in the wrong order. */
export function findSplitProblems(split: FacetConfig['split']): ConfigProblem[] {
  const given = pairs.filter((pair) => pair.some((name) => split[name] !== undefined));
  if (given.length === 2) {
    return [
      {
        path: ['split'],
        problem: 'contains both days (testDays, validationDays) and dates (testFrom, validationFrom)',
        remedy: 'Keep one of the two pairs, or remove both to split by shares.',
      },
    ];
  }
  for (const pair of given) {
    const missing = pair.find((name) => split[name] === undefined);
    const other = pair.find((name) => split[name] !== undefined)!;
    if (missing === undefined) continue;
    return [
      {
        path: ['split', other],
        problem: `needs split.${missing}`,
        remedy: `Set split.${missing}, or remove split.${other} to split by shares.`,
      },
    ];
  }
  const { validationFrom, testFrom, validationShare, testShare } = split;
  if (validationFrom !== undefined && testFrom !== undefined) {
    return findDateProblems({ validationFrom, testFrom });
  }
  if (given.length > 0 || validationShare + testShare < 1) return [];
  return [
    {
      path: ['split', 'validationShare'],
      problem: `${validationShare} and split.testShare ${testShare} leave no interactions for the training`,
      remedy: 'Lower one of the two.',
      related: [['split', 'testShare']],
    },
  ];
}

function findDateProblems(dates: { readonly validationFrom: string; readonly testFrom: string }): ConfigProblem[] {
  const invalid = pairs[0].filter((name) => Number.isNaN(Date.parse(dates[name])));
  if (invalid.length > 0) {
    return invalid.map((name) => ({
      path: ['split', name],
      problem: `${dates[name]} is not a date`,
      remedy: 'Write 2026-02-01 or 2026-02-01T12:00:00Z.',
    }));
  }
  const { validationFrom, testFrom } = dates;
  if (Date.parse(validationFrom) < Date.parse(testFrom)) return [];
  return [
    {
      path: ['split', 'testFrom'],
      problem: `${testFrom} is not after split.validationFrom, ${validationFrom}`,
      remedy: 'Exchange the two, or remove both to split by shares.',
      related: [['split', 'validationFrom']],
    },
  ];
}

/** The model and its training must be complete, and no other setting may need a larger K. */
function findModelProblems(config: FacetConfig, now: number): ConfigProblem[] {
  const { variant } = config.model;
  const unknown = problemsOf(() => modelVariant(variant), ['model', 'variant']);
  if (unknown.length > 0) return unknown;
  let model: ModelConfig | undefined;
  return [
    ...problemsOf(() => ({ model } = resolveModel({ ...config, training: {} })), ['model']),
    ...problemsOf(() => resolveModel({ ...config, model: { variant } }), ['training']),
    ...(model === undefined ? [] : findInterestProblems(model, config, now)),
  ];
}

function findInterestProblems(model: ModelConfig, config: FacetConfig, now: number): ConfigProblem[] {
  const { serving, experiments } = config;
  const { interests, sequenceLength, extractor, adaptiveInterests } = model;
  const path = ['model', 'interests'];
  const problems: ConfigProblem[] = [];
  const reachable = activeInterestCount(sequenceLength, interests, adaptiveInterests);
  // Checks only a configured K. The default is an upper bound.
  if ('interests' in config.model && reachable < interests && extractor.kind !== 'user-vectors') {
    problems.push({
      path,
      problem: `${interests} is above ${reachable}, the most interests of a user with ${sequenceLength} behaviors (model.sequenceLength)`,
      remedy: `Set model.interests to ${reachable}, or model.sequenceLength to ${2 ** interests}, or model.adaptiveInterests to false.`,
      related: [['model', 'sequenceLength']],
    });
  }
  const merges: (readonly [FieldPath, MergeFields | undefined])[] = [[['serving'], serving.merge]];
  for (const { path: at, merge, bundle } of openArms(experiments, now)) {
    // The bundle of an arm may have another K.
    if (bundle === undefined) merges.push([at, merge]);
  }
  for (const [at, merge] of merges) {
    // An array of a merge has an entry for each interest.
    for (const [field, values] of Object.entries(merge ?? {})) {
      if (!Array.isArray(values) || values.length <= interests) continue;
      problems.push({
        path: [...at, 'merge', field],
        problem: `has an entry for each of ${values.length} interests, but model.interests is ${interests}`,
        remedy: 'Remove entries or raise model.interests.',
        related: [path],
      });
    }
  }
  return problems;
}

/** Experiments must not overlap in the fields that they set, and serving must be able to apply its settings and theirs. */
function findExperimentProblems(config: FacetConfig, now: number): ConfigProblem[] {
  const { experiments: declared, serving, exposures } = config;
  let experiments: ReturnType<typeof parseExperiments> = [];
  const problems = problemsOf(() => (experiments = parseExperiments(declared)), ['experiments']);
  problems.push(...problemsOf(() => checkServingSettings(serving, experiments), ['serving']));
  if (exposures.enabled) return problems;
  for (const { path, isShadow } of openArms(declared, now)) {
    if (!isShadow) continue;
    problems.push({
      path,
      problem: 'has no effect, because only the log of responses records shadow arms and exposures.enabled is false',
      remedy: 'Enable exposures or remove the shadow arm.',
      related: [['exposures', 'enabled']],
    });
  }
  return problems;
}

/** An arm or shadow arm in the file. */
interface DeclaredArm {
  readonly path: FieldPath;
  readonly isShadow: boolean;
  readonly merge?: MergeFields;
  readonly bundle?: string;
}

/** Returns the arms and shadow arms of the experiments that have not ended at `now`, in epoch milliseconds. */
export function openArms(experiments: FacetConfig['experiments'], now: number): DeclaredArm[] {
  return experiments.flatMap(({ to, arms, shadow }, index) =>
    to !== undefined && Date.parse(to) <= now
      ? []
      : Object.entries<Readonly<Record<string, Pick<DeclaredArm, 'merge' | 'bundle'>>>>({ arms, shadow }).flatMap(
          ([kind, named]) =>
            Object.entries(named).map(([arm, { merge, bundle }]) => ({
              path: ['experiments', String(index), kind, arm],
              isShadow: kind === 'shadow',
              merge,
              bundle,
            })),
        ),
  );
}
