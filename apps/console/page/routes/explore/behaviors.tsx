import type { DescribedInterest, InterestCoupling, UserResponse } from '@facet/client/serving-api';
import type { UseQueryResult } from '@tanstack/react-query';
import { memo } from 'react';
import type { CSSProperties } from 'react';
import { readTexts } from '../../../src/pages.ts';
import { interestColor } from '../../parts/colors.ts';
import { formatCount, formatShare, nameOf, Time } from '../../parts/format.tsx';
import { Card, DocLink } from '../../parts/page.tsx';
import { ItemSearch } from '../../parts/search-box.tsx';
import { Empty, Failure, Loading } from '../../parts/states.tsx';
import { useVisibleRows } from '../../parts/use-visible-rows.ts';
import { isMissing, toggleFocus } from './view.ts';
import type { ExploreSearch, View } from './view.ts';

interface BehaviorRow {
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

interface Sources {
  readonly search: ExploreSearch;
  readonly user: UserResponse | undefined;
  readonly coupling: InterestCoupling | undefined;
  /** Titles that searches have shown. */
  readonly titles: ReadonlyMap<string, string>;
}

/** Returns all behaviors of the user, those that were added first, then newest to oldest. */
export function listBehaviors({ search, user, coupling, titles }: Sources): BehaviorRow[] {
  const read = new Map(coupling?.behaviors.map((behavior) => [behavior.itemId, behavior]));
  const removed = new Set(search.without);
  const added = (search.with ?? []).map((itemId, position): BehaviorRow => {
    const behavior = read.get(itemId);
    return {
      key: `added ${position} ${itemId}`,
      itemId,
      title: behavior?.title ?? titles.get(itemId),
      occurredAt: undefined,
      state: 'added',
      coefficients: behavior?.coefficients,
      note: behavior === undefined && coupling !== undefined ? 'not in the bundle' : undefined,
    };
  });
  const stored = (user?.behaviors ?? []).map(({ itemId, title, occurredAt, known }, position): BehaviorRow => {
    const isRemoved = removed.has(itemId);
    const behavior = isRemoved ? undefined : read.get(itemId);
    const isRead = behavior !== undefined || coupling === undefined;
    return {
      key: `stored ${position}`,
      itemId,
      title,
      occurredAt,
      state: isRemoved ? 'removed' : 'stored',
      coefficients: behavior?.coefficients,
      note: isRemoved ? 'ignored' : isRead ? undefined : known ? 'not read' : 'not in the bundle',
    };
  });
  const rows = [...stored, ...added].reverse();
  return search.sort === 'interest' ? groupByInterest(rows) : rows;
}

/** Returns the number of the interest with the largest coefficient, from 1. */
function strongestOf({ coefficients }: Pick<BehaviorRow, 'coefficients'>): number | undefined {
  if (coefficients === undefined || coefficients.length === 0) return undefined;
  return coefficients.indexOf(Math.max(...coefficients)) + 1;
}

function groupByInterest(rows: readonly BehaviorRow[]): BehaviorRow[] {
  const rank = (row: BehaviorRow): number => strongestOf(row) ?? Infinity;
  const share = ({ coefficients = [] }: BehaviorRow): number => Math.max(0, ...coefficients);
  return [...rows].sort((a, b) => (rank(a) === rank(b) ? share(b) - share(a) : rank(a) - rank(b)));
}

const rowHeight = 34;
/** Wider heat maps have narrow cells without numbers. */
const numberedInterestsMax = 6;
/** Stronger colors would make the numbers in the cells hard to read. */
const [strengthMin, strengthMax] = [4, 46];

interface BehaviorsProps extends View {
  /** The stored behaviors. */
  readonly user: UseQueryResult<UserResponse, Error>;
  readonly rows: readonly BehaviorRow[];
  readonly interests: readonly DescribedInterest[];
  readonly similarity: InterestCoupling['similarity'] | undefined;
  readonly sequenceLength: number | undefined;
  readonly isStale: boolean;
  readonly onAdd: (item: { readonly itemId: string; readonly title?: string }) => void;
}

/** The behaviors of a user and how much of each goes to each interest: the coupling heat map. */
export function Behaviors(props: BehaviorsProps) {
  const { search, user, rows, similarity, sequenceLength, onChange, onAdd } = props;
  const unread = rows.filter(({ note }) => note === 'not read').length;
  return (
    <Card
      title="Behaviors and their interests"
      actions={
        <div className="row" role="group" aria-label="Order of the behaviors">
          {([undefined, 'interest'] as const).map((sort) => (
            <button
              key={String(sort)}
              type="button"
              className="button small"
              aria-pressed={search.sort === sort}
              onClick={() => onChange({ sort }, { replace: true })}
            >
              {sort === undefined ? 'Newest first' : 'By interest'}
            </button>
          ))}
        </div>
      }
    >
      <p className="muted small">
        Each row is a behavior. A stronger color means a larger share of the behavior in that interest.{' '}
        <DocLink to="interests.md#coupling-coefficients">Coupling coefficients</DocLink>
      </p>
      <ItemSearch
        label="Add a behavior: search items by title"
        noteOf={({ available, itemId }) => (available ? itemId : 'unavailable')}
        onPick={onAdd}
      />
      {user.isLoadingError && !isMissing(user.error) ? (
        <Failure error={user.error} onRetry={() => void user.refetch()} />
      ) : rows.length > 0 ? (
        <HeatMap {...props} />
      ) : user.isLoading ? (
        <Loading what="Loading behaviors" />
      ) : (
        <Empty title="No behaviors">Search an item above to see what it changes.</Empty>
      )}
      <p className="muted small">
        {unread === 0 || sequenceLength === undefined
          ? null
          : `The model reads the newest ${formatCount(sequenceLength)} of ${formatCount(rows.length)} behaviors. `}
        {similarity?.within === undefined || similarity.across === undefined
          ? null
          : `Mean cosine of two behaviors: ${similarity.within.toFixed(2)} within an interest, ${similarity.across.toFixed(2)} across.`}
      </p>
    </Card>
  );
}

function HeatMap(props: BehaviorsProps) {
  const { search, rows, interests, labels, isStale } = props;
  const { scroller, rows: visible, height } = useVisibleRows(rows.length, rowHeight);
  const isNumbered = interests.length <= numberedInterestsMax;
  const strongest = Math.max(0.01, ...rows.flatMap(({ coefficients = [] }) => coefficients));
  const columns = { '--columns': interests.length, '--cell': isNumbered ? '46px' : '14px' } as CSSProperties;
  return (
    <div
      ref={scroller}
      className={`heat-scroll ${isStale ? 'stale' : ''}`}
      role="region"
      aria-label="Coupling of behaviors and interests"
      tabIndex={0}
    >
      <div
        role="table"
        aria-label="Behaviors by interest"
        aria-rowcount={rows.length + 1}
        className="heat"
        style={columns}
      >
        <div role="rowgroup" className="heat-head">
          <div role="row" aria-rowindex={1} className="heat-row">
            <span role="columnheader" className="heat-title muted small">
              Behavior
            </span>
            {interests.map(({ interest }) => {
              const name = `Interest ${interest}${labels.has(interest) ? `: ${labels.get(interest)}` : ''}`;
              const color = { '--color': interestColor(interest - 1) } as CSSProperties;
              const swatch = <span className="swatch interest-swatch" aria-hidden />;
              return (
                <span key={interest} role="columnheader" className="heat-column" style={color} title={name}>
                  {isNumbered ? (
                    <button
                      type="button"
                      className="interest-button"
                      aria-pressed={search.focus === interest}
                      aria-label={name}
                      onClick={() => toggleFocus(props, interest)}
                    >
                      {swatch} {interest}
                    </button>
                  ) : (
                    <span className="heat-narrow">
                      {swatch}
                      <span className="visually-hidden">{name}</span>
                    </span>
                  )}
                </span>
              );
            })}
            <span role="columnheader" className="heat-action">
              <span className="visually-hidden">What if</span>
            </span>
          </div>
        </div>
        <div role="rowgroup" className="heat-body" style={{ height }}>
          {visible.map(({ index, start }) => (
            <HeatRow
              key={rows[index]!.key}
              {...props}
              row={rows[index]!}
              index={index}
              top={start}
              strongest={strongest}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

function toggleBehavior({ state, itemId }: BehaviorRow, { search, onChange }: View): void {
  const { with: added = [], without = [] } = search;
  const others = (list: readonly string[]) => readTexts(list.filter((one) => one !== itemId));
  if (state === 'added') {
    onChange({ with: others(added), ...(search.user === undefined ? { build: true } : {}) });
  } else onChange({ without: state === 'removed' ? others(without) : [...without, itemId] });
}

interface HeatRowProps extends BehaviorsProps {
  readonly row: BehaviorRow;
  readonly index: number;
  /** Its distance from the first row, in pixels. */
  readonly top: number;
  /** The largest coefficient of all rows. */
  readonly strongest: number;
}

function HeatRow(props: HeatRowProps) {
  const { row, index, top, interests, strongest, search } = props;
  const { state, coefficients, note } = row;
  const own = strongestOf(row);
  const name = nameOf(row);
  const inFocus = search.focus === undefined ? '' : own === search.focus ? 'in-focus' : 'dimmed';
  const style = {
    '--color': own === undefined ? 'var(--border-strong)' : interestColor(own - 1),
    transform: `translateY(${top}px)`,
  } as CSSProperties;
  const action = state === 'removed' ? `Restore ${name}` : state === 'added' ? `Undo adding ${name}` : `Ignore ${name}`;
  return (
    <div role="row" aria-rowindex={index + 2} className={`heat-row heat-item ${state} ${inFocus}`} style={style}>
      <span role="rowheader" className="heat-title" title={name}>
        <span className="swatch interest-swatch" aria-hidden />
        <span className="truncate heat-name">{name}</span>
        {state === 'added' ? <span className="badge accent">added</span> : null}
        {note === undefined ? null : <span className="muted small">{note}</span>}
        {row.occurredAt === undefined || note !== undefined ? null : (
          <span className="muted small heat-date">
            <Time at={row.occurredAt} isDate />
          </span>
        )}
      </span>
      {interests.map((_, interest) => (
        <HeatCell
          key={interest}
          interest={interest}
          value={coefficients?.[interest]}
          strongest={strongest}
          isNumbered={interests.length <= numberedInterestsMax}
        />
      ))}
      <span role="cell" className="heat-action">
        <button
          type="button"
          className="icon-button"
          aria-label={action}
          title={action}
          onClick={() => toggleBehavior(row, props)}
        >
          {state === 'removed' ? '↺' : '×'}
        </button>
      </span>
    </div>
  );
}

interface HeatCellProps {
  readonly interest: number;
  readonly value: number | undefined;
  readonly strongest: number;
  readonly isNumbered: boolean;
}

/** Most changes of a view leave the cells as they are. */
const HeatCell = memo(function HeatCell({ interest, value, strongest, isNumbered }: HeatCellProps) {
  if (value === undefined) return <span role="cell" className="heat-cell" />;
  const strength = strengthMin + (strengthMax - strengthMin) * (value / strongest) ** 1.5;
  const style = {
    background: `color-mix(in srgb, ${interestColor(interest)} ${(isNumbered ? strength : 2 * strength).toFixed(0)}%, var(--surface))`,
  };
  const text = formatShare(value);
  return (
    <span role="cell" className="heat-cell numeric" style={style} title={`Interest ${interest + 1}: ${text}`}>
      <span className={isNumbered ? '' : 'visually-hidden'}>{isNumbered ? Math.round(100 * value) : text}</span>
    </span>
  );
});
