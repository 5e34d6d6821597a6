import { closeOnSignal, createLogger, describeError, exitCodeOf, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';

export interface RunningWorker {
  readonly url: string;
  close(): Promise<void>;
}

/** A stage that is stopped needs no longer. */
const closeDelayMs = 15_000;

/**
 * The process of a worker: starts it, says where it listens, closes it on a signal, and ends with a code that says why when it
 * cannot run: 2 wrong settings, 5 a port that cannot be used, 1 anything else.
 */
export async function runWorker<Config extends { readonly logLevel: string; readonly access: unknown }>(
  name: string,
  readConfig: () => Config,
  start: (config: Config, logger: Logger) => Promise<RunningWorker>,
): Promise<void> {
  try {
    const config = readConfig();
    const logger = createLogger({ name, level: config.logLevel });
    if (config.access === 'anybody') logger.warn('answering anybody: FACET_INSECURE is true');
    const running = await start(config, logger);
    closeOnSignal(() => running.close(), { logger, delayMs: closeDelayMs });
    process.stdout.write(`${JSON.stringify({ msg: 'listening', url: running.url })}\n`);
  } catch (error) {
    const code = isAppError(error) ? error.code : undefined;
    createLogger({ name }).fatal({ code, problem: describeError(error), err: error }, 'cannot run');
    process.exit(exitCodeOf(error));
  }
}
