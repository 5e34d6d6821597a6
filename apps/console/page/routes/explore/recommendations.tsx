import type { RecommendationsResponse, RecommendedItem } from '@facet/client/serving-api';
import type { CSSProperties } from 'react';
import { interestColor } from '../../parts/colors.ts';
import { countOf, formatCount, formatDuration, formatShare, nameOf, shortId } from '../../parts/format.tsx';
import { Card, DocLink, Fact } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';
import type { TimedList } from './queries.ts';
import { explainSource } from './view.ts';
import type { View } from './view.ts';

/** An item of a list, and where it was in the list before. */
interface Change {
  readonly item: RecommendedItem;
  /** Places up (positive) or down; 0 for the same place. Undefined for an item that is new. */
  readonly moved: number | undefined;
}

interface ListChanges {
  readonly items: readonly Change[];
  /** Items of the list before that are no longer in it, in their order. */
  readonly left: readonly RecommendedItem[];
  /** The number of items that the list before did not have. */
  readonly entered: number;
}

/** Compares a list with the list before. Without one, no item has changed. */
export function findChanges(
  now: readonly RecommendedItem[],
  before: readonly RecommendedItem[] | undefined,
): ListChanges {
  if (before === undefined) return { items: now.map((item) => ({ item, moved: 0 })), left: [], entered: 0 };
  const indexBefore = new Map(before.map(({ itemId }, index) => [itemId, index]));
  const items = now.map((item, index) => {
    const previous = indexBefore.get(item.itemId);
    return { item, moved: previous === undefined ? undefined : previous - index };
  });
  const listed = new Set(now.map(({ itemId }) => itemId));
  return {
    items,
    left: before.filter(({ itemId }) => !listed.has(itemId)),
    entered: items.filter(({ moved }) => moved === undefined).length,
  };
}

interface RecommendationsProps extends View {
  readonly response: TimedList;
  readonly changes: ListChanges;
  readonly isStale: boolean;
  readonly onAdd: (item: RecommendedItem) => void;
}

/** The merged list: the interest of each item, why, and what a tried change does to it. */
export function Recommendations(props: RecommendationsProps) {
  const { response, changes, isStale } = props;
  return (
    <Card title="Recommendations" actions={<Answer {...response} />}>
      <p className="muted small">
        The lists of all interests, merged. Each item names its interest and the behaviors behind it.{' '}
        <DocLink to="api.md#merges">Merges</DocLink>
      </p>
      {response.source.kind === 'popular' ? (
        <p className="banner">{explainSource(response.source)} These items are popular.</p>
      ) : null}
      {changes.items.length === 0 ? (
        <Empty title="No items">Nothing passes the exclusions and filters.</Empty>
      ) : (
        <ol className={`items ${isStale ? 'stale' : ''}`}>
          {changes.items.map((change, index) => (
            <ItemRow key={change.item.itemId} {...props} {...change} index={index} />
          ))}
        </ol>
      )}
      {changes.left.length === 0 ? null : (
        <div className="stack">
          <h3 className="small">Left the list</h3>
          <ul className="items left">
            {changes.left.map((item) => (
              <li key={item.itemId} className="item">
                <span className="badge bad">left</span>
                <span className="truncate" title={nameOf(item)}>
                  {nameOf(item)}
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
      <p className="muted small">{describeExclusions(response)}</p>
    </Card>
  );
}

function describeExclusions({ removed, returned, requested }: RecommendationsResponse): string {
  const parts = Object.entries(removed)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${formatCount(count)} ${name}`);
  const excluded = parts.length === 0 ? 'Nothing was excluded.' : `Excluded: ${parts.join(', ')}.`;
  if (returned >= requested) return excluded;
  return `Only ${formatCount(returned)} of ${formatCount(requested)} items: nothing else passes the exclusions. ${excluded}`;
}

/** The source and the latency of a response. */
function Answer({ source, timings = {}, bundleId, deltaId, arms = {}, tookMs }: TimedList) {
  const spans = Object.entries(timings);
  const inside = spans.reduce((sum, [, ms]) => sum + ms, 0);
  return (
    <details className="answer">
      <summary>
        <span className={`badge ${source.kind === 'model' ? 'good' : 'warning'}`}>{source.kind}</span>
        <span className="muted small">{formatDuration(tookMs)}</span>
      </summary>
      <dl className="facts small">
        <Fact name="Round trip">{formatDuration(tookMs)}</Fact>
        <Fact name="Computed in">{formatDuration(inside)}</Fact>
        {spans.map(([name, ms]) => (
          <Fact key={name} name={`· ${name}`}>
            {formatDuration(ms)}
          </Fact>
        ))}
        <Fact name="Bundle">
          <span className="mono">{shortId(bundleId)}</span>
        </Fact>
        {deltaId === undefined ? null : <Fact name="Delta">{shortId(deltaId)}</Fact>}
        {Object.entries(arms).map(([experiment, arm]) => (
          <Fact key={experiment} name={experiment}>
            arm {arm}
          </Fact>
        ))}
      </dl>
      <DocLink to="serving.md#request-timing">Request timing</DocLink>
    </details>
  );
}

type ItemRowProps = Change & Pick<RecommendationsProps, 'search' | 'labels' | 'onAdd'> & { readonly index: number };

function ItemRow({ item, moved, index, search: { focus }, labels, onAdd }: ItemRowProps) {
  const { interest, reasons = [], score } = item;
  const name = nameOf(item);
  const inFocus = focus === undefined ? '' : interest === focus ? 'in-focus' : 'dimmed';
  const style = {
    '--color': interest === undefined ? 'var(--border-strong)' : interestColor(interest - 1),
  } as CSSProperties;
  return (
    <li className={`item ${inFocus}`} style={style}>
      <span className="item-place muted numeric">{index + 1}</span>
      <div className="item-text">
        <span className="item-title">{name}</span>
        <span className="muted small item-why">
          {interest === undefined ? null : (
            <span className="truncate item-interest">
              <span className="swatch interest-swatch" aria-hidden /> {labels.get(interest) ?? `Interest ${interest}`}
            </span>
          )}
          {reasons.length === 0 ? null : (
            <span className="truncate item-reasons" title={describeReasons(reasons, true)}>
              because of {describeReasons(reasons, false)}
            </span>
          )}
          {item.reason === 'new' ? <span className="badge accent">new item</span> : null}
        </span>
      </div>
      <Moved moved={moved} />
      <span className="muted small numeric item-score" title={`Score ${score}. Comparable within this list only.`}>
        {score.toFixed(2)}
      </span>
      <button
        type="button"
        className="icon-button"
        aria-label={`What if the user chooses ${name}`}
        title="What if the user chooses it"
        onClick={() => onAdd(item)}
      >
        +
      </button>
    </li>
  );
}

function describeReasons(reasons: NonNullable<RecommendedItem['reasons']>, hasShares: boolean): string {
  return reasons
    .map((reason) => `${nameOf(reason)}${hasShares ? ` (${formatShare(reason.share)} of the interest)` : ''}`)
    .join(', ');
}

function Moved({ moved }: { readonly moved: number | undefined }) {
  if (moved === undefined) return <span className="badge good">entered</span>;
  if (moved === 0) return <span />;
  const places = countOf(Math.abs(moved), 'place');
  return (
    <span className="muted small numeric" title={`${places} ${moved > 0 ? 'up' : 'down'}`}>
      {moved > 0 ? '↑' : '↓'}
      {Math.abs(moved)}
    </span>
  );
}
