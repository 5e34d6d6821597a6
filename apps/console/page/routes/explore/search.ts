import type { RecommendationsRequest } from '@facet/client/serving';
import { filterOperators, operatorNames } from '@facet/bundles/filter-operators';
import type { OperatorName } from '@facet/bundles/filter-operators';
import { mergeModes, mergeNames } from '@facet/retrieval/merge-modes';
import type { MergeName } from '@facet/retrieval/merge-modes';
import { readText } from '../../parts/search-text.ts';

/** A condition on one attribute: an operand for each of its operators. */
export type Condition = { readonly attribute: string } & {
  readonly [Name in OperatorName]?: (typeof filterOperators)[Name]['operand'] extends 'values'
    ? readonly string[]
    : number;
};

/** The search parameters of the page: everything that a view depends on, so that its address is a permalink. */
export interface ExploreSearch {
  readonly user?: string;
  /** Items added to the behaviors, oldest first. Without a user they are the whole history. */
  readonly with?: readonly string[];
  /** Items whose stored behaviors are ignored. */
  readonly without?: readonly string[];
  readonly merge?: MergeName;
  readonly lambda?: number;
  readonly attribute?: string;
  readonly floors?: readonly number[];
  /** K'u. */
  readonly interests?: number;
  readonly limit?: number;
  /** Whether items that the user has seen may be recommended. */
  readonly seen?: boolean;
  readonly filters?: readonly string[];
  readonly context?: Readonly<Record<string, string | number>>;
  readonly where?: readonly Condition[];
  readonly sort?: 'interest';
  /** The interest that is highlighted. */
  readonly focus?: number;
  /** An empty history is being built. */
  readonly build?: boolean;
}

export const limitDefault = 20;
export const lambdaDefault = mergeModes.diverse.example.lambda;
const itemsMax = 500;
const numbersMax = 64;

/** Parses search parameters of an address. Ignores wrong values. */
export function parseExploreSearch(given: Record<string, unknown>): ExploreSearch {
  const { attribute, merge, sort } = given;
  return withoutUndefined({
    user: readText(given['user']),
    with: readTexts(given['with']),
    without: readTexts(given['without']),
    merge: mergeNames.find((name) => name === merge),
    lambda: readNumber(given['lambda'], 0, 1000),
    attribute: readText(attribute),
    floors: readNumbers(given['floors']),
    interests: readInteger(given['interests'], 1, 64),
    limit: readInteger(given['limit'], 1, 200),
    seen: given['seen'] === true ? true : undefined,
    filters: readTexts(given['filters']),
    context: readContext(given['context']),
    where: readConditions(given['where']),
    sort: sort === 'interest' ? sort : undefined,
    focus: readInteger(given['focus'], 1, 64),
    build: given['build'] === true ? true : undefined,
  }) as ExploreSearch;
}

function readTexts(value: unknown): string[] | undefined {
  const texts = (Array.isArray(value) ? value : [value]).map(readText).filter((text) => text !== undefined);
  return texts.length === 0 ? undefined : texts.slice(0, itemsMax);
}

function readNumber(value: unknown, min: number, max: number): number | undefined {
  return typeof value === 'number' && value >= min && value <= max ? value : undefined;
}

function readInteger(value: unknown, min: number, max: number): number | undefined {
  return Number.isInteger(value) ? readNumber(value, min, max) : undefined;
}

function readNumbers(value: unknown): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.slice(0, numbersMax).map((one) => readInteger(one, 0, 1000) ?? 0);
}

function readContext(value: unknown): ExploreSearch['context'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value).filter(
    (entry): entry is [string, string | number] => typeof entry[1] === 'string' || typeof entry[1] === 'number',
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function readConditions(value: unknown): Condition[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const conditions = value.flatMap((one: unknown): Condition[] => {
    if (typeof one !== 'object' || one === null) return [];
    const fields = one as Record<string, unknown>;
    const attribute = readText(fields['attribute']);
    if (attribute === undefined) return [];
    const operands = operatorNames.map((name) => [name, readOperand(name, fields[name])] as const);
    const condition = withoutUndefined({ attribute, ...Object.fromEntries(operands) });
    return Object.keys(condition).length > 1 ? [condition as unknown as Condition] : [];
  });
  return conditions.length === 0 ? undefined : conditions.reduce(addCondition, []);
}

const readOperand = (name: OperatorName, value: unknown) =>
  filterOperators[name].operand === 'values' ? readTexts(value) : readNumber(value, -Infinity, Infinity);

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

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Whether the address names a user or a history. */
export function hasUser({ user, with: added, build }: ExploreSearch): boolean {
  return user !== undefined || added !== undefined || build === true;
}

export type Requester = Pick<RecommendationsRequest, 'userId' | 'behaviors' | 'ignore'>;

/** Returns the request fields that describe the user. */
export function requesterOf({ user, with: added, without }: ExploreSearch): Requester {
  return {
    ...(user === undefined ? {} : { userId: user }),
    ...(added === undefined ? {} : { behaviors: added }),
    ...(without === undefined || user === undefined ? {} : { ignore: without }),
  };
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
  const { interests, limit = limitDefault, seen, filters, context, where = [] } = search;
  const merge = mergeOf(search);
  const attributes = Object.fromEntries(where.map(({ attribute, ...condition }) => [attribute, condition]));
  return {
    ...requesterOf(search),
    limit,
    ...(merge === undefined ? {} : { merge }),
    ...(interests === undefined ? {} : { interestCount: interests }),
    ...(filters === undefined ? {} : { filters }),
    ...(context === undefined ? {} : { context }),
    ...(where.length === 0 ? {} : { filter: { attributes } }),
    ...(seen === true ? { excludeSeen: false } : {}),
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
      return { by: merge, ...mergeModes[merge].example };
  }
}

/** Returns the shell command of a request. It needs `FACET_API_KEY`, and `FACET_SERVING_URL` if serving has another address. */
export function curlOf(path: string, body: object): string {
  const json = JSON.stringify(body).replaceAll("'", String.raw`'\''`);
  return [
    `curl -s "\${FACET_SERVING_URL:-http://127.0.0.1:8080}${path}" \\`,
    `  -H "x-api-key: $FACET_API_KEY" \\`,
    `  -H 'content-type: application/json' \\`,
    `  -d '${json}'`,
  ].join('\n');
}
