import { AppError } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { NamedFilters } from './filters.ts';
import { findMergeFault, MergeDefault } from './merge.ts';
import type { MergeFields } from './merge.ts';
import { ExcludeSeenDefault } from './users/seen-items.ts';

export { MergeFields } from './merge.ts';

/** An item is new for this many days, unless `maxAgeDays` says otherwise. */
export const newItemDays = 30;

export const ExploreFields = Type.Object(
  {
    share: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'The share of places that are reserved for new items. 0: none.',
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
      'Reserves places for new items, which a model cannot rank by experience. The interests of the user rank them. Default: ' +
      'no places.',
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
  { default: {}, additionalProperties: false },
);
export type ServingSettings = Static<typeof ServingSettings>;

/** The part of an experiment that `checkServingSettings` reads. */
export interface ExperimentArms {
  readonly arms: readonly CheckedArm[];
  readonly shadow: readonly CheckedArm[];
}

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
 * Checks settings that would fail every request and that the schema cannot express: merges must be complete, filter names
 * valid, and the filters of arms declared and independent of the request's context.
 *
 * @param experiments in declaration order.
 * @param source the file name for error messages.
 * @throws AppError `CONFIG_INVALID` with every wrong field.
 */
export function checkServingSettings(
  { merge, filters: declared }: ServingSettings,
  experiments: readonly ExperimentArms[],
  source = 'facet.yaml',
): void {
  const problems: string[] = [];
  const checkMerge = (at: string, fields: MergeFields): void => {
    const fault = findMergeFault(fields);
    if (fault !== undefined) problems.push(`${at}.${fault.field}: ${fault.complaint}. ${fault.remedy}`);
  };
  const checkArm = (at: string, { settings }: CheckedArm): void => {
    if (settings.merge !== undefined) checkMerge(at, settings.merge);
    for (const [position, name] of (settings.filters ?? []).entries()) {
      const fault = findArmFilterFault(name, declared);
      if (fault !== undefined) problems.push(`${at}.filters.${position}: ${fault}`);
    }
  };

  checkMerge('serving', merge);
  for (const name of Object.keys(declared)) {
    if (!isName.test(name)) problems.push(`serving.filters.${name}: is not a valid name. It must match ${namePattern}`);
  }
  for (const [index, { arms, shadow }] of experiments.entries()) {
    for (const arm of arms) checkArm(`experiments.${index}.arms.${arm.name}`, arm);
    for (const arm of shadow) checkArm(`experiments.${index}.shadow.${arm.name}`, arm);
  }
  if (problems.length === 0) return;
  throw new AppError(`${source} is not valid: ${problems.join('; ')}`, {
    code: 'CONFIG_INVALID',
    category: 'usage',
    remedy: `Correct these fields in ${source}.`,
    context: { source, problems },
  });
}

/** Callers cannot know which arm a request enters, so the filters of an arm must not depend on the request's context. */
function findArmFilterFault(name: string, declared: NamedFilters): string | undefined {
  if (!Object.hasOwn(declared, name)) {
    const known = Object.keys(declared);
    const list = known.length === 0 ? 'No filter is declared.' : `Use one of: ${known.join(', ')}.`;
    return `${JSON.stringify(name)} is not declared in serving.filters. ${list}`;
  }
  const needed = listContextFields(declared[name]!);
  if (needed.length === 0) return undefined;
  return (
    `the filter ${name} needs ${needed.map((field) => `context.${field}`).join(', ')}, which requests may lack. ` +
    'Declare a filter without context for the arm.'
  );
}

export function listContextFields({ attributes }: NamedFilters[string]): string[] {
  const values = Object.values(attributes).flatMap(({ in: among, notIn, min, max }) => [among, notIn, min, max]);
  return values.flatMap((value) => (typeof value === 'object' && 'context' in value ? [value.context] : []));
}
