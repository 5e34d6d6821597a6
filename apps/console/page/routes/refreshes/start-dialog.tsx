import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { dataOf, trainer } from '../../api/fetch-api.ts';
import { ActionDialog } from '../../parts/dialog.tsx';
import { needsAdmin, useMayChange } from '../../parts/use-may-change.ts';
import { refreshQuery } from './queries.ts';

/** A button that requests a refresh, and shows the new run. */
export function StartRefresh() {
  const mayChange = useMayChange();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [isOpen, setOpen] = useState(false);
  const [day, setDay] = useState('');
  const [force, setForce] = useState(false);
  const [full, setFull] = useState(false);
  const [acceptBadData, setAcceptBadData] = useState('');
  const [existing, setExisting] = useState<string>();
  const start = useMutation({
    mutationFn: async () => {
      const given = { ...(day === '' ? {} : { day }), ...(acceptBadData.trim() === '' ? {} : { acceptBadData }) };
      const call = trainer.POST('/v1/refreshes', { body: { ...given, force, full } });
      // 200: the request would only repeat this run.
      return { report: await dataOf(call), isNew: (await call).response.status === 202 };
    },
    onSuccess: ({ report, isNew }) => {
      const { runId } = report.run;
      if (!isNew) {
        setExisting(runId);
        return;
      }
      client.setQueryData(refreshQuery(runId).queryKey, report);
      void client.invalidateQueries({ queryKey: ['trainer'] });
      setOpen(false);
      void navigate({ to: '/refreshes', search: { run: runId } });
    },
  });
  const open = (): void => {
    start.reset();
    setExisting(undefined);
    setOpen(true);
  };
  return (
    <>
      <button
        type="button"
        className="button primary"
        disabled={!mayChange}
        title={mayChange ? undefined : needsAdmin}
        onClick={open}
      >
        Start a refresh
      </button>
      <ActionDialog
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        title="Start a refresh"
        description="Trainer and indexer build a bundle from the data of a day. The gate compares it with the current one, and promotes it if it passes."
        action="Start"
        isPending={start.isPending}
        error={start.error}
        onSubmit={() => start.mutate()}
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
        {existing === undefined ? null : (
          <p className="banner" role="status">
            No run was started. Run {existing} already covers this request.
          </p>
        )}
      </ActionDialog>
    </>
  );
}
