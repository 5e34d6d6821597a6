/** Why a command ended before it was done: somebody asked it to. Not a failure. */
export class Interruption extends Error {
  readonly signal: NodeJS.Signals;

  constructor(
    signal: NodeJS.Signals,
    message = 'Stopped. Finished stages are kept; the same command goes on from there.',
  ) {
    super(message);
    this.name = 'Interruption';
    this.signal = signal;
  }
}

/** `promise`, or the signal's reason as soon as it is aborted. What goes on behind is the caller's to end or to leave. */
export async function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
