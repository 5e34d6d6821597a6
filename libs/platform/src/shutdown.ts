import closeWithGrace from 'close-with-grace';
import type { Logger } from './logger.ts';

export interface CloseOptions {
  readonly logger: Logger;
  /** 10 seconds by default. */
  readonly delayMs?: number;
  /**
   * Whether another process of the same group says when to close: then the Ctrl-C of a terminal, which reaches all of the group,
   * is left to that one, and being told twice is no haste.
   */
  readonly isSupervised?: boolean;
}

/**
 * Runs `close` once on SIGTERM, SIGINT or a crash, then ends the process; after `delayMs` it ends it anyway.
 * For entry points only.
 *
 * @returns does the same.
 */
export function closeOnSignal(close: () => Promise<void>, options: CloseOptions): () => void {
  const { logger, delayMs = 10_000, isSupervised = false } = options;
  const graceful = closeWithGrace(
    { delay: delayMs, ...(isSupervised ? { skip: ['SIGTERM', 'SIGINT'] } : {}) },
    async ({ signal, err }) => {
      if (err !== undefined) logger.error({ err }, 'closing after an error');
      else logger.info({ signal }, 'closing');
      await close();
    },
  );
  let isClosing = false;
  const closeNow = (): void => {
    if (isClosing) return;
    isClosing = true;
    void graceful.close();
  };
  if (isSupervised) {
    process.on('SIGTERM', closeNow);
    process.on('SIGINT', () => undefined);
  }
  return closeNow;
}
