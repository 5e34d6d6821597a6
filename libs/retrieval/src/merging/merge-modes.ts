import type { Static, TObject, TProperties, Type } from 'typebox';
import { diverseCandidates, mergeByMax, mergeByQuota, mergeDiverse, mergeRoundRobin } from './interest-lists.ts';
import type { Candidate, InterestList } from './interest-lists.ts';

/** Maximum number of entries of an option that has one for each interest. */
export const interestsMax = 64;

/** What a merge may ask about items. */
interface MergeContext {
  /** Returns the value of an attribute to compare; undefined if the item has none. */
  readonly attributeOf: (item: number, attribute: string) => string | number | undefined;
}

interface OptionFault<Name> {
  readonly option: Name;
  /** Completes a sentence that begins with the name of the option. */
  readonly problem: string;
  readonly remedy: string;
}

interface MergeMode<Options extends TProperties> {
  /**
   * Returns the schemas of the options. An array has one entry per interest. `attribute` names an attribute of items. The schema
   * builder is a parameter, so that the page of the console loads the table without it.
   */
  readonly options: (builder: typeof Type) => Options;
  /** The name in the console. */
  readonly label: string;
  /** The meaning, for the API, for facet.yaml and for the console. */
  readonly summary: string;
  /** Complete options, for remedies and for the console. */
  readonly example: OptionsOf<Options>;
  /** Whether items are ranked by their score for all interests together. Otherwise by the score for one interest. */
  readonly scoresAllInterests: boolean;
  /** Whether an item that scores below the last of the merged list can never enter it, so that the search may stop. */
  readonly ranksByScoreAlone: boolean;
  /** Whether at least one option is required, although each of them is optional. */
  readonly needsOption?: boolean;
  /** Returns a fault that the schemas cannot express. */
  readonly findFault?: (options: OptionsOf<Options>) => OptionFault<keyof Options & string> | undefined;
  /** Returns the list length that each interest needs. Default: the length of the merged list. */
  readonly listLimit?: (limit: number) => number;
  readonly merge: (
    lists: readonly InterestList[],
    limit: number,
    options: OptionsOf<Options>,
    context: MergeContext,
  ) => Candidate[];
}

type OptionsOf<Options extends TProperties> = {
  readonly [Name in keyof Static<TObject<Options>>]: ReadonlyArrays<Static<TObject<Options>>[Name]>;
};
type ReadonlyArrays<Value> = Value extends (infer Entry)[] ? readonly Entry[] : Value;

/** Infers the options of an entry. */
const mode = <Options extends TProperties>(entry: MergeMode<Options>): MergeMode<Options> => entry;

/**
 * The merge modes by name: the ways to merge the lists of a user's interests. The types, the schemas of the API and of facet.yaml,
 * the checks and the choices of the console derive from this table. Its modules import no native code.
 */
export const mergeModes = {
  max: mode({
    options: () => ({}),
    label: 'Best score',
    summary: 'By the score of the model, over all interests.',
    example: {},
    scoresAllInterests: true,
    ranksByScoreAlone: true,
    merge: mergeByMax,
  }),
  'round-robin': mode({
    options: () => ({}),
    label: 'Round-robin',
    summary: 'Takes the next best item of each interest in turn.',
    example: {},
    scoresAllInterests: false,
    ranksByScoreAlone: false,
    merge: mergeRoundRobin,
  }),
  quota: mode({
    options: (Type) => {
      const entries = { maxItems: interestsMax };
      const equal = Type.Literal('equal');
      const shares = Type.Array(Type.Number({ minimum: 0 }), entries);
      const positive = { ...shares, contains: { exclusiveMinimum: 0 } };
      return {
        floors: Type.Optional(
          Type.Array(Type.Integer({ minimum: 0 }), {
            ...entries,
            description: 'The minimum number of items for each interest, in interest order.',
          }),
        ),
        shares: Type.Optional(
          Type.Union([equal, shares], {
            description:
              'The share of the list for each interest, in interest order, or `equal`. At least one share is positive.',
            documentedAs: Type.Union([equal, positive]),
          }),
        ),
      };
    },
    label: 'Quota',
    summary: 'Each interest has a minimum or a share, at least one of the two.',
    example: { shares: 'equal' },
    scoresAllInterests: false,
    ranksByScoreAlone: false,
    needsOption: true,
    findFault: ({ shares }) =>
      Array.isArray(shares) && !shares.some((share) => share > 0)
        ? {
            option: 'shares',
            problem: 'must have a positive share',
            remedy: 'Make one share positive, or remove merge.shares.',
          }
        : undefined,
    merge: mergeByQuota,
  }),
  diverse: mode({
    options: (Type) => ({
      lambda: Type.Number({
        minimum: 0,
        maximum: 1_000,
        description: 'The weight of variety; 0 ranks by score alone.',
      }),
      attribute: Type.String({ minLength: 1, description: 'The attribute to vary, such as category.' }),
    }),
    label: 'Diverse',
    summary: 'Lowers the score of an item for each earlier item with the same attribute value.',
    example: { lambda: 0.1, attribute: 'category' },
    scoresAllInterests: true,
    ranksByScoreAlone: false,
    listLimit: diverseCandidates,
    merge: (lists, limit, { lambda, attribute }, { attributeOf }) =>
      mergeDiverse(lists, limit, { lambda, categoryOf: (item) => attributeOf(item, attribute) }),
  }),
};

export type MergeName = keyof typeof mergeModes;

/** The options of each mode. */
export type MergeOptions = {
  readonly [Name in MergeName]: (typeof mergeModes)[Name] extends MergeMode<infer Options> ? OptionsOf<Options> : never;
};

/** How the lists of a user's interests are merged: the name of a mode, and its options. */
export type Merge = { [Name in MergeName]: { readonly by: Name } & MergeOptions[Name] }[MergeName];

export const mergeNames = Object.keys(mergeModes) as MergeName[];

/** The merge of requests and settings without one. */
export const mergeDefault: Merge = { by: 'max' };

/** Returns the list length that each interest needs for a merge to `limit` items. */
export function listLimit({ by }: Merge, limit: number): number {
  return mergeModes[by].listLimit?.(limit) ?? limit;
}

/**
 * Merges the lists of a user's interests to `limit` distinct items, or all items if there are fewer. Deterministic.
 * Each item has the score of the interest that it is attributed to.
 *
 * @param lists Lists of {@link listLimit} items each, or complete lists.
 */
export function mergeLists(
  lists: readonly InterestList[],
  { by, ...options }: Merge,
  limit: number,
  context: MergeContext,
): Candidate[] {
  // The type of a merge ties its options to its name.
  const { merge } = mergeModes[by] as { readonly merge: MergeMode<TProperties>['merge'] };
  return merge(lists, limit, options, context);
}
