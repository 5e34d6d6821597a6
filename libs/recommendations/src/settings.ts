import { invalidConfig } from '@facet/platform';
import type { ConfigProblem, FieldPath } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { NamedFilters } from './filters.ts';
import { findMergeFault, MergeDefault } from './merge.ts';
import type { MergeFields } from './merge.ts';
import { ExcludeSeenDefault } from './request-fields.ts';

export { MergeFields } from './merge.ts';

/** An item is new for this many days, unless `maxAgeDays` says otherwise. */
export const newItemDays = 30;

export const ExploreFields = Type.Object(
  {
    share: Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'The share of slots that are reserved for new items. A fraction of a slot is rounded up or down at random. 0: ' +
        'none.',
    }),
    maxAgeDays: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 3_650,
        default: newItemDays,
        description:
          'An item is new for this many days after its createdAt, or without that attribute after its first interaction. An ' +
          'item with neither is new.',
      }),
    ),
  },
  {
    title: 'Explore',
    additionalProperties: false,
    description:
      'Reserves slots for new items, which a model cannot rank by experience. The items are drawn from the new items nearest ' +
      'to the interests of the user. Default: no slots.',
  },
);
export type ExploreFields = Static<typeof ExploreFields>;

/** The section `serving` of facet.yaml: defaults for fields that a request leaves out. */
export const ServingSettings = Type.Object(
  {
    merge: MergeDefault,
    explore: Type.Optional(ExploreFields),
    excludeSeen: ExcludeSeenDefault,
    filters: NamedFilters,
  },
  { default: {}, additionalProperties: false, description: 'Defaults of API requests.' },
);
export type ServingSettings = Static<typeof ServingSettings>;

/** The part of an arm that `checkServingSettings` reads. */
interface CheckedArm {
  readonly name: string;
  readonly settings: { readonly merge?: MergeFields; readonly filters?: readonly string[] };
}

/**
 * The pattern for names of filters, experiments and arms. Names appear in responses, logs and metrics; the query of similar
 * items separates filter names by commas.
 */
export const namePattern = '^[a-z][a-z0-9_-]{0,63}$';
const isName = new RegExp(namePattern);

/**
 * Checks settings that would fail every request and that the schema cannot express. Merges must be complete, filter names valid,
 * and ranges of filters not empty. Filters of arms must be declared, and must not depend on the request's context.
 *
 * @param experiments in declaration order.
 * @param source the file name for error messages.
 * @throws AppError `CONFIG_INVALID` with every wrong field.
 */
export function checkServingSettings(
  { merge, filters: declared }: ServingSettings,
  experiments: readonly Readonly<Record<'arms' | 'shadow', readonly CheckedArm[]>>[],
  source = 'facet.yaml',
): void {
  const problems: ConfigProblem[] = [];
  const checkMerge = (at: FieldPath, fields: MergeFields): void => {
    const fault = findMergeFault(fields);
    if (fault === undefined) return;
    problems.push({ path: [...at, ...fault.field.split('.')], problem: fault.problem, remedy: fault.remedy });
  };
  const checkArm = (at: FieldPath, { settings }: CheckedArm): void => {
    if (settings.merge !== undefined) checkMerge(at, settings.merge);
    for (const [position, name] of (settings.filters ?? []).entries()) {
      const fault = findArmFilterFault(name, declared);
      if (fault !== undefined) problems.push({ path: [...at, 'filters', String(position)], ...fault });
    }
  };

  checkMerge(['serving'], merge);
  for (const [name, { attributes }] of Object.entries(declared)) {
    const path = ['serving', 'filters', name];
    if (!isName.test(name)) {
      problems.push({ path, problem: 'is not a valid name', remedy: `Use a name that matches ${namePattern}.` });
    }
    for (const [attribute, { min, max }] of Object.entries(attributes)) {
      if (typeof min !== 'number' || typeof max !== 'number' || min <= max) continue;
      const problem = `min ${min} is above max ${max}, so no item passes`;
      problems.push({ path: [...path, 'attributes', attribute], problem, remedy: 'Correct one of the two.' });
    }
  }
  for (const [index, experiment] of experiments.entries()) {
    for (const kind of ['arms', 'shadow'] as const) {
      for (const arm of experiment[kind]) checkArm(['experiments', String(index), kind, arm.name], arm);
    }
  }
  if (problems.length > 0) throw invalidConfig(source, problems);
}

/** Callers cannot know which arm a request enters, so the filters of an arm must not depend on the request's context. */
function findArmFilterFault(
  name: string,
  declared: NamedFilters,
): Pick<ConfigProblem, 'problem' | 'remedy'> | undefined {
  if (!Object.hasOwn(declared, name)) {
    const known = Object.keys(declared);
    return {
      problem: `${JSON.stringify(name)} is not declared in serving.filters`,
      remedy: known.length === 0 ? 'Declare it, or remove it.' : `Use one of: ${known.join(', ')}.`,
    };
  }
  const needed = listContextFields(declared[name]!);
  if (needed.length === 0) return undefined;
  return {
    problem: `the filter ${name} needs ${needed.map((field) => `context.${field}`).join(', ')}, which requests may lack`,
    remedy: 'Declare a filter without context for the arm.',
  };
}

export function listContextFields({ attributes }: NamedFilters[string]): string[] {
  const values = Object.values(attributes).flatMap((condition) => Object.values(condition));
  return values.flatMap((value) => (typeof value === 'object' && 'context' in value ? [value.context] : []));
}
