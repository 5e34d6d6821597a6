import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { requirePrivateNetwork } from './network.ts';
import { createScratchFolder, findFreePorts, startServer } from './server-process.ts';
import { installPython, pythonFile } from './python-packages.ts';

/** Milvus Lite needs only Python. Milvus standalone is the server of a cluster in one process. */
export type MilvusServer = 'lite' | 'standalone';

/** Makes `startMilvus` start Milvus standalone by default. */
export const milvusVariable = 'LOCAL_SERVICES_MILVUS';
/** Port of the health check of Milvus standalone. */
const healthPort = 9_091;

/** Installs a Milvus from Python packages if it is missing. Returns the folder of its programs. */
export function installMilvus(server: MilvusServer): Promise<string> {
  return installPython(server === 'lite' ? 'milvus' : 'milvus-standalone');
}

/**
 * Starts Milvus on a free port of 127.0.0.1, with data in a temporary folder. The first call installs it. The kernel kills it when this
 * process ends for any reason.
 *
 * @param kind Milvus standalone listens on all addresses and on fixed ports, so it needs `enterPrivateNetwork` and runs once in it.
 * @throws Error that contains its log if it did not start.
 */
export async function startMilvus(
  kind: MilvusServer = process.env[milvusVariable] === 'standalone' ? 'standalone' : 'lite',
) {
  if (kind === 'standalone') requirePrivateNetwork();
  const programs = await installMilvus(kind);
  const scratch = await createScratchFolder('milvus');
  const data = path.join(scratch.path, 'data');
  const [port = 0] = await findFreePorts(1);
  const servers = {
    lite: {
      name: 'Milvus Lite',
      // Its default host is 0.0.0.0. Without the limit, Faiss takes all cores for each search.
      command: [
        ...['env', 'OMP_NUM_THREADS=1', path.join(programs, 'milvus-lite'), 'server'],
        ...['--data-dir', data, '--host', '127.0.0.1', '--port', String(port)],
      ],
      async isReady() {
        const socket = connect({ port, host: '127.0.0.1' });
        await once(socket, 'connect');
        socket.destroy();
        return true;
      },
    },
    standalone: {
      name: 'Milvus standalone',
      command: [path.join(programs, 'python'), pythonFile('milvus-standalone.py'), data, String(port)],
      isReady: async () => (await fetch(`http://127.0.0.1:${healthPort}/healthz`)).ok,
    },
  };
  const server = await startServer(scratch, servers[kind]);
  return Object.assign(server, {
    address: `127.0.0.1:${port}`,
    port,
    /** Removes all collections. Call it after `kill`. */
    empty: () => rm(data, { recursive: true }),
  });
}
