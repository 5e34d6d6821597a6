import type {
  DescribedInterest,
  RecommendationsResponse,
  RecommendedItem,
  ResponseSource,
} from '@facet/client/serving-api';
import type { CSSProperties } from 'react';
import { interestColor } from '../../parts/colors.ts';
import { countOf, formatCount, formatDuration, formatShare, nameOf, shortId } from '../../parts/format.tsx';
import { Moved } from '../../parts/list-changes.tsx';
import type { Change, ListChanges } from '../../parts/list-changes.tsx';
import { Card, DocLink, Fact } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';
import type { TimedList } from './queries.ts';
import { explainSource, toggleFocus } from './view.ts';
import type { View } from './view.ts';

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
    .map((reason) => `${nameOf(reason)}${hasShares ? ` (${formatShare(reason.share)} of what all behaviors add)` : ''}`)
    .join(', ');
}

const behaviorsShown = 4;

interface InterestsProps extends View {
  readonly interests: readonly DescribedInterest[];
  readonly source: ResponseSource;
  /** The number of recommended items that each interest found. */
  readonly found: ReadonlyMap<number, number>;
  readonly isStale: boolean;
}

/** One card for each interest: its label, the behaviors that formed it, and its nearest items. */
export function Interests(props: InterestsProps) {
  const { interests, source, isStale } = props;
  return (
    <section className="stack" aria-labelledby="interests-title">
      <div>
        <h2 id="interests-title">Interests</h2>
        <p className="muted small">
          The model turns the behaviors into one vector per interest. The nearest items describe the interest and
          include seen items. <DocLink to="api.md#post-v1interests">Interests</DocLink>
        </p>
      </div>
      {interests.length === 0 ? (
        <Empty title="No interests">{explainSource(source)} The list below has popular items instead.</Empty>
      ) : (
        <ul className={`interest-cards ${isStale ? 'stale' : ''}`}>
          {interests.map((described) => (
            <InterestCard key={described.interest} {...props} described={described} />
          ))}
        </ul>
      )}
    </section>
  );
}

function InterestCard(props: InterestsProps & { readonly described: DescribedInterest }) {
  const { interest, behaviors, nearest } = props.described;
  const label = props.labels.get(interest);
  const found = props.found.get(interest) ?? 0;
  const isFocused = props.search.focus === interest;
  const largest = behaviors[0]?.share ?? 1;
  return (
    <li
      className={`card interest-card ${isFocused ? 'focused' : ''}`}
      style={{ '--color': interestColor(interest - 1) } as CSSProperties}
    >
      <h3>
        <button
          type="button"
          className="interest-title"
          aria-pressed={isFocused}
          title="Highlight this interest"
          onClick={() => toggleFocus(props, interest)}
        >
          <span className="swatch interest-swatch" aria-hidden />
          {label ?? `Interest ${interest}`}
        </button>
      </h3>
      <p className="muted small">
        {label === undefined ? '' : `Interest ${interest} · `}found {countOf(found, 'item')} of the list
      </p>
      <div className="stack">
        <h4 className="small muted">Formed by</h4>
        <ol className="bars">
          {behaviors.slice(0, behaviorsShown).map((behavior, position) => (
            <li key={`${behavior.itemId} ${position}`}>
              <span className="truncate" title={nameOf(behavior)}>
                {nameOf(behavior)}
              </span>
              <span className="muted small numeric">{formatShare(behavior.share)}</span>
              <span className="bar" style={{ width: `${(100 * behavior.share) / largest}%` }} aria-hidden />
            </li>
          ))}
        </ol>
      </div>
      <div className="stack">
        <h4 className="small muted">Nearest items</h4>
        <ol className="plain-list">
          {nearest.map((item) => (
            <li key={item.itemId} className="truncate" title={nameOf(item)}>
              {nameOf(item)}
            </li>
          ))}
        </ol>
      </div>
    </li>
  );
}
