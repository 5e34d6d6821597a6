import cluster from 'node:cluster';
import { closeOnSignal } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { Announcement, SupervisorMessage, WorkerMessage } from './messages.ts';
import { Supervisor } from './supervisor.ts';
import type { SupervisorOptions, WorkerProcess } from './supervisor.ts';

/** Longer than a worker takes to close, so that it is the worker that gives up. */
const marginMs = 2_000;

/**
 * Starts the workers, each this same program, and keeps them. Connections are taken up here and given to the workers in turn.
 *
 * @returns the exit code of the whole, when all have ended by themselves.
 */
export async function runSupervisor(
  { processes, closeDelayMs }: SupervisorOptions,
  { logger, announce }: { readonly logger: Logger; readonly announce: (message: Announcement) => void },
): Promise<number> {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const supervisor = new Supervisor(
    { processes, closeDelayMs: closeDelayMs + marginMs },
    { fork: forkWorker, announce, logger },
  );
  closeOnSignal(
    async () => {
      const exitCode = await supervisor.close();
      if (exitCode !== 0) process.exit(exitCode);
    },
    { logger, delayMs: closeDelayMs + 2 * marginMs },
  );
  supervisor.start();
  return supervisor.ended;
}

function forkWorker(): WorkerProcess {
  const worker = cluster.fork();
  return {
    pid: worker.process.pid,
    send(message: SupervisorMessage) {
      // One that is ending has no channel any more, and its end is heard of.
      if (worker.isConnected()) worker.send(message, () => undefined);
    },
    kill: (signal) => void worker.process.kill(signal),
    onMessage: (listener) => void worker.on('message', (message) => listener(message as WorkerMessage)),
    onExit: (listener) => void worker.once('exit', listener),
  };
}
