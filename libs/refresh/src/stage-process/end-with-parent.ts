import { Worker } from 'node:worker_threads';

/** How long the process may live after its parent, milliseconds. */
const lookEveryMs = 500;

const watch = `
  const { workerData } = require('node:worker_threads');
  setInterval(() => {
    if (process.ppid !== workerData.parent) process.kill(process.pid, 'SIGKILL');
  }, workerData.lookEveryMs);
`;

/**
 * Ends this process when its parent is gone, however that ended: a worker that was killed must not leave a training behind that
 * goes on. A thread of its own looks, as native code keeps the main one busy for long.
 *
 * @param parent the process id of the parent, as the parent says it: it may be gone before this is called.
 */
export function endWithParent(parent: number): void {
  const watcher = new Worker(watch, { eval: true, execArgv: [], workerData: { parent, lookEveryMs } });
  watcher.unref();
  process.once('disconnect', () => process.exit(1));
}
