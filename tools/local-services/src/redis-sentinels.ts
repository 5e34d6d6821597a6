import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findFreePorts } from './free-ports.ts';
import { requireService } from './programs.ts';
import { askRedis, secureRedis, startRedis } from './redis.ts';
import type { LocalRedis } from './redis.ts';
import { createScratchFolder, orStop, ServerProcess, until } from './server-process.ts';

export type RedisSentinels = Awaited<ReturnType<typeof startRedisSentinels>>;

const DOWN_AFTER_MS = 2_000;
const readySeconds = 60;

/**
 * Starts a master and its replica with the users of a `SecuredRedis`, and three Sentinels, which watch them under the name `facet`.
 * Resolves when the Sentinels know each other and the replica.
 *
 * @param sentinelPassword the password that the Sentinels require
 * @param hasTls whether the addresses of the Sentinels, and those that they return, are for TLS
 */
export async function startRedisSentinels({
  sentinelPassword,
  hasTls = false,
}: { readonly sentinelPassword?: string; readonly hasTls?: boolean } = {}) {
  const scratch = await createScratchFolder('sentinels');
  const nodes: LocalRedis[] = [];
  const sentinels: ServerProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all([...sentinels.map((each) => each.kill()), ...nodes.map((each) => each.stop())]);
    await scratch.remove();
  };
  return orStop(stop, async () => {
    const { secrets, options } = await secureRedis(scratch.path);
    const tls = Object.fromEntries(Object.entries(options).filter(([name]) => name.startsWith('tls-')));
    const ports = await findFreePorts(3);
    const tlsPorts = await findFreePorts(5);
    const [masterTlsPort, replicaTlsPort, ...sentinelTlsPorts] = tlsPorts;
    const replication: Readonly<Record<string, string>> = hasTls ? { 'tls-replication': 'yes' } : {};
    const startNode = async (tlsPort: number, more: Readonly<Record<string, string>> = {}): Promise<LocalRedis> => {
      const node = await startRedis({ more: { ...options, ...replication, 'tls-port': String(tlsPort), ...more } });
      nodes.push(node);
      return node;
    };
    const master = await startNode(masterTlsPort!);
    const masterPort = hasTls ? masterTlsPort! : master.port;
    await startNode(replicaTlsPort!, { replicaof: `127.0.0.1 ${masterPort}` });
    await untilResponse(master.port, 'INFO replication', /slave0:.*state=online/);
    await Promise.all(
      ports.map(async (port, position) => {
        const configFile = path.join(scratch.path, `${port}.conf`);
        const settings = { port: String(port), ...tls, ...replication, 'tls-port': String(sentinelTlsPorts[position]) };
        await writeFile(configFile, configOf(settings, masterPort, sentinelPassword));
        const sentinel = new ServerProcess({
          name: 'Redis Sentinel',
          command: [requireService('redisServer'), configFile, '--sentinel'],
          isReady: async () => (await askRedis(port, 'PING')) !== '',
        });
        sentinels.push(sentinel);
        await sentinel.start();
      }),
    );
    const login = sentinelPassword === undefined ? '' : `AUTH ${sentinelPassword}\r\n`;
    for (const port of ports) await untilResponse(port, `${login}SENTINEL CKQUORUM facet`, /OK 3 usable/);
    /** The addresses of the Sentinels, separated by commas. */
    const addresses = (hasTls ? sentinelTlsPorts : ports).map((port) => `127.0.0.1:${port}`).join(',');
    return { addresses, secured: secrets, /** The master first. */ nodes, stop };
  });
}

function configOf(
  settings: Readonly<Record<string, string>>,
  masterPort: number,
  password: string | undefined,
): string {
  const secured = password === undefined ? [] : [`requirepass ${password}`, `sentinel sentinel-pass ${password}`];
  return [
    ...Object.entries(settings).map(([name, value]) => `${name} ${value}`),
    'bind 127.0.0.1',
    `sentinel monitor facet 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds facet ${DOWN_AFTER_MS}`,
    'sentinel failover-timeout facet 10000',
    ...secured,
    '',
  ].join('\n');
}

async function untilResponse(port: number, command: string, pattern: RegExp): Promise<void> {
  await until(command, async () => pattern.test(await askRedis(port, command)), readySeconds);
}
