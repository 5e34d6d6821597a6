import cluster from 'node:cluster';
import { announce, closeOnSignal, createLogger, exitWithError } from '@facet/platform';
import { respondToArguments } from '@facet/platform/app-arguments';
import { help, readConfig } from './config.ts';
import { connectToSupervisor } from './processes/peers.ts';
import { runSupervisor } from './processes/supervisor.ts';

/** Time for current requests to finish. Longer than any response timeout. */
const closeDelayMs = 15_000;

/**
 * Limits Faiss to one thread per search. Requests run in parallel already, and competing threads cost a factor of ten. Must run
 * before the native index is loaded. Child processes inherit the limit. A value that the operator has set stays.
 */
function limitNativeThreads(): void {
  process.env['OMP_NUM_THREADS'] ??= '1';
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const logger = createLogger({ name: 'serving', level: config.logLevel });
  // A killed parent, such as `facet serve`, cannot stop this process.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  if (!cluster.isWorker && config.access === 'anybody') {
    logger.warn({ host: config.host }, 'FACET_INSECURE is true: accepting requests without a key');
  }
  limitNativeThreads();
  if (config.processes > 1 && cluster.isPrimary) {
    process.exit(await runSupervisor({ processes: config.processes, closeDelayMs, logger, announce }));
  }
  let close: () => Promise<void> = async () => undefined;
  const closeNow = closeOnSignal(() => close(), { logger, delayMs: closeDelayMs, isSupervised: cluster.isWorker });
  const worker = cluster.isWorker ? connectToSupervisor(closeNow) : undefined;
  const role = await worker?.role;
  // Imported late: the native index reads OMP_NUM_THREADS when it is loaded.
  const { startServing } = await import('./start-serving.ts');
  const server = await startServing(config, { logger, joinPeers: worker?.join, ...role });
  close = async () => {
    await server.close();
    await worker?.leave();
  };
  const send = worker?.announce ?? announce;
  void server.listening.then(
    (url) => send({ type: 'listening', url }),
    () => undefined,
  );
  try {
    const { bundleId } = await server.ready;
    logger.info({ bundleId }, 'ready');
    send({ type: 'ready', url: await server.listening, bundleId });
  } catch (error) {
    await server.close();
    throw error;
  }
}

const exitCode = respondToArguments(process.argv.slice(2), { name: 'serving', help });
if (exitCode !== undefined) process.exit(exitCode);
try {
  await main();
} catch (error) {
  exitWithError(error, 'serving', 'cannot serve');
}
