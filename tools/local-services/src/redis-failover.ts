import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { thisMachine } from './network.ts';
import type { LocalHost } from './network.ts';
import { askRedis, secureRedis, startRedis } from './redis.ts';
import type { LocalRedis, LocalRedisOptions } from './redis.ts';
import { createScratchFolder, findFreePorts, orStop, requireService, ServerProcess, until } from './server-process.ts';

const masters = 3;
const slots = 16_384;
/** The time after which a silent master has failed. */
const NODE_TIMEOUT_MS = 2_000;
const readySeconds = 60;

/**
 * Starts a Redis Cluster: three masters with a replica each, with the users and certificates of a `SecuredRedis`. Resolves when all
 * nodes agree that it is complete, and the replicas follow their masters.
 *
 * @param options.hosts the hosts of the masters, in turn; this machine by default
 */
export async function startRedisCluster({
  hosts = [thisMachine],
  persistent = false,
}: Pick<LocalRedisOptions, 'persistent'> & { readonly hosts?: readonly LocalHost[] } = {}) {
  const scratch = await createScratchFolder('certificates');
  const nodes: LocalRedis[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
    await scratch.remove();
  };
  return orStop(stop, async () => {
    const { secrets, options } = await secureRedis(scratch.path);
    const ports = await findFreePorts(4 * masters);
    const [busPorts, tlsPorts] = [ports.slice(2 * masters), ports.slice(0, 2 * masters)];
    for (const [position, busPort] of busPorts.entries()) {
      const more = {
        ...options,
        'tls-port': String(tlsPorts[position]),
        // The nodes name their ports for TLS to clients with TLS.
        'tls-cluster': 'yes',
        'tls-replication': 'yes',
        'cluster-enabled': 'yes',
        'cluster-port': String(busPort),
        'cluster-node-timeout': String(NODE_TIMEOUT_MS),
      };
      // With three hosts, a master and its replica are on different ones.
      const index = position < masters ? position : position + 1;
      nodes.push(await startRedis({ persistent, host: hosts[index % hosts.length]!, more }));
    }
    await assemble(nodes, { tlsPorts, busPorts });
    const all = (ports: readonly number[]): string =>
      nodes.map(({ address }, position) => `${address}:${ports[position]}`).join(',');
    return {
      /** The addresses of all nodes, separated by commas, in plain text. */
      addresses: all(nodes.map(({ port }) => port)),
      /** For TLS. */
      secured: { ...secrets, addresses: all(tlsPorts) },
      /** The masters first. */
      nodes,
      stop,
    };
  });
}

async function assemble(
  nodes: readonly LocalRedis[],
  { tlsPorts, busPorts }: { readonly tlsPorts: readonly number[]; readonly busPorts: readonly number[] },
): Promise<void> {
  const ask = (position: number, command: string): Promise<string> =>
    askRedis(nodes[position]!.port, command, nodes[position]!.address);
  const require = async (position: number, command: string): Promise<void> => {
    const response = await ask(position, command);
    if (!response.startsWith('+OK')) throw new Error(`${command}: ${response}`);
  };
  const everywhere = (command: string, isDone: (response: string, position: number) => boolean): Promise<boolean> =>
    until(
      `${command} of all nodes`,
      async () => (await Promise.all(nodes.map((_, position) => ask(position, command)))).every(isDone),
      readySeconds,
    );
  for (const position of nodes.keys()) {
    await require(position, `CLUSTER SET-CONFIG-EPOCH ${position + 1}`);
    for (let other = 0; other < position; other++) {
      await require(position, `CLUSTER MEET ${nodes[other]!.address} ${tlsPorts[other]} ${busPorts[other]}`);
    }
    if (position >= masters) continue;
    const [first, end] = [position, position + 1].map((part) => Math.floor((part * slots) / masters));
    await require(position, `CLUSTER ADDSLOTSRANGE ${first} ${end! - 1}`);
  }
  const isMet = (response: string): boolean =>
    response.split('\n').filter((line) => line.includes('connected') && !/handshake|disconnected/.test(line)).length ===
    nodes.length;
  await everywhere('CLUSTER NODES', isMet);
  for (let position = masters; position < nodes.length; position++) {
    const [, id] = (await ask(position - masters, 'CLUSTER MYID')).split('\r\n');
    await require(position, `CLUSTER REPLICATE ${id}`);
  }
  await everywhere('INFO replication', (response, position) =>
    response.includes(position < masters ? 'connected_slaves:1' : 'master_link_status:up'),
  );
  await everywhere('CLUSTER INFO', (response) => response.includes('cluster_state:ok'));
  // A master that has not heard of its replica does not vote for it.
  const replicas = /(\bslave\b[^\n]*\n[^]*){3}/;
  await everywhere('CLUSTER NODES', (response) => replicas.test(response));
}

export type RedisSentinels = Awaited<ReturnType<typeof startRedisSentinels>>;

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
    `sentinel down-after-milliseconds facet ${NODE_TIMEOUT_MS}`,
    'sentinel failover-timeout facet 10000',
    ...secured,
    '',
  ].join('\n');
}

async function untilResponse(port: number, command: string, pattern: RegExp): Promise<void> {
  await until(command, async () => pattern.test(await askRedis(port, command)), readySeconds);
}
