import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { ClientRequest, IncomingMessage, Server } from 'node:http';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { thisMachine } from './network.ts';
import { createScratchFolder, findFreePorts, requireService, startServer } from './server-process.ts';

export type LocalS3 = Awaited<ReturnType<typeof startS3>>;

const bucket = 'facet-test';
const region = 'us-east-1';

/**
 * Starts a real S3 server on a free port, with one bucket in a temporary folder. The kernel kills it when this process ends for any
 * reason.
 *
 * @param address the address of this machine on which the server listens
 * @throws Error that names the setup command if the server is missing, or contains its log if it did not start.
 */
export async function startS3(address = thisMachine.address) {
  const program = requireService('s3Server');
  const scratch = await createScratchFolder('s3');
  const objects = path.join(scratch.path, 'objects');
  const folder = path.join(objects, bucket);
  await mkdir(folder, { recursive: true });
  const [port = 0] = await findFreePorts(1);
  const endpoint = `http://${address}:${port}`;
  const keys = ['--access', 'facet-test', '--secret', 'facet-test-secret', '--region', region];
  const server = await startServer(scratch, {
    name: 's3',
    command: [program, '--port', `${address}:${port}`, '--quiet', ...keys, 'posix', objects],
    isReady: async () => (await fetch(endpoint, { signal: AbortSignal.timeout(1_000) })).status === 403,
  });
  const env = {
    AWS_ACCESS_KEY_ID: 'facet-test',
    AWS_SECRET_ACCESS_KEY: 'facet-test-secret',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  return Object.assign(server, {
    endpoint,
    region,
    bucket,
    /** The credentials and the settings of the SDK, as environment variables. */
    env,
    /** The folder of the objects: the path of an object is its key. */
    folder,
    /** Writes `s3.yaml` into a folder of a lake or of artifacts, and returns the settings. Creates a missing folder. */
    async writeConfig<More extends object>(dataFolder: string, prefix: string, more?: More) {
      await mkdir(dataFolder, { recursive: true });
      const settings = { bucket, prefix, region, endpoint, pathStyle: true, ...(more as More) };
      await writeFile(path.join(dataFolder, 's3.yaml'), JSON.stringify(settings));
      return settings;
    },
  });
}

export interface S3ProxyRules {
  /** Returns false to close the connection instead of passing on the response. */
  readonly onResponse?: (request: IncomingMessage) => Promise<boolean>;
  /** Returns true to respond with 503. */
  readonly refuses?: (request: IncomingMessage) => boolean;
  /** Returns true to send the request twice and pass on the second response. */
  readonly repeats?: (request: IncomingMessage) => boolean;
}

/** Returns a server that passes requests on to an S3 server. */
export function createS3Proxy(endpoint: string, { onResponse, refuses, repeats }: S3ProxyRules): Server {
  const { hostname: host, port } = new URL(endpoint);
  return createServer((incoming, outgoing) => {
    if (refuses?.(incoming) === true) return void incoming.resume().on('end', () => outgoing.writeHead(503).end());
    const { method = '', url = '', headers } = incoming;
    const forward = (use: (response: IncomingMessage) => void): ClientRequest =>
      request({ host, port, method, path: url, headers }, use);
    const pass = (response: IncomingMessage): void => {
      void (onResponse?.(incoming) ?? Promise.resolve(true)).then((isPassed) => {
        if (isPassed) response.pipe(outgoing.writeHead(response.statusCode ?? 500, response.headers));
        else incoming.socket.destroy();
      });
    };
    if (repeats?.(incoming) !== true) return void incoming.pipe(forward(pass));
    void buffer(incoming).then((body) =>
      forward((first) => void first.resume().on('end', () => forward(pass).end(body))).end(body),
    );
  });
}
