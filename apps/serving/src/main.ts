import cluster from 'node:cluster';
import { closeOnSignal, createLogger, describeError, exitCodeOf, isAppError } from '@facet/platform';
import { limitNativeThreads, readConfig } from './config.ts';
import type { Announcement, SupervisorMessage } from './processes/messages.ts';
import { runSupervisor } from './processes/run-supervisor.ts';
import { connectWorker } from './processes/worker.ts';
import type { Worker } from './processes/worker.ts';

/** How long requests under way may take to finish; longer than any answer may take. */
const closeDelayMs = 15_000;

/** One JSON line on standard output, and the same to a parent process that listens. */
function announce(message: Announcement): void {
  const { type, ...facts } = message;
  process.stdout.write(`${JSON.stringify({ msg: type, ...facts })}\n`);
  process.send?.(message);
}

/** The channel to the supervisor, where this process has been started by one. */
function connectToSupervisor(close: () => void): Worker | undefined {
  if (!cluster.isWorker) return undefined;
  return connectWorker(
    {
      send: (message) => void process.send?.(message),
      listen: (listener) => void process.on('message', (message) => listener(message as SupervisorMessage)),
    },
    close,
  );
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger({ name: 'serving', level: config.logLevel });
  // Nobody is left to stop it when the parent that started it, such as `facet serve`, was killed.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  if (!cluster.isWorker && config.access === 'anybody') {
    logger.warn({ host: config.host }, 'answering anybody: FACET_INSECURE is true');
  }
  if (config.processes > 1 && cluster.isPrimary) {
    process.exit(await runSupervisor({ ...config, closeDelayMs }, { logger, announce }));
  }
  limitNativeThreads();
  let close: () => Promise<void> = async () => undefined;
  const closeNow = closeOnSignal(() => close(), { logger, delayMs: closeDelayMs, isSupervised: cluster.isWorker });
  const worker = connectToSupervisor(closeNow);
  const role = await worker?.role;
  // Not before: it loads the native index, which reads the environment once.
  const { startServing } = await import('./start-serving.ts');
  const server = await startServing(config, {
    logger,
    ...(worker && { joinPeers: worker.join }),
    ...(role && { listens: role.listens }),
  });
  close = async () => {
    await server.close();
    await worker?.leave();
  };
  const say = worker?.announce ?? announce;
  void server.listening.then(
    (url) => say({ type: 'listening', url }),
    () => undefined,
  );
  try {
    const { bundleId } = await server.ready;
    logger.info({ bundleId }, 'ready');
    say({ type: 'ready', url: await server.listening, bundleId });
  } catch (error) {
    await server.close();
    throw error;
  }
}

try {
  await main();
} catch (error) {
  const { code, category } = isAppError(error) ? error : {};
  createLogger({ name: 'serving' }).fatal(
    { code, category, problem: describeError(error), err: error },
    'cannot serve',
  );
  process.exit(exitCodeOf(error));
}
