import { closeOnSignal, createLogger, describeError, isAppError } from '@facet/platform';
import { limitNativeThreads, readConfig } from './config.ts';
import { exitCodeOf } from './exit-codes.ts';

/** How long requests under way may take to finish; longer than any answer may take. */
const closeDelayMs = 15_000;

/** One JSON line on standard output, and the same to a parent process that listens. */
function announce(message: {
  readonly type: 'listening' | 'ready';
  readonly url: string;
  readonly bundleId?: string;
}): void {
  const { type, ...facts } = message;
  process.stdout.write(`${JSON.stringify({ msg: type, ...facts })}\n`);
  process.send?.(message);
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger({ name: 'serving', level: config.logLevel });
  if (config.access === 'anybody') logger.warn({ host: config.host }, 'answering anybody: FACET_INSECURE is true');
  limitNativeThreads();
  // Not before: it loads the native index, which reads the environment once.
  const { startServing } = await import('./start-serving.ts');
  const server = await startServing(config, { logger });
  closeOnSignal(() => server.close(), { logger, delayMs: closeDelayMs });
  // Nobody is left to stop it when the parent that started it, such as `facet serve`, was killed.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  announce({ type: 'listening', url: server.url });
  try {
    const { bundleId } = await server.ready;
    logger.info({ bundleId }, 'ready');
    announce({ type: 'ready', url: server.url, bundleId });
  } catch (error) {
    await server.close();
    throw error;
  }
}

try {
  await main();
} catch (error) {
  const code = isAppError(error) ? error.code : undefined;
  createLogger({ name: 'serving' }).fatal({ code, problem: describeError(error), err: error }, 'cannot serve');
  process.exit(exitCodeOf(error));
}
