import { useQuery } from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { interestColor } from '../../parts/colors.ts';
import { formatCount } from '../../parts/format.ts';
import { Card } from '../../parts/page.tsx';
import { QueryView } from '../../parts/states.tsx';
import { shareOfInterest } from './marks.ts';
import { exampleUsersQuery } from './queries.ts';
import type { PersonOnMap } from './queries.ts';

interface PersonPanelProps {
  readonly user: string | undefined;
  readonly query: UseQueryResult<PersonOnMap, Error>;
  readonly onChange: (user: string | undefined) => void;
}

/** Chooses the person whose interests and behaviors the map shows. */
export function PersonPanel({ user, query, onChange }: PersonPanelProps) {
  const [text, setText] = useState(user ?? '');
  useEffect(() => setText(user ?? ''), [user]);
  const examples = useQuery(exampleUsersQuery).data?.users ?? [];
  return (
    <Card
      title="Person on the map"
      actions={
        user === undefined ? null : (
          <button type="button" className="button small" onClick={() => onChange(undefined)}>
            Remove
          </button>
        )
      }
    >
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          onChange(text.trim() === '' ? undefined : text.trim());
        }}
      >
        <input
          className="input map-user"
          aria-label="User id"
          placeholder="User id"
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
        <button type="submit" className="button">
          Show
        </button>
      </form>
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
          {(person) => <Interests user={user} person={person} />}
        </QueryView>
      )}
    </Card>
  );
}

function Interests({ user, person }: { readonly user: string; readonly person: PersonOnMap }) {
  if (person.interests.length === 0) {
    return <p className="muted">The model finds no interests: {person.source.reason?.replaceAll('_', ' ')}.</p>;
  }
  return (
    <>
      <ul className="legend small">
        {person.interests.map(({ interest, label }) => (
          <li key={interest} className="row">
            <span className="swatch" style={{ background: interestColor(interest % 8) }} />
            <span className="truncate">
              Interest {interest + 1}
              {label === '' ? '' : `: ${label}`}
            </span>
            <span className="muted numeric">{shareOfInterest(person, interest)}</span>
          </li>
        ))}
      </ul>
      <p className="muted small">
        A diamond is an interest, at the middle of its nearest items. A dot is one of{' '}
        {formatCount(person.behaviors.length)} behaviors, in the color of its strongest interest.{' '}
        <Link to="/explore" search={{ user } as never}>
          Explore
        </Link>
      </p>
    </>
  );
}
