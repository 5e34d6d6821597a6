/** How long the process may live after its parent, milliseconds. */
const lookEveryMs = 500;

const watch = `
  const { workerData } = require('node:worker_threads');
  setInterval(() => {
    if (process.ppid !== workerData.parent) process.kill(process.pid, 'SIGKILL');
  }, workerData.lookEveryMs);
`;

const preload = `
  import { isMainThread, Worker } from 'node:worker_threads';
  if (isMainThread) {
    const workerData = { parent: Number(process.argv[2]), lookEveryMs: ${lookEveryMs} };
    new Worker(${JSON.stringify(watch)}, { eval: true, execArgv: [], workerData }).unref();
    process.once('disconnect', () => process.exit(1));
  }
`;

/**
 * Options of Node that end a process when its parent is gone, however that ended: a worker that was killed must not leave a
 * training behind that goes on. They come first, as loading what a stage needs takes seconds. A thread of its own looks, as
 * native code keeps the main one busy for long. The parent's process id is the first argument of the process: the parent may be
 * gone before it could be asked.
 */
export const endWithParent: readonly string[] = ['--import', `data:text/javascript,${encodeURIComponent(preload)}`];
