import { closeOnSignal, createLogger, describeError, exitCodeOf, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';

export interface RunningWorker {
  readonly url: string;
  close(): Promise<void>;
}

/** Enough to stop a stage and return its job. */
const closeDelayMs = 15_000;

/**
 * Runs the process of a worker: starts it, prints its URL, and closes it on a signal. If it cannot start, the exit code follows
 * the category of the error.
 */
export async function runWorker<Config extends { readonly logLevel: string; readonly access: unknown }>(
  name: string,
  readConfig: () => Config,
  start: (config: Config, logger: Logger) => Promise<RunningWorker>,
): Promise<void> {
  try {
    const config = readConfig();
    const logger = createLogger({ name, level: config.logLevel });
    if (config.access === 'anybody') logger.warn('responding without API keys: FACET_INSECURE is true');
    const running = await start(config, logger);
    closeOnSignal(() => running.close(), { logger, delayMs: closeDelayMs });
    process.stdout.write(`${JSON.stringify({ msg: 'listening', url: running.url })}\n`);
  } catch (error) {
    const code = isAppError(error) ? error.code : undefined;
    createLogger({ name }).fatal({ code, problem: describeError(error), err: error }, 'cannot start');
    process.exit(exitCodeOf(error));
  }
}
