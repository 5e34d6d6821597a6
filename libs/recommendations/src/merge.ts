import { mergeDefault, mergeModes, mergeNames } from '@facet/retrieval/merge-modes';
import type { Merge, MergeName, MergeOptions } from '@facet/retrieval/merge-modes';
import { Type } from 'typebox';
import type { TSchema } from 'typebox';
import { requestError } from './request-fields.ts';
import type { RequestFault } from './request-fields.ts';

type OptionName = { [Mode in MergeName]: keyof MergeOptions[Mode] }[MergeName];
type ValueOf<Name extends OptionName> = {
  [Mode in MergeName]: Name extends keyof MergeOptions[Mode] ? MergeOptions[Mode][Name] : never;
}[MergeName];

/** A merge before {@link parseMerge}: a mode with options of any modes. */
export type MergeFields = { readonly by: MergeName } & { readonly [Name in OptionName]?: ValueOf<Name> };

const modes = mergeNames.map((name) => {
  const { summary, example, needsOption = false, findFault } = mergeModes[name];
  const options: Readonly<Record<string, TSchema>> = mergeModes[name].options(Type);
  return { name, summary, example, needsOption, findFault: findFault as FindFault | undefined, options };
});
type FindFault = (options: MergeFields) => { option: string; problem: string; remedy: string } | undefined;

/** The modes that have an option, by the name of the option. */
const modesOf = new Map<string, MergeName[]>();
for (const { name, options } of modes) {
  for (const option of Object.keys(options)) modesOf.set(option, [...(modesOf.get(option) ?? []), name]);
}

const titleOf = (name: string): string =>
  `Merge${name
    .split('-')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('')}`;

/** The merges as the document of the API describes them. {@link findMergeFault} finds the same faults, with better messages. */
const documentedModes = modes.map(({ name, summary, needsOption, options }) =>
  Type.Object(
    { by: Type.Literal(name), ...options },
    {
      title: titleOf(name),
      description: summary,
      additionalProperties: false,
      ...(needsOption ? { minProperties: 2 } : {}),
    },
  ),
);

const description = 'How the candidate lists of the interests are merged into one list.';
const fields = Object.assign(
  {
    by: Type.Union(
      mergeNames.map((name) => Type.Literal(name)),
      { description: modes.map(({ name, summary }) => `${name}: ${summary}`).join(' ') },
    ),
  },
  ...modes.map(({ options }) =>
    Object.fromEntries(
      Object.entries(options).map(([option, schema]) => {
        const { description = '' } = schema as { readonly description?: string };
        return [
          option,
          Type.Optional({ ...schema, description: `${modesOf.get(option)!.join(', ')}: ${description}` }),
        ];
      }),
    ),
  ),
) as Record<string, TSchema>;

/** A merge in a request or an arm. */
export const MergeFields = Type.Unsafe<MergeFields>(
  Type.Object(fields, {
    title: 'Merge',
    additionalProperties: false,
    description: `${description} Default: ${mergeDefault.by}.`,
    documentedAs: {
      oneOf: documentedModes,
      discriminator: {
        propertyName: 'by',
        mapping: Object.fromEntries(mergeNames.map((name) => [name, `#/components/schemas/${titleOf(name)}`])),
      },
    },
  }),
);

/** The merge of requests without `merge`. */
export const MergeDefault = Type.Unsafe<MergeFields>(
  Type.Object(fields, { default: mergeDefault, additionalProperties: false, description }),
);

/** Returns the modes that score an item for all interests together, or those that score it for one, as text. */
export function namesByScore({ isForAll }: { readonly isForAll: boolean }): string {
  return mergeNames.filter((name) => mergeModes[name].scoresAllInterests === isForAll).join(' and ');
}

interface MergeFault extends RequestFault {
  /** Completes a sentence that begins with the field name. */
  readonly problem: string;
  readonly remedy: string;
}

/** Returns the first fault that the schema cannot express: a missing option, or an option of another mode. */
export function findMergeFault(merge: MergeFields): MergeFault | undefined {
  const { by } = merge;
  const given = merge as Readonly<Record<string, unknown>>;
  const fault = (option: string, problem: string, remedy: string): MergeFault => ({
    field: `merge.${option}`,
    problem,
    remedy,
  });
  for (const [option, names] of modesOf) {
    if (given[option] === undefined || names.includes(by)) continue;
    const owners = names.join(' or ');
    return fault(option, `belongs to ${owners}, but merge.by is ${by}`, `Remove it, or set merge.by to ${owners}.`);
  }
  const { options, example, needsOption, findFault } = modes.find(({ name }) => name === by)!;
  const names = Object.keys(options);
  const suchAs = `such as ${JSON.stringify({ by, ...example })}.`;
  if (needsOption && names.every((option) => given[option] === undefined)) {
    const others = names.slice(1).map((option) => `merge.${option}`);
    return fault(names[0]!, `is missing, as is ${others.join(', ')}`, `Set at least one of them, ${suchAs}`);
  }
  const required = Type.Object(options).required ?? [];
  const missing = required.find((option) => given[option] === undefined);
  if (missing !== undefined) return fault(missing, 'is missing', `Set ${required.join(' and ')}, ${suchAs}`);
  const found = findFault?.(merge);
  return found && fault(found.option, found.problem, found.remedy);
}

/** @throws AppError `REQUEST_INVALID` for a fault that {@link findMergeFault} finds. */
export function parseMerge(merge: MergeFields): Merge {
  const fault = findMergeFault(merge);
  if (fault !== undefined) throw requestError(`${fault.field} ${fault.problem}.`, fault);
  return merge as Merge;
}
