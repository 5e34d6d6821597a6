import type { RedriveReport } from '@facet/client/sink-api';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { dataOf, sink } from '../../api/fetch-api.ts';
import { ActionDialog } from '../../parts/dialog.tsx';
import { formatCount } from '../../parts/format.ts';
import { needsAdmin, useMayChange } from '../../parts/use-may-change.ts';

interface RedriveProps {
  /** Only dead letters with this reason. */
  readonly reason?: string | undefined;
  /** Only this dead letter. */
  readonly id?: string | undefined;
  readonly total: number;
}

/** A button that sends dead letters back to Kafka. A dry run first shows how many are valid now. */
export function Redrive({ reason, id, total }: RedriveProps) {
  const mayChange = useMayChange();
  const client = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const [addEventIds, setAddEventIds] = useState(false);
  const redrive = useMutation({
    mutationFn: (dryRun: boolean) =>
      dataOf(
        sink.POST('/v1/dead-letters/redrive', {
          body: {
            ...(reason === undefined ? {} : { reasons: [reason] }),
            ...(id === undefined ? {} : { ids: [id] }),
            addEventIds,
            dryRun,
          },
        }),
      ),
    onSuccess: ({ isDryRun }) => {
      if (!isDryRun) void client.invalidateQueries({ queryKey: ['sink'] });
    },
  });
  const open = (): void => {
    redrive.reset();
    setOpen(true);
    redrive.mutate(true);
  };
  const some = reason === undefined ? 'all dead letters' : `dead letters with the reason ${reason}`;
  const what = id === undefined ? some : `dead letter ${id}`;
  return (
    <>
      <button
        type="button"
        className="button small primary"
        disabled={!mayChange || total === 0}
        title={mayChange ? undefined : needsAdmin}
        onClick={open}
      >
        Redrive…
      </button>
      <ActionDialog
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        title={`Redrive ${what}`}
        description="Sends dead letters that are now valid back to Kafka. They keep their eventId and time, so an event that is redriven twice counts once. Fix the cause first, for example declare the type in facet.yaml and restart the collector."
        action="Redrive"
        isPending={redrive.isPending}
        error={redrive.error}
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
        {redrive.data === undefined ? null : <Outcome report={redrive.data} />}
      </ActionDialog>
    </>
  );
}

function Outcome({ report }: { readonly report: RedriveReport }) {
  const { isDryRun, isComplete, redriven, failed, reasons } = report;
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
          {reasons.map(({ reason, field, count }) => (
            <li key={`${reason} ${field}`}>
              {formatCount(count)} × {reason}
              {field === '' ? '' : ` (${field})`}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
