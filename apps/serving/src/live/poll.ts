import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';

/** Work that is done again and again until it is stopped. */
export interface Polling {
  /** Settles when the work that is under way has ended. */
  stop(): Promise<void>;
}

/**
 * @param work the next time is `intervalMs` after its end, also when it has failed: that is logged, whatever it was.
 */
export function poll(
  work: () => Promise<void>,
  { intervalMs, logger }: { readonly intervalMs: number; readonly logger: Pick<Logger, 'error'> },
): Polling {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await delay(intervalMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      try {
        if (!stopping.signal.aborted) await work();
      } catch (error) {
        logger.error({ problem: describeError(error), err: error }, 'watching failed, and goes on');
      }
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
