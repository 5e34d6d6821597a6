import type { components } from '@facet/client/serving-api';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiError } from '../../api/api-error.ts';
import { Card, DocLink } from '../../parts/page.tsx';
import { QueryView } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { promote, promotionsQuery, rollBack } from './queries.ts';
import { shortId } from './sides.ts';

interface DecisionCardProps {
  readonly candidate: string;
  readonly bundles: readonly components['schemas']['BundleSummary'][];
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
      await client.invalidateQueries({ queryKey: ['compare'] });
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
        {error === null ? null : (
          <span className="error-text">
            {error.message} {error instanceof ApiError ? error.remedy : ''}
          </span>
        )}
        {data === undefined ? null : `${shortId(data.current)} is current and goes live within seconds.`}
      </p>
      <Promotions />
    </Card>
  );
}

const shown = 8;

function Promotions() {
  const query = useQuery(promotionsQuery);
  return (
    <QueryView query={query} api="serving" what="Loading the promotion log">
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
