import type { Refresh } from '@facet/client/trainer-api';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { hasEnded, refreshQuery } from './queries.ts';
import type { StageName } from './queries.ts';

/** One epoch of the training curve. */
export interface Epoch {
  readonly phase: 'fit' | 'refit';
  /** K of the phase. Absent in the curves of a finished model. */
  readonly interests?: number;
  /** Absent if `interests` is. */
  readonly labels?: string;
  readonly epoch: number;
  readonly loss: number;
  readonly recall?: number;
}

/** The progress of a stage, as `GET /v1/refreshes/{runId}/events` sends it. */
export interface StageProgress {
  readonly share: number;
  readonly detail: string;
  readonly examplesPerSecond?: number;
  readonly loss?: number;
  readonly etaSeconds?: number;
  readonly epochs?: readonly Epoch[];
}

export interface LiveProgress {
  readonly runId: string;
  readonly stage: StageName;
  readonly progress: StageProgress;
}

/** The browser reconnects a broken stream. After a refused request it does not, so the page opens a new one. */
const reopenMs = 5_000;

/** Follows a run: keeps its query up to date, and returns the progress of its stage. */
export function useRunEvents(runId: string, isFollowed: boolean): LiveProgress | undefined {
  const client = useQueryClient();
  const [live, setLive] = useState<LiveProgress>();

  useEffect(() => {
    if (!isFollowed) return undefined;
    let source: EventSource | undefined;
    let reopening: ReturnType<typeof setTimeout> | undefined;
    const open = (): void => {
      source = new EventSource(`/api/trainer/v1/refreshes/${encodeURIComponent(runId)}/events`);
      source.addEventListener('progress', ({ data }: MessageEvent<string>) => {
        setLive({ runId, ...(JSON.parse(data) as Omit<LiveProgress, 'runId'>) });
      });
      source.addEventListener('report', ({ data }: MessageEvent<string>) => {
        const { report } = JSON.parse(data) as { readonly report: Refresh };
        client.setQueryData(refreshQuery(runId).queryKey, report);
        if (!hasEnded(report)) return;
        source?.close();
        void client.invalidateQueries({ queryKey: ['trainer'] });
      });
      source.addEventListener('error', () => {
        if (source?.readyState === EventSource.CLOSED) reopening = setTimeout(open, reopenMs);
      });
    };
    open();
    return () => {
      clearTimeout(reopening);
      source?.close();
    };
  }, [client, runId, isFollowed]);

  return live?.runId === runId ? live : undefined;
}
