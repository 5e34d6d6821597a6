import type { DescribedInterest, ResponseSource } from '@facet/client/serving-api';
import type { CSSProperties } from 'react';
import { interestColor } from '../../parts/colors.ts';
import { countOf, formatShare, nameOf } from '../../parts/format.tsx';
import { DocLink } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';
import { explainSource, toggleFocus } from './view.ts';
import type { View } from './view.ts';

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
