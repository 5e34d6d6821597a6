import { closeOnSignal, createLogger, describeError, exitCodeOf, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';

export interface RunningWorker {
  readonly url: string;
  /** Rejects when the worker cannot continue. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/** Enough to stop a stage and return its job. */
const closeDelayMs = 15_000;

/**
 * Runs the process of a worker: starts it, prints its URL, and closes it on a signal. If it cannot start or continue, the exit code
 * follows the category of the error.
 */
export async function runWorker<Config extends { readonly logLevel: string; readonly access: unknown }>(
  name: string,
  readConfig: () => Config,
  start: (config: Config, logger: Logger) => Promise<RunningWorker>,
): Promise<void> {
  let running: RunningWorker | undefined;
  try {
    const config = readConfig();
    const logger = createLogger({ name, level: config.logLevel });
    if (config.access === 'anybody') logger.warn('responding without API keys: FACET_INSECURE is true');
    const { url, failed, close } = (running = await start(config, logger));
    closeOnSignal(close, { logger, delayMs: closeDelayMs });
    process.stdout.write(`${JSON.stringify({ msg: 'listening', url })}\n`);
    await failed.finally(close);
  } catch (error) {
    const code = isAppError(error) ? error.code : undefined;
    createLogger({ name }).fatal(
      { code, problem: describeError(error), err: error },
      running === undefined ? 'cannot start' : 'cannot continue',
    );
    process.exit(exitCodeOf(error));
  }
}
