import type { DeadLetters } from '@facet/client/sink-api';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { DataTable } from '../../parts/data-table.tsx';
import { formatCount } from '../../parts/format.ts';
import { Card, DocLink } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { DeadLetterView } from './dead-letter-view.tsx';
import { deadLettersMax, deadLettersQuery } from './queries.ts';
import { Redrive } from './redrive-dialog.tsx';

const dataRoute = getRouteApi('/data');

/** The messages that the sink cannot process, and how to send them again. */
export function DeadLettersCard() {
  const { reason } = dataRoute.useSearch();
  const query = useQuery(deadLettersQuery(reason));
  return (
    <Card
      title="Dead letters"
      actions={<DocLink to="collector.md#operating-the-sink">Why messages become dead letters</DocLink>}
    >
      <QueryView query={query} api="sink" what="Loading the dead letters">
        {(found) => <DeadLetterList found={found} reason={reason} />}
      </QueryView>
    </Card>
  );
}

interface DeadLetterListProps {
  readonly found: DeadLetters;
  readonly reason: string | undefined;
}

function DeadLetterList({ found, reason }: DeadLetterListProps) {
  const [shown, setShown] = useState<string>();
  const { total, reasons, deadLetters } = found;
  return (
    <div className="stack">
      <div className="row">
        {reasons.map(({ reason: name, field, count }) => (
          <Link
            key={`${name} ${field}`}
            to="/data"
            search={(search) => ({ ...search, reason: name })}
            resetScroll={false}
            className="button small"
            aria-current={name === reason ? 'true' : undefined}
          >
            {name}
            {field === '' ? '' : ` (${field})`} · {formatCount(count)}
          </Link>
        ))}
        {reason === undefined ? null : (
          <Link
            to="/data"
            search={(search) => ({ ...search, reason: undefined })}
            resetScroll={false}
            className="small"
          >
            Show all reasons
          </Link>
        )}
        <span className="data-redrive">
          <Redrive reason={reason} total={total} />
        </span>
      </div>
      {total === 0 ? (
        <Empty title="No dead letters">
          {reason === undefined
            ? 'The sink processed every message, or an operator has redriven them.'
            : 'None has this reason.'}
        </Empty>
      ) : (
        <DataTable
          label="Dead letters, newest first"
          columns={['Dead letter', 'Failed', 'Reason', 'Message']}
          scrollClassName="data-letters"
        >
          {deadLetters.map((letter) => (
            <tr key={letter.deadLetterId}>
              <td className="data-letter-id">
                <button type="button" className="button small" onClick={() => setShown(letter.deadLetterId)}>
                  {letter.deadLetterId}
                </button>
              </td>
              <td>
                <Time at={letter.failedAt} />
              </td>
              <td>
                {letter.reason}
                {letter.field === '' ? '' : ` (${letter.field})`}
              </td>
              <td className="mono data-letter-text">{letter.payload ?? 'no payload'}</td>
            </tr>
          ))}
        </DataTable>
      )}
      {total <= deadLettersMax ? null : (
        <p className="small muted">
          The newest {deadLettersMax} of {formatCount(total)}.
        </p>
      )}
      <DeadLetterView id={shown} onClose={() => setShown(undefined)} />
    </div>
  );
}
