import { useQuery } from '@tanstack/react-query';
import type { UserResponse } from '@facet/client/serving';
import { formatCount } from '../../parts/format.ts';
import { SearchBox } from '../../parts/search-box.tsx';
import { exampleUsersQuery } from '../../api/example-users.ts';
import { usersQuery } from './queries.ts';
import type { ExploreSearch } from './search.ts';
import type { ChangeSearch } from './view.ts';

/** The users that `npm start` prints. */
const examplesShown = 3;

interface UserBarProps {
  readonly search: ExploreSearch;
  readonly user: UserResponse | undefined;
  readonly interestCount: number | undefined;
  readonly onChange: ChangeSearch;
}

const noChanges = { with: undefined, without: undefined, focus: undefined, build: undefined } as const;

/** Chooses the user: by id, an example, by chance, or a history that is built item by item. */
export function UserBar({ search, user, interestCount, onChange }: UserBarProps) {
  const { data: examples } = useQuery(exampleUsersQuery);
  const { data: anyone } = useQuery({ ...usersQuery(''), enabled: examples?.users.length === 0 });
  const choose = (userId: string): void => onChange({ ...noChanges, user: userId });
  const surprise = (): void => {
    const others = [...(examples?.users ?? []), ...(anyone?.users ?? [])].filter(
      ({ userId }) => userId !== search.user,
    );
    const chosen = others[Math.floor(Math.random() * others.length)];
    if (chosen !== undefined) choose(chosen.userId);
  };
  const isHistory = search.user === undefined && (search.with !== undefined || search.build === true);
  return (
    <section className="card user-bar" aria-label="User">
      <div className="row">
        <SearchBox
          label="Find a user by id"
          placeholder="Find a user by id"
          emptyText="No listed user has an id that starts like this. The whole id finds every user."
          search={usersQuery}
          itemsOf={({ users }) => users}
          keyOf={({ userId }) => userId}
          render={({ userId, behaviors }) => (
            <>
              <span className="truncate">{userId}</span>
              <span className="muted small">{formatCount(behaviors)} behaviors</span>
            </>
          )}
          onPick={({ userId }) => choose(userId)}
        />
        {(examples?.users ?? []).slice(0, examplesShown).map(({ userId, interests }) => (
          <button
            key={userId}
            type="button"
            className="button"
            aria-pressed={userId === search.user}
            title={`An example with ${interests} distinct interests`}
            onClick={() => choose(userId)}
          >
            {userId}
          </button>
        ))}
        <button type="button" className="button" disabled={examples === undefined} onClick={surprise}>
          Surprise me
        </button>
        <button
          type="button"
          className="button"
          aria-pressed={isHistory}
          onClick={() => onChange({ ...noChanges, user: undefined, build: true })}
        >
          Build a history
        </button>
      </div>
      <div className="row user-facts">
        <h2>{describeUser(search, isHistory)}</h2>
        {user === undefined
          ? null
          : Object.entries(user.attributes).map(([name, value]) => (
              <span key={name} className="badge">
                {name} {String(value)}
              </span>
            ))}
        {user === undefined ? null : (
          <span className="badge">
            {formatCount(user.behaviorCount)} {user.behaviorCount === 1 ? 'behavior' : 'behaviors'}
          </span>
        )}
        {interestCount === undefined ? null : (
          <span className="badge accent">
            {interestCount} {interestCount === 1 ? 'interest' : 'interests'}
          </span>
        )}
      </div>
    </section>
  );
}

function describeUser({ user, with: added = [] }: ExploreSearch, isHistory: boolean): string {
  if (user !== undefined) return `User ${user}`;
  if (!isHistory) return 'Choosing a user…';
  return added.length === 0 ? 'A new history: search items and add them' : 'Your history';
}
