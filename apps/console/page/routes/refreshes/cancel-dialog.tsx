import type { Refresh } from '@facet/client/trainer-api';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { dataOf, trainer } from '../../api/fetch-api.ts';
import { ActionDialog } from '../../parts/dialog.tsx';
import { needsAdmin, useMayChange } from '../../parts/use-may-change.ts';
import { refreshQuery } from './queries.ts';

/** A button that cancels a run that has not ended. */
export function CancelRun({ report }: { readonly report: Refresh }) {
  const { runId } = report.run;
  const mayChange = useMayChange();
  const client = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const [reason, setReason] = useState('');
  const cancel = useMutation({
    mutationFn: () =>
      dataOf(
        trainer.POST('/v1/refreshes/{runId}/cancel', {
          params: { path: { runId } },
          body: reason.trim() === '' ? {} : { reason },
        }),
      ),
    onSuccess: (canceled) => {
      client.setQueryData(refreshQuery(runId).queryKey, canceled);
      void client.invalidateQueries({ queryKey: ['trainer'] });
      setOpen(false);
    },
  });
  return (
    <>
      <button
        type="button"
        className="button small danger"
        disabled={!mayChange}
        title={mayChange ? undefined : needsAdmin}
        onClick={() => {
          cancel.reset();
          setOpen(true);
        }}
      >
        Cancel this run
      </button>
      <ActionDialog
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        title={`Cancel run ${runId}`}
        description="The current stage stops within a second. Finished stages are kept, and the next run of that day reuses them."
        action="Cancel the run"
        isDanger
        isPending={cancel.isPending}
        error={cancel.error}
        onSubmit={() => cancel.mutate()}
      >
        <label className="field">
          <span>Reason</span>
          <input className="input" value={reason} maxLength={1000} onChange={({ target }) => setReason(target.value)} />
          <small className="muted">Saved in the run record.</small>
        </label>
      </ActionDialog>
    </>
  );
}
