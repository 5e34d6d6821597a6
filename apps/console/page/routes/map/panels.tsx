import { useQueries, useQuery } from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { exampleUsersQuery } from '../../api/queries.ts';
import { interestColor, namedColors } from '../../parts/colors.ts';
import { UserForm } from '../../parts/fields.tsx';
import { formatCount, formatShare, nameOf } from '../../parts/format.tsx';
import { Card, Fact } from '../../parts/page.tsx';
import { Empty, QueryCard, QueryView } from '../../parts/states.tsx';
import { inPlace, usePageSearch } from '../../parts/use-page-search.ts';
import { useVisibleRows } from '../../parts/use-visible-rows.ts';
import { itemsQuery } from './queries.ts';
import type { ItemMap, MapItem, Neighbors, UserOnMap } from './queries.ts';

/** Chooses the user whose interests and behaviors the map shows. */
export function UserPanel({ query }: { readonly query: UseQueryResult<UserOnMap, Error> }) {
  const [{ user }, change] = usePageSearch('map', inPlace);
  const examples = useQuery(exampleUsersQuery).data?.users ?? [];
  return (
    <Card
      title="User on the map"
      actions={
        user === undefined ? null : <SmallButton onClick={() => change({ user: undefined })}>Remove</SmallButton>
      }
    >
      <UserForm user={user} onChange={(next) => change({ user: next })} className="input map-user" />
      {user === undefined ? (
        <p className="row small">
          <span className="muted">For example</span>
          {examples.slice(0, 3).map(({ userId }) => (
            <SmallButton key={userId} onClick={() => change({ user: userId })}>
              {userId}
            </SmallButton>
          ))}
        </p>
      ) : (
        <QueryView query={query} what="Loading interests">
          {(userOnMap) => <Interests user={user} userOnMap={userOnMap} />}
        </QueryView>
      )}
    </Card>
  );
}

function SmallButton({ onClick, children }: { readonly onClick: () => void; readonly children: string }) {
  return (
    <button type="button" className="button small" onClick={onClick}>
      {children}
    </button>
  );
}

function Interests({ user, userOnMap }: { readonly user: string; readonly userOnMap: UserOnMap }) {
  const { interests, behaviors, source } = userOnMap;
  if (interests.length === 0) {
    return <p className="muted">The model finds no interests: {source.reason?.replaceAll('_', ' ')}.</p>;
  }
  /** The share of the behaviors whose strongest interest is this one. */
  const shareOf = (interest: number): number =>
    behaviors.filter((behavior) => behavior.interest === interest).length / Math.max(1, behaviors.length);
  return (
    <>
      <ul className="legend small">
        {interests.map(({ interest, label }) => (
          <li key={interest} className="row">
            <span className="swatch" style={{ background: interestColor((interest - 1) % namedColors) }} />
            <span className="truncate">
              Interest {interest}
              {label === '' ? '' : `: ${label}`}
            </span>
            <span className="muted numeric">{formatShare(shareOf(interest))}</span>
          </li>
        ))}
      </ul>
      <p className="muted small">
        A diamond is an interest, at the middle of its nearest items. A dot is one of {formatCount(behaviors.length)}{' '}
        behaviors, in the color of its strongest interest.{' '}
        <Link to="/explore" search={{ user } as never}>
          Explore
        </Link>
      </p>
    </>
  );
}

/** The facts of the selected item and its most similar items. */
export function ItemPanel({ query }: { readonly query: UseQueryResult<Neighbors, Error> }) {
  const [, change] = usePageSearch('map', inPlace);
  return (
    <QueryCard
      title="Item"
      actions={<SmallButton onClick={() => change({ item: undefined })}>Close</SmallButton>}
      query={query}
      what="Loading the item"
    >
      {({ item, neighbors }) =>
        item === null ? (
          <Empty title="The bundle does not know this item" />
        ) : (
          <>
            <p className="item-title">{nameOf(item)}</p>
            <p className="row item-badges">
              {item.isAvailable ? null : <span className="badge warning">unavailable</span>}
              {item.isNew ? <span className="badge bad">added since the bundle</span> : null}
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
                  {[value].flat().join(', ')}
                </Fact>
              ))}
            </dl>
            <h3>Most similar items</h3>
            {neighbors.length === 0 ? (
              <p className="muted small">An item without an embedding has no similar items.</p>
            ) : (
              <ul className="item-list small">
                {neighbors.map((neighbor) => (
                  <li key={neighbor.itemId}>
                    <ItemButton {...neighbor} />
                  </li>
                ))}
              </ul>
            )}
          </>
        )
      }
    </QueryCard>
  );
}

function ItemButton(item: MapItem) {
  const [, change] = usePageSearch('map', inPlace);
  return (
    <button type="button" className="item-button truncate" onClick={() => change({ item: item.itemId })}>
      {nameOf(item)}
    </button>
  );
}

/** Items of one request. */
const pageSize = 100;

interface SelectionListProps {
  readonly map: ItemMap;
  /** Numbers of items. */
  readonly items: Int32Array;
  readonly onClear: () => void;
}

/** Lists the selected items, of which only the visible ones are loaded. */
export function SelectionList({ map, items, onClear }: SelectionListProps) {
  const { scroller, rows, height } = useVisibleRows(items.length, 30);
  const pages = [...new Set(rows.map(({ index }) => Math.floor(index / pageSize)))];
  const results = useQueries({
    queries: pages.map((page) => itemsQuery(map, [...items.subarray(page * pageSize, (page + 1) * pageSize)])),
  });
  return (
    <Card
      title={`${formatCount(items.length)} selected items`}
      actions={<SmallButton onClick={onClear}>Clear</SmallButton>}
    >
      <div ref={scroller} className="selection-scroller" tabIndex={0} role="list" aria-label="Selected items">
        <div className="selection-rows" style={{ height }}>
          {rows.map(({ index, key, start }) => {
            const item = results[pages.indexOf(Math.floor(index / pageSize))]?.data?.[index % pageSize];
            return (
              <div
                key={key}
                role="listitem"
                className="selection-row small"
                style={{ transform: `translateY(${start}px)` }}
              >
                {item ? <ItemButton {...item} /> : <span className="muted">…</span>}
              </div>
            );
          })}
        </div>
      </div>
    </Card>
  );
}
