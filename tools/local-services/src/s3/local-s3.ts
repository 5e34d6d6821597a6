import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { thisMachine } from '../network/local-host.ts';
import { findFreePorts } from '../process/free-ports.ts';
import { createScratchFolder } from '../process/scratch-folder.ts';
import { ServerProcess, startInScratchFolder } from '../process/server-process.ts';
import { requireService } from '../programs.ts';

interface S3Settings {
  readonly bucket: string;
  readonly prefix: string;
  readonly region: string;
  readonly endpoint: string;
  readonly pathStyle: boolean;
}

export interface LocalS3 {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** The credentials and the settings of the SDK, as environment variables. */
  readonly env: Readonly<Record<string, string>>;
  /** The folder of the objects: the path of an object is its key. */
  readonly folder: string;
  /** Writes `s3.yaml` into a folder of a lake or of artifacts, and returns the settings. Creates a missing folder. */
  writeConfig<More extends object>(dataFolder: string, prefix: string, more?: More): Promise<S3Settings & More>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Restarts on the same port with the same objects. */
  start(): Promise<void>;
  /** Stops the server and removes the objects. */
  stop(): Promise<void>;
}

const bucket = 'facet-test';
const region = 'us-east-1';

/**
 * Starts a real S3 server on a free port, with one bucket in a temporary folder. The kernel kills it when this process ends for any
 * reason.
 *
 * @param address the address of this machine on which the server listens
 * @throws Error that names the setup command if the server is missing, or contains its log if it did not start.
 */
export async function startS3(address = thisMachine.address): Promise<LocalS3> {
  const program = requireService('s3Server');
  const scratch = await createScratchFolder('s3');
  const objects = path.join(scratch.path, 'objects');
  const folder = path.join(objects, bucket);
  await mkdir(folder, { recursive: true });
  const [port = 0] = await findFreePorts(1);
  const endpoint = `http://${address}:${port}`;
  const keys = ['--access', 'facet-test', '--secret', 'facet-test-secret', '--region', region];
  const server = new ServerProcess({
    title: 'S3',
    command: [program, '--port', `${address}:${port}`, '--quiet', ...keys, 'posix', objects],
    logFile: path.join(scratch.path, 's3.log'),
    isReady: async () => (await fetch(endpoint, { signal: AbortSignal.timeout(1_000) })).status === 403,
  });
  const stop = await startInScratchFolder(server, scratch);
  const env = {
    AWS_ACCESS_KEY_ID: 'facet-test',
    AWS_SECRET_ACCESS_KEY: 'facet-test-secret',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  return {
    endpoint,
    region,
    bucket,
    env,
    folder,
    async writeConfig<More extends object>(dataFolder: string, prefix: string, more?: More) {
      await mkdir(dataFolder, { recursive: true });
      const settings = { bucket, prefix, region, endpoint, pathStyle: true, ...(more as More) };
      await writeFile(path.join(dataFolder, 's3.yaml'), JSON.stringify(settings));
      return settings;
    },
    kill: () => server.kill(),
    start: () => server.start(),
    stop,
  };
}
