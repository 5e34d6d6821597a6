import type { DeadLetter, RedriveReport } from '@facet/client/sink-api';
import { Dialog } from '@base-ui/react/dialog';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { dataOf, sink } from '../../api/fetch-api.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { DataTable } from '../../parts/data-table.tsx';
import { ActionDialog } from '../../parts/dialog.tsx';
import { formatBytes, formatCount, Time } from '../../parts/format.tsx';
import { DocLink, Fact } from '../../parts/page.tsx';
import { Empty, QueryCard, QueryView } from '../../parts/states.tsx';
import { usePageSearch } from '../../parts/use-page-search.ts';
import { deadLetterQuery, deadLettersMax, deadLettersQuery } from './queries.ts';

/** The messages that the sink cannot process, and how to send them again. */
export function DeadLettersCard() {
  const [{ reason }] = usePageSearch('data');
  const [shown, setShown] = useState<string>();
  return (
    <QueryCard
      title="Dead letters"
      actions={<DocLink to="collector.md#operating-the-sink">Why messages become dead letters</DocLink>}
      query={useQuery(deadLettersQuery(reason))}
      what="Loading the dead letters"
    >
      {({ total, reasons, deadLetters }) => (
        <div className="stack">
          <div className="row">
            {reasons.map((found) => (
              <Link
                key={describeReason(found)}
                to="/data"
                search={(search) => ({ ...search, reason: found.reason })}
                resetScroll={false}
                className="button small"
                aria-current={found.reason === reason ? 'true' : undefined}
              >
                {describeReason(found)} · {formatCount(found.count)}
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
              columns={[
                { title: 'Dead letter', cellClass: 'data-letter-id' },
                'Failed',
                'Reason',
                { title: 'Message', cellClass: 'mono data-letter-text' },
              ]}
              rows={deadLetters.map((letter) => ({
                key: letter.deadLetterId,
                cells: [
                  <button type="button" className="button small" onClick={() => setShown(letter.deadLetterId)}>
                    {letter.deadLetterId}
                  </button>,
                  <Time at={letter.failedAt} />,
                  describeReason(letter),
                  letter.payload ?? 'no payload',
                ],
              }))}
              scrollClassName="data-letters"
            />
          )}
          {total <= deadLettersMax ? null : (
            <p className="small muted">
              The newest {deadLettersMax} of {formatCount(total)}.
            </p>
          )}
          <DeadLetterView id={shown} onClose={() => setShown(undefined)} />
        </div>
      )}
    </QueryCard>
  );
}

/** Writes why a message cannot be processed. */
const describeReason = ({ reason, field }: { readonly reason: string; readonly field: string }): string =>
  field === '' ? reason : `${reason} (${field})`;

interface DeadLetterViewProps {
  /** Undefined closes the dialog. */
  readonly id: string | undefined;
  readonly onClose: () => void;
}

/** A dialog with a dead letter and its whole message. */
function DeadLetterView({ id, onClose }: DeadLetterViewProps) {
  const query = useQuery({ ...deadLetterQuery(id ?? ''), enabled: id !== undefined });
  return (
    <Dialog.Root open={id !== undefined} onOpenChange={(open) => (open ? undefined : onClose())}>
      <Dialog.Portal>
        <Dialog.Backdrop className="dialog-backdrop" />
        <Dialog.Popup className="dialog data-letter-dialog">
          <Dialog.Title>Dead letter</Dialog.Title>
          {id === undefined ? null : (
            <QueryView query={query} what="Loading the message">
              {(letter) => <Letter {...letter} />}
            </QueryView>
          )}
          <div className="dialog-actions">
            <Dialog.Close className="button">Close</Dialog.Close>
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Letter(letter: DeadLetter) {
  const { deadLetterId, topic, partition, offset, timestamp, key, payload, encoding, bytes } = letter;
  const text = payload === null ? 'no payload' : encoding === 'utf8' ? indent(payload) : payload;
  return (
    <div className="stack">
      <dl className="facts">
        <Fact name="Id">
          <code>{deadLetterId}</code>
        </Fact>
        <Fact name="Reason">{describeReason(letter)}</Fact>
        {letter.problem === undefined ? null : <Fact name="Problem">{letter.problem}</Fact>}
        <Fact name="Message">
          {topic}, partition {partition}, offset {formatCount(offset)}
          {letter.lastOffset === undefined ? '' : ` to ${formatCount(letter.lastOffset)}`}
        </Fact>
        <Fact name="Received">
          <Time at={timestamp} />
        </Fact>
        <Fact name="Key">{key ?? 'none'}</Fact>
        {bytes === undefined ? null : <Fact name="Size">{formatBytes(bytes)}, truncated</Fact>}
      </dl>
      <pre className="data-payload" tabIndex={0} aria-label={`Payload, ${encoding}`}>
        {text}
      </pre>
      {payload === null ? null : (
        <div className="row">
          <CopyButton text={payload}>Copy the message</CopyButton>
          <Redrive id={deadLetterId} total={letter.redrivenAt === undefined ? 1 : 0} />
        </div>
      )}
    </div>
  );
}

function indent(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

interface RedriveProps {
  /** Only dead letters with this reason. */
  readonly reason?: string | undefined;
  /** Only this dead letter. */
  readonly id?: string | undefined;
  readonly total: number;
}

/** A button that sends dead letters back to Kafka. A dry run first shows how many are valid now. */
function Redrive({ reason, id, total }: RedriveProps) {
  const client = useQueryClient();
  const [addEventIds, setAddEventIds] = useState(false);
  const redrive = useMutation({
    mutationFn: (dryRun: boolean) =>
      dataOf(
        sink.POST('/v1/dead-letters/redrive', {
          body: {
            reasons: reason === undefined ? undefined : [reason],
            ids: id === undefined ? undefined : [id],
            addEventIds,
            dryRun,
          },
        }),
      ),
    onSuccess: ({ isDryRun }) => {
      if (!isDryRun) void client.invalidateQueries({ queryKey: ['sink'] });
    },
  });
  const some = reason === undefined ? 'all dead letters' : `dead letters with the reason ${reason}`;
  const what = id === undefined ? some : `dead letter ${id}`;
  return (
    <ActionDialog
      button="Redrive…"
      className="small primary"
      isDisabled={total === 0}
      onOpen={() => redrive.mutate(true)}
      title={`Redrive ${what}`}
      description="Sends dead letters that are now valid back to Kafka. They keep their eventId and time, so an event that is redriven twice counts once. Fix the cause first, for example declare the type in facet.yaml and restart the collector."
      action="Redrive"
      mutation={redrive}
      onSubmit={() => redrive.mutate(false)}
    >
      <label className="row">
        <input
          type="checkbox"
          checked={addEventIds}
          onChange={({ target }) => {
            setAddEventIds(target.checked);
            redrive.reset();
          }}
        />
        Use the dead letter id as the eventId of events without one
      </label>
      {redrive.data === undefined ? null : <Outcome {...redrive.data} />}
    </ActionDialog>
  );
}

function Outcome({ isDryRun, isComplete, redriven, failed, reasons }: RedriveReport) {
  return (
    <div className="stack" role="status">
      <p>
        <strong>{formatCount(redriven)}</strong> {redriven === 1 ? 'event' : 'events'}{' '}
        {isDryRun ? 'would be' : redriven === 1 ? 'was' : 'were'} sent. <strong>{formatCount(failed)}</strong>{' '}
        {failed === 1 ? 'is' : 'are'} still invalid.
      </p>
      {isComplete ? null : (
        <p className="small">
          {isDryRun
            ? 'The dead letters that were read in 100 seconds. There are more.'
            : 'The redrive stopped after 100 seconds. Redrive again to continue.'}
        </p>
      )}
      {reasons.length === 0 ? null : (
        <ul className="small muted">
          {reasons.map((found) => (
            <li key={describeReason(found)}>
              {formatCount(found.count)} × {describeReason(found)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
