import { useQuery } from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { exampleUsersQuery } from '../../api/example-users.ts';
import { interestColor } from '../../parts/colors.ts';
import { formatCount } from '../../parts/format.ts';
import { Card } from '../../parts/page.tsx';
import { QueryView } from '../../parts/states.tsx';
import { UserForm } from '../../parts/user-form.tsx';
import { shareOfInterest } from './marks.ts';
import type { UserOnMap } from './queries.ts';

interface UserPanelProps {
  readonly user: string | undefined;
  readonly query: UseQueryResult<UserOnMap, Error>;
  readonly onChange: (user: string | undefined) => void;
}

/** Chooses the user whose interests and behaviors the map shows. */
export function UserPanel({ user, query, onChange }: UserPanelProps) {
  const examples = useQuery(exampleUsersQuery).data?.users ?? [];
  return (
    <Card
      title="User on the map"
      actions={
        user === undefined ? null : (
          <button type="button" className="button small" onClick={() => onChange(undefined)}>
            Remove
          </button>
        )
      }
    >
      <UserForm user={user} onChange={onChange} className="input map-user" />
      {user === undefined ? (
        <p className="row small">
          <span className="muted">For example</span>
          {examples.slice(0, 3).map(({ userId }) => (
            <button key={userId} type="button" className="button small" onClick={() => onChange(userId)}>
              {userId}
            </button>
          ))}
        </p>
      ) : (
        <QueryView query={query} api="serving" what="Loading interests">
          {(userOnMap) => <Interests user={user} userOnMap={userOnMap} />}
        </QueryView>
      )}
    </Card>
  );
}

function Interests({ user, userOnMap }: { readonly user: string; readonly userOnMap: UserOnMap }) {
  if (userOnMap.interests.length === 0) {
    return <p className="muted">The model finds no interests: {userOnMap.source.reason?.replaceAll('_', ' ')}.</p>;
  }
  return (
    <>
      <ul className="legend small">
        {userOnMap.interests.map(({ interest, label }) => (
          <li key={interest} className="row">
            <span className="swatch" style={{ background: interestColor((interest - 1) % 8) }} />
            <span className="truncate">
              Interest {interest}
              {label === '' ? '' : `: ${label}`}
            </span>
            <span className="muted numeric">{shareOfInterest(userOnMap, interest)}</span>
          </li>
        ))}
      </ul>
      <p className="muted small">
        A diamond is an interest, at the middle of its nearest items. A dot is one of{' '}
        {formatCount(userOnMap.behaviors.length)} behaviors, in the color of its strongest interest.{' '}
        <Link to="/explore" search={{ user } as never}>
          Explore
        </Link>
      </p>
    </>
  );
}
