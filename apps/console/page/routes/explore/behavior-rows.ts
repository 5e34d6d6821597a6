import type { InterestsResponse, UserResponse } from '@facet/client/serving';
import type { ExploreSearch } from './search.ts';

export interface BehaviorRow {
  readonly key: string;
  readonly itemId: string;
  readonly title: string | undefined;
  /** Epoch milliseconds; undefined for an added behavior. */
  readonly occurredAt: number | undefined;
  readonly state: 'stored' | 'added' | 'removed';
  /** The coupling coefficient of each interest; undefined if the model does not read the behavior. */
  readonly coefficients: readonly number[] | undefined;
  /** Why the model does not read it. */
  readonly note: string | undefined;
}

type Coupling = NonNullable<InterestsResponse['coupling']>;

interface Sources {
  readonly search: ExploreSearch;
  readonly user: UserResponse | undefined;
  readonly coupling: Coupling | undefined;
  /** Titles that searches have shown. */
  readonly titleOf: (itemId: string) => string | undefined;
}

/** Returns all behaviors of the user, those that were added first, then newest to oldest. */
export function listBehaviors({ search, user, coupling, titleOf }: Sources): BehaviorRow[] {
  const read = new Map(coupling?.behaviors.map((behavior) => [behavior.itemId, behavior]));
  const removed = new Set(search.without);
  const added = (search.with ?? []).map((itemId, position): BehaviorRow => {
    const behavior = read.get(itemId);
    return {
      key: `added ${position} ${itemId}`,
      itemId,
      title: behavior?.title ?? titleOf(itemId),
      occurredAt: undefined,
      state: 'added',
      coefficients: behavior?.coefficients,
      note: behavior === undefined && coupling !== undefined ? 'not in the bundle' : undefined,
    };
  });
  const stored = (user?.behaviors ?? []).map(({ itemId, title, occurredAt, known }, position): BehaviorRow => {
    const isRemoved = removed.has(itemId);
    const behavior = isRemoved ? undefined : read.get(itemId);
    return {
      key: `stored ${position}`,
      itemId,
      title,
      occurredAt,
      state: isRemoved ? 'removed' : 'stored',
      coefficients: behavior?.coefficients,
      note: isRemoved ? 'ignored' : describeUnread(known, behavior !== undefined || coupling === undefined),
    };
  });
  const rows = [...stored, ...added].reverse();
  return search.sort === 'interest' ? groupByInterest(rows) : rows;
}

function describeUnread(isKnown: boolean, isRead: boolean): string | undefined {
  if (isRead) return undefined;
  return isKnown ? 'not read' : 'not in the bundle';
}

/** Returns the number of the interest with the largest coefficient, from 1. */
export function strongestOf({ coefficients }: Pick<BehaviorRow, 'coefficients'>): number | undefined {
  if (coefficients === undefined || coefficients.length === 0) return undefined;
  return coefficients.indexOf(Math.max(...coefficients)) + 1;
}

function groupByInterest(rows: readonly BehaviorRow[]): BehaviorRow[] {
  const rank = (row: BehaviorRow): number => strongestOf(row) ?? Infinity;
  const share = ({ coefficients = [] }: BehaviorRow): number => Math.max(0, ...coefficients);
  return [...rows].sort((a, b) => (rank(a) === rank(b) ? share(b) - share(a) : rank(a) - rank(b)));
}
