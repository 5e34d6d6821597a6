import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { formatBytes, formatCount, formatNumber, formatShare } from '../../parts/format.ts';
import { Card, DocLink } from '../../parts/page.tsx';
import { Empty, Failure, QueryView } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { gateQuery, runGate } from './queries.ts';
import type { GateReport } from './queries.ts';
import { shortId } from './sides.ts';

interface GateCardProps {
  readonly bundleId: string;
  readonly isCurrent: boolean;
}

/** The verdict of the gate about a bundle, check by check. */
export function GateCard({ bundleId, isCurrent }: GateCardProps) {
  const query = useQuery(gateQuery(bundleId));
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
      {run.error === null ? null : <Failure error={run.error} api="serving" />}
      <QueryView query={query} api="serving" what="Loading the verdict">
        {({ report }) => {
          if (report !== undefined) return <Report report={report} />;
          return (
            <Empty title={isCurrent ? 'This bundle is current' : 'The gate has not checked this bundle'}>
              {isCurrent
                ? 'The gate compares other bundles with it. Choose another bundle as After.'
                : 'It compares the bundle with the current one on the newest window.'}
            </Empty>
          );
        }}
      </QueryView>
    </Card>
  );
}

function Report({ report }: { readonly report: GateReport }) {
  const { verdict, checks, notes, window, incumbentId, incumbentProblem } = report;
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
        columns={['Check', numeric('Value'), numeric('Current'), numeric('Limit'), 'Result']}
        className="small"
      >
        {checks.map(({ name, value, incumbent, threshold, passed, sentence }) => (
          <tr key={name} title={sentence}>
            <th scope="row" className="gate-name">
              {name}
              {passed ? null : <span className="gate-reason">{sentence}</span>}
            </th>
            <td className="numeric">{write(name, value)}</td>
            <td className="numeric">{incumbent === null ? '–' : write(name, incumbent)}</td>
            <td className="numeric">{write(name, threshold)}</td>
            <td>
              <span className={`badge ${passed ? 'good' : 'bad'}`}>{passed ? 'ok' : 'failed'}</span>
            </td>
          </tr>
        ))}
      </DataTable>
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
