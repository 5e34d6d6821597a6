import type { BundleSummary, GateReport } from '@facet/client/serving-api';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { gateQuery } from '../../api/queries.ts';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { formatBytes, formatCount, formatNumber, formatShare, shortId, Time } from '../../parts/format.tsx';
import { Card, DocLink } from '../../parts/page.tsx';
import { describeError, Empty, Failure, QueryView } from '../../parts/states.tsx';
import { promote, promotionsQuery, rollBack, runGate } from './queries.ts';

/** The verdict of the gate about a bundle, check by check. */
export function GateCard({ bundleId, isCurrent }: { readonly bundleId: string; readonly isCurrent: boolean }) {
  const client = useQueryClient();
  const [progress, setProgress] = useState(0);
  const run = useMutation({
    mutationFn: () => runGate(bundleId, setProgress),
    onSuccess: () => client.invalidateQueries({ queryKey: gateQuery(bundleId).queryKey }),
  });
  return (
    <Card
      title={`Gate of ${shortId(bundleId)}`}
      actions={
        <button type="button" className="button" disabled={run.isPending || isCurrent} onClick={() => run.mutate()}>
          {run.isPending ? `Running, ${formatShare(progress)}` : 'Run the gate'}
        </button>
      }
    >
      {run.error === null ? null : <Failure error={run.error} />}
      <QueryView query={useQuery(gateQuery(bundleId))} what="Loading the verdict">
        {({ report }) =>
          report !== undefined ? (
            <Report {...report} />
          ) : isCurrent ? (
            <Empty title="This bundle is current">
              The gate compares other bundles with it. Choose another bundle as After.
            </Empty>
          ) : (
            <Empty title="The gate has not checked this bundle">
              It compares the bundle with the current one on the newest window.
            </Empty>
          )
        }
      </QueryView>
    </Card>
  );
}

function Report({ verdict, checks, notes, window, incumbentId, incumbentProblem }: GateReport) {
  const failed = checks.filter(({ passed }) => !passed).length;
  return (
    <>
      <p className="row">
        <span className={`badge ${verdict === 'pass' ? 'good' : 'bad'}`}>
          {verdict === 'pass' ? 'passed' : 'rejected'}
        </span>
        <span className="small muted">
          {failed === 0 ? `${checks.length} checks` : `${failed} of ${checks.length} checks failed`}, against{' '}
          {incumbentId === null ? 'no bundle' : shortId(incumbentId)}, {formatCount(window.users)} users from{' '}
          <Time at={window.from} />. <DocLink to="promotion.md#the-gate">What the checks mean</DocLink>
        </span>
      </p>
      {incumbentProblem === null ? null : <p className="banner">{incumbentProblem}</p>}
      <DataTable
        label="Checks of the gate"
        columns={[
          { title: 'Check', cellClass: 'gate-name', isRowHeader: true },
          numeric('Value'),
          numeric('Current'),
          numeric('Limit'),
          'Result',
        ]}
        rows={checks.map(({ name, value, incumbent, threshold, passed, sentence }) => ({
          key: name,
          title: sentence,
          cells: [
            <>
              {name}
              {passed ? null : <span className="gate-reason">{sentence}</span>}
            </>,
            write(name, value),
            incumbent === null ? '–' : write(name, incumbent),
            write(name, threshold),
            <span className={`badge ${passed ? 'good' : 'bad'}`}>{passed ? 'ok' : 'failed'}</span>,
          ],
        }))}
        className="small"
      />
      {notes.map((note) => (
        <p key={note} className="muted small">
          {note}
        </p>
      ))}
    </>
  );
}

function write(name: string, value: number): string {
  if (name === 'data age') return new Date(value).toISOString().slice(0, 10);
  if (name === 'latency') return `${formatNumber(value)} ms`;
  if (name === 'size') return formatBytes(value);
  return formatNumber(value);
}

interface DecisionCardProps {
  readonly candidate: string;
  readonly bundles: readonly BundleSummary[];
}

/** Promotes the bundle of the side After, or rolls back, with a reason for the promotion log. */
export function DecisionCard({ candidate, bundles }: DecisionCardProps) {
  const [reason, setReason] = useState('');
  const client = useQueryClient();
  const previous = bundles.find(({ state }) => state === 'previous')?.bundleId;
  const isCurrent = bundles.some(({ bundleId, state }) => bundleId === candidate && state === 'current');
  const decide = useMutation({
    mutationFn: (decision: 'promote' | 'rollback') =>
      decision === 'promote' ? promote(candidate, reason.trim()) : rollBack(reason.trim()),
    onSuccess: async () => {
      setReason('');
      await client.invalidateQueries({ queryKey: ['serving'] });
    },
  });
  const { error, data, isPending } = decide;
  const isReady = reason.trim() !== '' && !isPending;
  return (
    <Card title="Decide" actions={<DocLink to="promotion.md">How promotion works</DocLink>}>
      <label className="field">
        <span>Reason, for the promotion log</span>
        <input
          className="input"
          maxLength={1000}
          value={reason}
          placeholder="Why this bundle should serve"
          onChange={({ target }) => setReason(target.value)}
        />
      </label>
      <p className="row">
        <button
          type="button"
          className="button primary"
          disabled={!isReady || isCurrent}
          onClick={() => decide.mutate('promote')}
        >
          {isCurrent ? 'After is already current' : `Promote ${shortId(candidate)}`}
        </button>
        <button
          type="button"
          className="button danger"
          disabled={!isReady || previous === undefined}
          onClick={() => decide.mutate('rollback')}
        >
          {previous === undefined ? 'Nothing to roll back to' : `Roll back to ${shortId(previous)}`}
        </button>
      </p>
      <p className="small" role="status">
        {error === null ? null : <span className="error-text">{describeError(error)}</span>}
        {data === undefined ? null : `${shortId(data.current)} is current and goes live within seconds.`}
      </p>
      <Promotions />
    </Card>
  );
}

const shown = 8;

function Promotions() {
  return (
    <QueryView query={useQuery(promotionsQuery)} what="Loading the promotion log">
      {({ promotions }) => (
        <>
          <h3>Promotion log</h3>
          <ol className="promotions small">
            {promotions.slice(0, shown).map(({ number, at, by, kind, bundleId, reason }) => (
              <li key={number}>
                <span className={`badge ${kind === 'rollback' ? 'warning' : 'accent'}`}>
                  {kind === 'rollback' ? 'rollback' : 'promotion'}
                </span>
                <span>
                  <span className="mono">{bundleId === null ? '–' : shortId(bundleId)}</span> by {by},{' '}
                  <Time at={at} isRelative />
                  {reason === undefined ? '' : `: ${reason}`}
                </span>
              </li>
            ))}
          </ol>
        </>
      )}
    </QueryView>
  );
}
