import { setTimeout as delay } from 'node:timers/promises';

/** Work that is done again and again until it is stopped. */
export interface Polling {
  /** Settles when the work that is under way has ended. */
  stop(): Promise<void>;
}

/** @param work never fails; the next time is `intervalMs` after its end. */
export function poll(work: () => Promise<void>, intervalMs: number): Polling {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await delay(intervalMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      if (!stopping.signal.aborted) await work();
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
