import { findFreePorts } from './free-ports.ts';
import { thisMachine } from './network.ts';
import type { LocalHost } from './network.ts';
import { askRedis, secureRedis, startRedis } from './redis.ts';
import type { LocalRedis, LocalRedisOptions } from './redis.ts';
import { createScratchFolder, orStop, until } from './server-process.ts';

const masters = 3;
const slots = 16_384;
/** The time after which a silent master fails. */
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
