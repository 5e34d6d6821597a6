import closeWithGrace from 'close-with-grace';
import type { Logger } from './logger.ts';

/**
 * Runs `close` once on SIGTERM, SIGINT or a crash, then ends the process; after `delayMs` it ends it anyway.
 * For entry points only.
 */
export function closeOnSignal(close: () => Promise<void>, options: { logger: Logger; delayMs?: number }): void {
  closeWithGrace({ delay: options.delayMs ?? 10_000 }, async ({ signal, err }) => {
    if (err !== undefined) options.logger.error({ err }, 'closing after an error');
    else options.logger.info({ signal }, 'closing');
    await close();
  });
}
