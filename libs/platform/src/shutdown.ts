import closeWithGrace from 'close-with-grace';
import type { Logger } from './logger.ts';

/**
 * Runs `open`, which adds a closer for each resource to the list. The returned `close`, or an error of `open`, runs the closers in
 * reverse order. `close` runs all closers, logs their
 * errors, and then throws the first error.
 */
export async function openWithClosers<Opened extends object>(
  logger: Logger,
  open: (closers: (() => Promise<void>)[]) => Promise<Opened>,
): Promise<Opened & { close(): Promise<void> }> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    const errors: unknown[] = [];
    for (const closeOne of closers.splice(0).reverse()) {
      await closeOne().catch((error: unknown) => {
        logger.error({ err: error }, 'cannot close a resource');
        errors.push(error);
      });
    }
    if (errors.length > 0) throw errors[0];
  };
  try {
    return { ...(await open(closers)), close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

export interface CloseOptions {
  readonly logger: Logger;
  /** Default: 10 seconds. */
  readonly delayMs?: number;
  /**
   * Whether a supervisor in the same process group decides when to close. Then the process ignores the Ctrl-C of a
   * terminal, which reaches the whole group, and a second signal does not force it to exit.
   */
  readonly isSupervised?: boolean;
}

/**
 * Runs `close` once on SIGTERM, SIGINT or a crash, then exits. Exits after `delayMs` even if `close` has not finished. Ignores SIGHUP:
 * the apps reload changed files automatically. For entry points only.
 *
 * @returns A function that starts the same shutdown.
 */
export function closeOnSignal(close: () => Promise<void>, options: CloseOptions): () => void {
  const { logger, delayMs = 10_000, isSupervised = false } = options;
  const graceful = closeWithGrace(
    { delay: delayMs, skip: isSupervised ? ['SIGHUP', 'SIGTERM', 'SIGINT'] : ['SIGHUP'] },
    async ({ signal, err }) => {
      if (err !== undefined) logger.error({ err }, 'closing after an error');
      else logger.info({ signal }, 'closing');
      await close();
    },
  );
  process.on('SIGHUP', () =>
    logger.info('SIGHUP has no effect: changed key and certificate files reload automatically'),
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
