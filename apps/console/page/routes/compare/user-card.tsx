import type { RecommendationsResponse, Side } from '@facet/client/serving-api';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { exampleUsersQuery } from '../../api/queries.ts';
import { interestColor } from '../../parts/colors.ts';
import { UserForm } from '../../parts/fields.tsx';
import { formatShare } from '../../parts/format.tsx';
import { findChanges, Moved } from '../../parts/list-changes.tsx';
import { Card } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { inPlace, usePageSearch } from '../../parts/use-page-search.ts';
import { previewQuery } from './queries.ts';

interface Sides {
  readonly before: Side;
  readonly after: Side;
}

/** The lists of both sides for one user. */
export function UserCard(sides: Sides) {
  const [{ user }, change] = usePageSearch('compare', inPlace);
  const onChange = (next: string | undefined): void => change({ user: next });
  const examples = useQuery(exampleUsersQuery).data?.users ?? [];
  const first = examples[0]?.userId;
  return (
    <Card title="For one user" actions={<UserForm user={user} onChange={onChange} className="input" />}>
      {user === undefined ? (
        <Empty title="Choose a user">
          {first === undefined ? (
            'Enter a user id.'
          ) : (
            <button type="button" className="button" onClick={() => onChange(first)}>
              Show user {first}
            </button>
          )}
        </Empty>
      ) : (
        <BothLists {...sides} user={user} />
      )}
    </Card>
  );
}

function BothLists({ before, after, user }: Sides & { readonly user: string }) {
  const fresh = useQuery(previewQuery(user, after));
  return (
    <QueryView query={useQuery(previewQuery(user, before))} what="Loading the bundle and its list">
      {(oldList) => (
        <QueryView query={fresh} what="Loading the bundle and its list">
          {(freshList) => <Lists before={oldList} after={freshList} />}
        </QueryView>
      )}
    </QueryView>
  );
}

interface ListsProps {
  readonly before: RecommendationsResponse;
  readonly after: RecommendationsResponse;
}

function Lists({ before, after }: ListsProps) {
  const { items, left, entered } = findChanges(after.items, before.items);
  const longer = Math.max(before.items.length, items.length);
  const kept = items.length - entered;
  return (
    <>
      <p>
        <strong>{formatShare(longer === 0 ? 1 : kept / longer)}</strong> of the items stay; {longer - kept} change.
      </p>
      <div className="grid">
        <List title="Before" {...before}>
          {(rank) => (left.includes(before.items[rank]!) ? <span className="badge bad">left</span> : <span />)}
        </List>
        <List title="After" {...after}>
          {(rank) => <Moved {...items[rank]!} />}
        </List>
      </div>
    </>
  );
}

interface ListProps extends Pick<RecommendationsResponse, 'items' | 'source'> {
  readonly title: string;
  /** Returns what happened to the item of a rank. */
  readonly children: (rank: number) => ReactNode;
}

function List({ title, items, source, children }: ListProps) {
  return (
    <div className="stack">
      <h3>{title}</h3>
      {source.kind === 'model' ? null : <p className="banner">Popular items: {source.reason.replaceAll('_', ' ')}.</p>}
      <ol className="compare-list small">
        {items.map(({ itemId, title: name = itemId, interest }, rank) => (
          <li key={itemId}>
            <span className="muted numeric">{rank + 1}</span>
            <span
              className="swatch"
              title={interest === undefined ? 'Popular' : `Interest ${interest}`}
              style={{ background: interest === undefined ? 'var(--border-strong)' : interestColor(interest - 1) }}
            />
            <span className="truncate" title={name}>
              {name}
            </span>
            {children(rank)}
          </li>
        ))}
      </ol>
    </div>
  );
}
