import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePorts } from '../process/free-ports.ts';
import { createScratchFolder } from '../process/scratch-folder.ts';
import { ServerProcess } from '../process/server-process.ts';
import { requireService } from '../programs.ts';
import { askRedis, startRedis } from './local-redis.ts';
import type { LocalRedis } from './local-redis.ts';

/** A master and its replica, which three Sentinels watch under the name `facet`. */
export interface RedisSentinels {
  /** The addresses of the Sentinels, separated by commas. */
  readonly addresses: string;
  readonly sentinels: readonly ServerProcess[];
  /** The master first. */
  readonly nodes: readonly LocalRedis[];
  stop(): Promise<void>;
}

const DOWN_AFTER_MS = 2_000;
const READY_WITHIN_MS = 60_000;

/**
 * Starts a master, a replica and three Sentinels. Resolves when the Sentinels know each other and the replica.
 *
 * @param sentinelPassword the password that the Sentinels require
 */
export async function startRedisSentinels({
  sentinelPassword,
}: { readonly sentinelPassword?: string } = {}): Promise<RedisSentinels> {
  const scratch = await createScratchFolder('sentinels');
  const nodes: LocalRedis[] = [];
  const sentinels: ServerProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all([...sentinels.map((each) => each.kill()), ...nodes.map((each) => each.stop())]);
    await scratch.remove();
  };
  try {
    const master = await startRedis();
    nodes.push(master);
    nodes.push(await startRedis({ more: { replicaof: `127.0.0.1 ${master.port}` } }));
    await until(master.port, 'INFO replication', /slave0:.*state=online/);
    const ports = await findFreePorts(3);
    await Promise.all(
      ports.map(async (port) => {
        const at = (name: string): string => path.join(scratch.path, `${port}.${name}`);
        await writeFile(at('conf'), configOf(port, master.port, sentinelPassword));
        const sentinel = new ServerProcess({
          title: 'Redis Sentinel',
          command: [requireService('redisServer'), at('conf'), '--sentinel'],
          logFile: at('log'),
          isReady: async () => (await askRedis(port, 'PING')) !== '',
        });
        sentinels.push(sentinel);
        await sentinel.start();
      }),
    );
    const login = sentinelPassword === undefined ? '' : `AUTH ${sentinelPassword}\r\n`;
    for (const port of ports) await until(port, `${login}SENTINEL CKQUORUM facet`, /OK 3 usable/);
    return { addresses: ports.map((port) => `127.0.0.1:${port}`).join(','), sentinels, nodes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function configOf(port: number, masterPort: number, password: string | undefined): string {
  const secured = password === undefined ? [] : [`requirepass ${password}`, `sentinel sentinel-pass ${password}`];
  return [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor facet 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds facet ${DOWN_AFTER_MS}`,
    'sentinel failover-timeout facet 10000',
    ...secured,
    '',
  ].join('\n');
}

async function until(port: number, command: string, pattern: RegExp): Promise<void> {
  const giveUpAt = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const response = await askRedis(port, command);
    if (pattern.test(response)) return;
    if (Date.now() > giveUpAt) throw new Error(`${command}: ${response}`);
    await sleep(50);
  }
}
