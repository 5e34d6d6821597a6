import { filterOperators, operatorNames } from '@facet/bundles/filter-operators';
import type { OperatorName } from '@facet/bundles/filter-operators';
import type { DescribedInterest, RecommendationsRequest, ResponseSource } from '@facet/client/serving-api';
import { mergeModes, mergeNames } from '@facet/retrieval/merge-modes';
import type { MergeName } from '@facet/retrieval/merge-modes';
import { readNumber, readText, readTexts, withoutUndefined } from '../../../src/pages.ts';
import type { PageSearch } from '../../../src/pages.ts';

/** What all parts of the page show. */
export interface View {
  readonly search: ExploreSearch;
  readonly labels: ReadonlyMap<number, string>;
  readonly onChange: ChangeExplore;
}

/** Changes some search parameters of the page; undefined removes one. */
export type ChangeExplore = (changes: ExploreSearch, options?: { readonly replace?: boolean }) => void;

/** Highlights an interest, or no longer. */
export const toggleFocus = ({ search, onChange }: View, interest: number): void =>
  onChange({ focus: search.focus === interest ? undefined : interest }, { replace: true });

/** Returns the label of each interest that has one, such as "Horror · Thriller". */
export function labelInterests(interests: readonly DescribedInterest[]): ReadonlyMap<number, string> {
  return new Map(
    interests
      .filter(({ labels }) => labels.length > 0)
      .map(({ interest, labels }) => [interest, labels.map(({ value }) => value).join(' · ')]),
  );
}

export function isMissing(error: Error | null): boolean {
  return error !== null && 'code' in error && error.code === 'USER_NOT_FOUND';
}

const reasons: Readonly<Record<NonNullable<ResponseSource['reason']>, string>> = {
  unknown_user: 'Nothing is stored for this user.',
  no_behaviors: 'The user has no behaviors.',
  no_known_items: 'No item is in the bundle.',
  no_interest: 'The model finds no interest in the behaviors.',
  unknown_item: 'The item is not in the bundle.',
  no_features: 'The item has neither interactions nor known attributes.',
  profiles_unavailable: 'The profile store does not respond. Stored behaviors are missing.',
};

/** Says why a response does not come from the stored interests; undefined if it does. */
export function explainSource({ reason }: ResponseSource): string | undefined {
  return reason === undefined ? undefined : reasons[reason];
}

/** A condition on one attribute: an operand for each of its operators. */
export type Condition = { readonly attribute: string } & {
  readonly [Name in OperatorName]?: (typeof filterOperators)[Name]['operand'] extends 'values'
    ? readonly string[]
    : number;
};

export type ExploreSearch = Omit<PageSearch<'explore'>, 'merge' | 'where'> & {
  readonly merge?: MergeName | undefined;
  readonly where?: readonly Condition[] | undefined;
};

export const limitDefault = 20;
export const lambdaDefault = mergeModes.diverse.example.lambda;

/** Ignores a merge and conditions that do not exist. */
export function exploreSearchOf({ merge, where = [], ...search }: PageSearch<'explore'>): ExploreSearch {
  const conditions = where.flatMap(readCondition).reduce(addCondition, []);
  return {
    ...search,
    merge: mergeNames.find((name) => name === merge),
    where: conditions.length === 0 ? undefined : conditions,
  };
}

function readCondition(fields: Readonly<Record<string, unknown>>): Condition[] {
  const attribute = readText(fields['attribute']);
  if (attribute === undefined) return [];
  const operands = operatorNames.map((name) => [name, readOperand(name, fields[name])] as const);
  const condition = withoutUndefined({ attribute, ...Object.fromEntries(operands) });
  return Object.keys(condition).length > 1 ? [condition] : [];
}

const readAnyNumber = readNumber(-Infinity, Infinity);
const readOperand = (name: OperatorName, value: unknown) =>
  filterOperators[name].operand === 'values' ? readTexts(value) : readAnyNumber(value);

/** Adds a condition. Each attribute has one condition: values add to the earlier ones, and bounds replace them. */
export function addCondition(where: readonly Condition[], condition: Condition): Condition[] {
  const earlier = where.find(({ attribute }) => attribute === condition.attribute);
  if (earlier === undefined) return [...where, condition];
  const merged: Record<string, unknown> = { ...earlier, ...condition };
  for (const name of operatorNames) {
    const values = [earlier[name] ?? [], condition[name] ?? []].flat();
    if (filterOperators[name].operand === 'values') merged[name] = readTexts([...new Set(values)]);
  }
  return where.map((one) => (one === earlier ? (withoutUndefined(merged) as unknown as Condition) : one));
}

/** Whether the address names a user or a history. */
export function hasUser({ user, with: added, build }: ExploreSearch): boolean {
  return user !== undefined || added !== undefined || build === true;
}

export type Requester = Pick<RecommendationsRequest, 'userId' | 'behaviors' | 'ignore'>;

/** Returns the request fields that describe the user. */
export function requesterOf({ user, with: added, without }: ExploreSearch): Requester {
  return { userId: user, behaviors: added, ignore: user === undefined ? undefined : without };
}

/**
 * Returns the user to compare with: the stored behaviors without what was tried. A history is compared with itself before its
 * last behavior. Undefined if there is nothing to compare.
 */
export function baselineOf(search: ExploreSearch): ExploreSearch | undefined {
  const { with: added = [], without = [], ...rest } = search;
  if (search.user !== undefined) return added.length + without.length === 0 ? undefined : rest;
  return added.length < 2 ? undefined : { ...rest, with: added.slice(0, -1) };
}

/** Returns the request for the list of a view. */
export function recommendationsOf(search: ExploreSearch): RecommendationsRequest {
  const { limit = limitDefault, seen, filters, context, where = [] } = search;
  const attributes = Object.fromEntries(where.map(({ attribute, ...condition }) => [attribute, condition]));
  return {
    ...requesterOf(search),
    limit,
    merge: mergeOf(search),
    interestCount: search.interests,
    filters,
    context,
    filter: where.length === 0 ? undefined : { attributes },
    excludeSeen: seen === true ? false : undefined,
    explain: true,
  };
}

/** Returns the merge, if its parameters are complete. */
function mergeOf({ merge, lambda, attribute, floors }: ExploreSearch): RecommendationsRequest['merge'] {
  switch (merge) {
    case undefined:
      return undefined;
    case 'quota':
      return floors === undefined ? { by: merge, ...mergeModes.quota.example } : { by: merge, floors };
    case 'diverse':
      return attribute === undefined ? undefined : { by: merge, lambda: lambda ?? lambdaDefault, attribute };
    default:
      // The example of a mode has the options that the mode requires.
      return { by: merge, ...mergeModes[merge].example };
  }
}

/** Returns the shell command of a request. It needs `FACET_API_KEY`, and `FACET_SERVING_URL` if serving has another address. */
export function curlOf(path: string, body: object): string {
  const json = JSON.stringify(body).replaceAll("'", String.raw`'\''`);
  return `curl -s "\${FACET_SERVING_URL:-http://127.0.0.1:8080}${path}" \\
  -H "x-api-key: $FACET_API_KEY" \\
  -H 'content-type: application/json' \\
  -d '${json}'`;
}
