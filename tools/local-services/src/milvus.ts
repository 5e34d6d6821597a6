import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { findFreePorts } from './process/free-ports.ts';
import { createScratchFolder } from './process/scratch-folder.ts';
import { ServerProcess, startInScratchFolder } from './process/server-process.ts';
import { installPython } from './python-packages.ts';

export interface LocalMilvus {
  /** `host:port` */
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Removes all collections. Call it after `kill`. */
  empty(): Promise<void>;
  /** Restarts on the same port; resolves when the server accepts connections. */
  start(): Promise<void>;
  /** Stops the server and removes its data. */
  stop(): Promise<void>;
}

/**
 * Starts Milvus Lite, a Milvus in one process, on a free port of 127.0.0.1, with data in a temporary folder. The first call installs it
 * from Python packages. The kernel kills it when this process ends for any reason.
 *
 * @throws Error that contains its log if it did not start.
 */
export async function startMilvus(): Promise<LocalMilvus> {
  const programs = await installPython(new URL('../python/milvus.txt', import.meta.url));
  const scratch = await createScratchFolder('milvus');
  const data = path.join(scratch.path, 'data');
  const [port = 0] = await findFreePorts(1);
  const server = new ServerProcess({
    title: 'Milvus Lite',
    // Its default host is 0.0.0.0. Without the limit, Faiss takes all cores for each search.
    command: [
      ...['env', 'OMP_NUM_THREADS=1', path.join(programs, 'milvus-lite'), 'server'],
      ...['--data-dir', data, '--host', '127.0.0.1', '--port', String(port)],
    ],
    logFile: path.join(scratch.path, 'milvus.log'),
    isReady: () => acceptsConnections(port),
  });
  const stop = await startInScratchFolder(server, scratch);
  return {
    address: `127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid;
    },
    kill: () => server.kill(),
    empty: () => rm(data, { recursive: true }),
    start: () => server.start(),
    stop,
  };
}

function acceptsConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
