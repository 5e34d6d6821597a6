import { parsePositiveClauses } from '@facet/features';
import { findMappingProblems } from '@facet/import/mapping-problems';
import { sparkSettings } from '@facet/lake/run-spark';
import { problemsOf, suggestName } from '@facet/platform';
import type { ConfigProblem, FieldPath } from '@facet/platform';
import { isTimeZone } from '@facet/platform/time-zone';
import { isEventType, standardEventTypes } from '@facet/schemas';
import { CronExpressionParser } from 'cron-parser';
import type { FacetConfig } from '../facet-config.ts';
import { findExperimentProblems } from './experiments.ts';
import { findModelProblems } from './model.ts';

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
