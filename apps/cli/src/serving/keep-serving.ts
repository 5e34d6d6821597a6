import { AppError } from '@facet/platform';
import { Interruption } from '../interruption.ts';
import type { ServingProcess } from './serving-process.ts';

/**
 * Waits until the API ends, and passes on the signal that this process is stopped by. A service that SIGTERM has ended
 * in an orderly way was successful.
 *
 * @throws AppError `SERVING_STOPPED` when it ended by itself or in disorder; the {@link Interruption} of a Ctrl-C.
 */
export async function keepServing(server: ServingProcess, signal: AbortSignal): Promise<void> {
  const pass = (): void => server.stop(signal.reason instanceof Interruption ? signal.reason.signal : 'SIGTERM');
  if (signal.aborted) pass();
  else signal.addEventListener('abort', pass, { once: true });
  const code = await server.ended;
  if (!signal.aborted || code !== 0) {
    throw new AppError(`The API process ended with code ${code}.`, {
      code: 'SERVING_STOPPED',
      category: 'unavailable',
      remedy: 'Its log above says why; start it again.',
    });
  }
  const { reason } = signal as { reason: unknown };
  if (reason instanceof Interruption && reason.signal !== 'SIGTERM') throw new Interruption(reason.signal, 'Stopped.');
}
