import type { Refresh } from '@facet/client/trainer-api';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { dataOf, trainer } from '../../api/fetch-api.ts';
import { ActionDialog } from '../../parts/dialog.tsx';
import { refreshQuery } from './queries.ts';

/** A button that requests a refresh, and shows the new run. */
export function StartRefresh() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [day, setDay] = useState('');
  const [force, setForce] = useState(false);
  const [full, setFull] = useState(false);
  const [acceptBadData, setAcceptBadData] = useState('');
  const start = useMutation({
    mutationFn: async () => {
      const given = { day: day || undefined, acceptBadData: acceptBadData.trim() === '' ? undefined : acceptBadData };
      const call = trainer.POST('/v1/refreshes', { body: { ...given, force, full } });
      // 200: the request would only repeat this run.
      return { report: await dataOf(call), isNew: (await call).response.status === 202 };
    },
  });
  const submit = (close: () => void): void =>
    start.mutate(undefined, {
      onSuccess({ report, isNew }) {
        if (!isNew) return;
        const { runId } = report.run;
        client.setQueryData(refreshQuery(runId).queryKey, report);
        void client.invalidateQueries({ queryKey: ['trainer'] });
        close();
        void navigate({ to: '/refreshes', search: { run: runId } });
      },
    });
  return (
    <ActionDialog
      button="Start a refresh"
      className="primary"
      title="Start a refresh"
      description="Trainer and indexer build a bundle from the data of a day. The gate compares it with the current one, and promotes it if it passes."
      action="Start"
      mutation={start}
      onSubmit={submit}
    >
      <label className="field">
        <span>Data day</span>
        <input className="input" type="date" value={day} onChange={({ target }) => setDay(target.value)} />
        <small className="muted">Empty: the newest day that is over.</small>
      </label>
      <label className="row">
        <input type="checkbox" checked={force} onChange={({ target }) => setForce(target.checked)} />
        Force: run even without new data or if the day is finished
      </label>
      <label className="row">
        <input type="checkbox" checked={full} onChange={({ target }) => setFull(target.checked)} />
        Full training, without a warm start
      </label>
      <label className="field">
        <span>Reason to accept bad data</span>
        <input
          className="input"
          value={acceptBadData}
          maxLength={1_000}
          onChange={({ target }) => setAcceptBadData(target.value)}
        />
        <small className="muted">Empty: a new day with bad data stops the run.</small>
      </label>
      {start.data?.isNew === false ? (
        <p className="banner" role="status">
          No run was started. Run {start.data.report.run.runId} already covers this request.
        </p>
      ) : null}
    </ActionDialog>
  );
}

/** A button that cancels a run that has not ended. */
export function CancelRun({ report }: { readonly report: Refresh }) {
  const { runId } = report.run;
  const client = useQueryClient();
  const [reason, setReason] = useState('');
  const cancel = useMutation({
    mutationFn: () =>
      dataOf(
        trainer.POST('/v1/refreshes/{runId}/cancel', {
          params: { path: { runId } },
          body: { reason: reason.trim() === '' ? undefined : reason },
        }),
      ),
    onSuccess: (canceled) => {
      client.setQueryData(refreshQuery(runId).queryKey, canceled);
      void client.invalidateQueries({ queryKey: ['trainer'] });
    },
  });
  return (
    <ActionDialog
      button="Cancel this run"
      className="small danger"
      title={`Cancel run ${runId}`}
      description="The current stage stops within a second. Finished stages are kept, and the next run of that day reuses them."
      action="Cancel the run"
      isDanger
      mutation={cancel}
      onSubmit={(close) => cancel.mutate(undefined, { onSuccess: close })}
    >
      <label className="field">
        <span>Reason</span>
        <input className="input" value={reason} maxLength={1000} onChange={({ target }) => setReason(target.value)} />
        <small className="muted">Saved in the run record.</small>
      </label>
    </ActionDialog>
  );
}
