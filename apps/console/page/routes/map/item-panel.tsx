import type { UseQueryResult } from '@tanstack/react-query';
import { Fact } from '../../parts/fact.tsx';
import { formatCount } from '../../parts/format.ts';
import { Card } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import type { MapItem } from './queries.ts';

interface ItemPanelProps {
  readonly query: UseQueryResult<{ readonly item: MapItem | null; readonly neighbors: readonly MapItem[] }, Error>;
  readonly onPick: (itemId: string) => void;
  readonly onClose: () => void;
}

/** The facts of the selected item and its most similar items. */
export function ItemPanel({ query, onPick, onClose }: ItemPanelProps) {
  return (
    <Card
      title="Item"
      actions={
        <button type="button" className="button small" onClick={onClose}>
          Close
        </button>
      }
    >
      <QueryView query={query} api="serving" what="Loading the item">
        {({ item, neighbors }) =>
          item === null ? (
            <Empty title="The bundle does not know this item" />
          ) : (
            <>
              <p className="item-title">{item.title ?? item.itemId}</p>
              <p className="row item-badges">
                {item.isAvailable ? null : <span className="badge warning">unavailable</span>}
                {item.isNew ? <span className="badge bad">new since the bundle</span> : null}
                {item.position === null ? <span className="badge">no position</span> : null}
              </p>
              <dl className="facts small">
                <Fact name="Id">
                  <span className="mono">{item.itemId}</span>
                </Fact>
                <Fact name="Users in 30 days">{formatCount(Math.floor(item.popularity))}</Fact>
                {item.firstSeen === null ? null : <Fact name="First seen">{item.firstSeen}</Fact>}
                {Object.entries(item.attributes).map(([name, value]) => (
                  <Fact key={name} name={name}>
                    {Array.isArray(value) ? value.join(', ') : String(value)}
                  </Fact>
                ))}
              </dl>
              <h3>Most similar items</h3>
              <ItemButtons items={neighbors} onPick={onPick} />
            </>
          )
        }
      </QueryView>
    </Card>
  );
}

interface ItemButtonsProps {
  readonly items: readonly MapItem[];
  readonly onPick: (itemId: string) => void;
}

function ItemButtons({ items, onPick }: ItemButtonsProps) {
  if (items.length === 0) return <p className="muted small">An item without an embedding has no similar items.</p>;
  return (
    <ul className="item-list small">
      {items.map(({ itemId, title }) => (
        <li key={itemId}>
          <button type="button" className="item-button truncate" onClick={() => onPick(itemId)}>
            {title ?? itemId}
          </button>
        </li>
      ))}
    </ul>
  );
}
