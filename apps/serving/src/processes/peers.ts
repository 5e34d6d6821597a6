import type { HttpMetrics } from '@facet/http';

/** What a process has to do with those beside it that answer on the same port. */
export interface Peers {
  /** Waits until no other process loads a bundle. @returns what lets the next one; undefined when aborted. */
  takeTurn(signal: AbortSignal): Promise<(() => void) | undefined>;
  /** The metrics of all of them. */
  readMetrics(): Promise<string>;
  /** @throws AppError `NOT_READY` until each of them has been ready. */
  requireReady(): void;
}

/** For a process that is the only one. */
export function noPeers({ registry }: Pick<HttpMetrics, 'registry'>): Peers {
  return {
    takeTurn: async () => () => undefined,
    readMetrics: () => registry.metrics(),
    requireReady: () => undefined,
  };
}

/** Does `work` while no other process loads a bundle. Undefined when it is aborted before that begins. */
export async function inTurn<Result>(
  takeTurn: Peers['takeTurn'] | undefined,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  const endTurn = await takeTurn?.(signal);
  try {
    return signal.aborted ? undefined : await work();
  } finally {
    endTurn?.();
  }
}
