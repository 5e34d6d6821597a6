import { useVirtualizer } from '@tanstack/react-virtual';
import type { UseQueryResult } from '@tanstack/react-query';
import { memo, useRef } from 'react';
import type { CSSProperties } from 'react';
import type { InterestsResponse, UserResponse } from '@facet/client/serving';
import { interestColor } from '../../parts/colors.ts';
import { formatCount, formatShare } from '../../parts/format.ts';
import { ItemSearch } from '../../parts/item-search.tsx';
import { Card, DocLink } from '../../parts/page.tsx';
import { Empty, Failure, Loading } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { strongestOf } from './behavior-rows.ts';
import type { BehaviorRow } from './behavior-rows.ts';
import type { ExploreSearch } from './search.ts';
import { isMissing } from './view.ts';
import type { ChangeSearch, DescribedInterest } from './view.ts';

const rowHeight = 34;
/** Wider heat maps have narrow cells without numbers. */
const numberedInterestsMax = 6;
/** Stronger colors would make the numbers in the cells hard to read. */
const [strengthMin, strengthMax] = [4, 46];

interface BehaviorsProps {
  readonly search: ExploreSearch;
  /** The stored behaviors. */
  readonly user: UseQueryResult<UserResponse, Error>;
  readonly rows: readonly BehaviorRow[];
  readonly interests: readonly DescribedInterest[];
  readonly labels: ReadonlyMap<number, string>;
  readonly similarity: NonNullable<InterestsResponse['coupling']>['similarity'] | undefined;
  readonly sequenceLength: number | undefined;
  readonly isStale: boolean;
  readonly onChange: ChangeSearch;
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
        placeholder="Add a behavior: search items by title"
        noteOf={({ available, itemId }) => (available ? itemId : 'unavailable')}
        onPick={onAdd}
      />
      {user.isLoadingError && !isMissing(user.error) ? (
        <Failure error={user.error} api="serving" onRetry={() => void user.refetch()} />
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

function HeatMap({ search, rows, interests, labels, isStale, onChange }: BehaviorsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  });
  const isNumbered = interests.length <= numberedInterestsMax;
  const strongest = Math.max(0.01, ...rows.flatMap(({ coefficients = [] }) => coefficients));
  const columns = { '--columns': interests.length, '--cell': isNumbered ? '46px' : '14px' } as CSSProperties;
  const toggle = (interest: number): void =>
    onChange({ focus: search.focus === interest ? undefined : interest }, { replace: true });
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
            {interests.map(({ interest }) => (
              <InterestHeader
                key={interest}
                interest={interest}
                label={labels.get(interest)}
                isNumbered={isNumbered}
                isFocused={search.focus === interest}
                onClick={() => toggle(interest)}
              />
            ))}
            <span role="columnheader" className="heat-action">
              <span className="visually-hidden">What if</span>
            </span>
          </div>
        </div>
        <div role="rowgroup" className="heat-body" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => (
            <HeatRow
              key={rows[index]!.key}
              row={rows[index]!}
              index={index}
              top={start}
              interestCount={interests.length}
              strongest={strongest}
              isNumbered={isNumbered}
              focus={search.focus}
              onToggle={() => toggleBehavior(rows[index]!, search, onChange)}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

function toggleBehavior({ state, itemId }: BehaviorRow, search: ExploreSearch, onChange: ChangeSearch): void {
  const { with: added = [], without = [] } = search;
  const orNone = (list: readonly string[]): readonly string[] | undefined => (list.length === 0 ? undefined : list);
  if (state === 'added') {
    const rest = orNone(added.filter((one) => one !== itemId));
    onChange({ with: rest, ...(search.user === undefined ? { build: true } : {}) });
  } else if (state === 'removed') onChange({ without: orNone(without.filter((one) => one !== itemId)) });
  else onChange({ without: [...without, itemId] });
}

interface InterestHeaderProps {
  readonly interest: number;
  readonly label: string | undefined;
  readonly isNumbered: boolean;
  readonly isFocused: boolean;
  readonly onClick: () => void;
}

function InterestHeader({ interest, label, isNumbered, isFocused, onClick }: InterestHeaderProps) {
  const name = `Interest ${interest}${label === undefined ? '' : `: ${label}`}`;
  const color = { '--color': interestColor(interest - 1) } as CSSProperties;
  return (
    <span role="columnheader" className="heat-column" style={color} title={name}>
      {isNumbered ? (
        <button type="button" className="interest-button" aria-pressed={isFocused} aria-label={name} onClick={onClick}>
          <span className="swatch interest-swatch" aria-hidden /> {interest}
        </button>
      ) : (
        <span className="heat-narrow">
          <span className="swatch interest-swatch" aria-hidden />
          <span className="visually-hidden">{name}</span>
        </span>
      )}
    </span>
  );
}

interface HeatRowProps {
  readonly row: BehaviorRow;
  readonly index: number;
  readonly top: number;
  readonly interestCount: number;
  readonly strongest: number;
  readonly isNumbered: boolean;
  readonly focus: number | undefined;
  readonly onToggle: () => void;
}

function HeatRow({ row, index, top, interestCount, strongest, isNumbered, focus, onToggle }: HeatRowProps) {
  const { state, coefficients, note } = row;
  const own = strongestOf(row);
  const name = row.title ?? row.itemId;
  const inFocus = focus === undefined ? '' : own === focus ? 'in-focus' : 'dimmed';
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
      {Array.from({ length: interestCount }, (_, interest) => (
        <HeatCell
          key={interest}
          interest={interest}
          value={coefficients?.[interest]}
          strongest={strongest}
          isNumbered={isNumbered}
        />
      ))}
      <span role="cell" className="heat-action">
        <button type="button" className="icon-button" aria-label={action} title={action} onClick={onToggle}>
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
