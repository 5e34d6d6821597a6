import type { StageProgress } from '@facet/pipeline/runs';
import { isAppError } from '@facet/platform';
import type { ChildMessage, SentError } from './messages.ts';

/** The child's side of `runChild`: takes one order, works on it, tells its result, and ends. */
export function serveOrder<Order, Result>(
  work: (order: Order, onProgress: (progress: StageProgress) => void) => Promise<Result>,
): void {
  const say = (message: ChildMessage<Result>): Promise<void> =>
    new Promise((resolve) => process.send!(message, undefined, undefined, () => resolve()));
  process.once('message', (order) => {
    work(order as Order, (progress) => void say({ type: 'progress', progress }))
      .then((result) => say({ type: 'done', result }))
      .catch((error: unknown) => say({ type: 'failed', error: describe(error) }))
      .finally(() => process.exit(0));
  });
  void say({ type: 'ready' });
}

function describe(error: unknown): SentError {
  if (isAppError(error)) {
    const { message, code, category, remedy, retryable } = error;
    return { message, code, category, retryable, ...(remedy === undefined ? {} : { remedy }) };
  }
  const { message, code, stack } = error as NodeJS.ErrnoException;
  process.stderr.write(`${stack ?? String(error)}\n`);
  return { message: message ?? String(error), ...systemProblem(code) };
}

/** A disk that is full now may have room later; a mistake in the program stays one, and is tried again all the same. */
function systemProblem(code: string | undefined): Omit<SentError, 'message'> {
  if (code === 'ENOSPC') {
    return {
      code: 'REFRESH_DISK_FULL',
      category: 'unavailable',
      remedy: 'Free some space: finished stages are kept.',
      retryable: true,
    };
  }
  return { code: code ?? 'UNEXPECTED', category: 'internal', retryable: true };
}
