import type { RecommendationsResponse, Side } from '@facet/client/serving-api';
import { useQuery } from '@tanstack/react-query';
import { exampleUsersQuery } from '../../api/queries.ts';
import { interestColor } from '../../parts/colors.ts';
import { UserForm } from '../../parts/fields.tsx';
import { formatShare } from '../../parts/format.tsx';
import { Card } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { previewQuery } from './queries.ts';

interface UserCardProps {
  readonly before: Side;
  readonly after: Side;
  readonly user: string | undefined;
  readonly onChange: (user: string | undefined) => void;
}

/** The lists of both sides for one user. */
export function UserCard({ before, after, user, onChange }: UserCardProps) {
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
        <BothLists before={before} after={after} user={user} />
      )}
    </Card>
  );
}

function BothLists({ before, after, user }: { readonly before: Side; readonly after: Side; readonly user: string }) {
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

function Lists({
  before,
  after,
}: {
  readonly before: RecommendationsResponse;
  readonly after: RecommendationsResponse;
}) {
  const [rankBefore, rankAfter] = [ranksOf(before), ranksOf(after)];
  const kept = after.items.filter(({ itemId }) => rankBefore.has(itemId)).length;
  const longer = Math.max(before.items.length, after.items.length);
  return (
    <>
      <p>
        <strong>{formatShare(longer === 0 ? 1 : kept / longer)}</strong> of the items stay; {longer - kept} change.
      </p>
      <div className="grid">
        <List title="Before" list={before} others={rankAfter} isAfter={false} />
        <List title="After" list={after} others={rankBefore} isAfter />
      </div>
    </>
  );
}

function ranksOf({ items }: RecommendationsResponse): ReadonlyMap<string, number> {
  return new Map(items.map(({ itemId }, rank) => [itemId, rank]));
}

interface ListProps {
  readonly title: string;
  readonly list: RecommendationsResponse;
  /** Ranks of the items on the other side. */
  readonly others: ReadonlyMap<string, number>;
  readonly isAfter: boolean;
}

function List({ title, list, others, isAfter }: ListProps) {
  return (
    <div className="stack">
      <h3>{title}</h3>
      {list.source.kind === 'model' ? null : (
        <p className="banner">Popular items: {list.source.reason.replaceAll('_', ' ')}.</p>
      )}
      <ol className="compare-list small">
        {list.items.map(({ itemId, title: name = itemId, interest }, rank) => (
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
            <Change rank={rank} other={others.get(itemId)} isAfter={isAfter} />
          </li>
        ))}
      </ol>
    </div>
  );
}

interface ChangeProps extends Pick<ListProps, 'isAfter'> {
  readonly rank: number;
  readonly other: number | undefined;
}

function Change({ rank, other, isAfter }: ChangeProps) {
  if (other === undefined) {
    return isAfter ? <span className="badge good">entered</span> : <span className="badge bad">left</span>;
  }
  const moved = other - rank;
  if (!isAfter || moved === 0) return <span />;
  return (
    <span className="muted numeric" title={`Rank ${other + 1} before`}>
      {moved > 0 ? `↑ ${moved}` : `↓ ${-moved}`}
    </span>
  );
}
