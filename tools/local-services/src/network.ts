import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { endWithUs, requireService } from './server-process.ts';

/** Where a process runs: this machine, or a host of a `LocalNetwork`. */
export interface LocalHost {
  /** The address that processes listen on and that others connect to. */
  readonly address: string;
  /** Returns the command that runs `command` on this host. */
  enter(command: readonly string[]): readonly string[];
}

export const thisMachine: LocalHost = { address: '127.0.0.1', enter: (command) => command };

/** Namespaces that serve as a separate machine, with its own network, host name and mounts. */
export interface NetworkHost extends LocalHost {
  readonly name: string;
  /** Mounts a folder at `target`, only for the processes of this host. */
  mount(folder: string, target: string): Promise<void>;
  /** Takes its link down: packets from and to other hosts are lost, and its processes continue. */
  disconnect(): Promise<void>;
  connect(): Promise<void>;
}

const privateNetworkVariable = 'LOCAL_SERVICES_NETWORK';
const bridge = 'hosts';
const addressOf = (number: number): string => `10.77.0.${number}`;
/** The address of this process in the network of the hosts. */
export const networkAddress = addressOf(1);

/**
 * Runs this program again in a network namespace with only 127.0.0.1, then exits with its exit code. Inside the namespace, it returns.
 * When the last process of the namespace ends, the kernel removes the namespace with everything in it.
 */
export function enterPrivateNetwork(): void {
  if (process.env[privateNetworkVariable] !== undefined) {
    execFileSync(requireService('ip'), ['link', 'set', 'lo', 'up']);
    return;
  }
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const [file, ...args] = endWithUs(['unshare', ...user, '--net']);
  const attempt = spawnSync(file, [...args, 'true']);
  if (attempt.status !== 0) {
    const problem = attempt.error?.message ?? attempt.stderr.toString().trim();
    console.error(`This user cannot create a network namespace: ${problem}. Run the command as root.`);
    process.exit(1);
  }
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const env = { ...process.env, [privateNetworkVariable]: 'true' };
  process.exit(spawnSync(file, [...args, ...program], { stdio: 'inherit', env }).status ?? 1);
}

/** @throws Error outside `enterPrivateNetwork`. */
export function requirePrivateNetwork(): void {
  if (process.env[privateNetworkVariable] === undefined) throw new Error('Call enterPrivateNetwork() first.');
}

/**
 * Starts hosts, each with its own address. A bridge connects them to each other and to this process.
 *
 * @throws Error outside `enterPrivateNetwork`.
 */
export async function startNetwork(count: number): Promise<readonly NetworkHost[]> {
  requirePrivateNetwork();
  await ip(`link add ${bridge} type bridge`);
  await ip(`address add ${networkAddress}/24 dev ${bridge}`, `link set ${bridge} up`);
  return Promise.all(Array.from({ length: count }, (_, index) => startHost(index + 1)));
}

async function startHost(number: number): Promise<NetworkHost> {
  const name = `host-${number}`;
  const address = addressOf(10 + number);
  const { pid } = await holdNamespaces(name);
  const enter = (command: readonly string[]): readonly string[] => [
    'nsenter',
    ...['--target', String(pid), '--net', '--mount', '--uts', '--wd', '--'],
    ...command,
  ];
  await ip(`link add ${name} type veth peer name eth0 netns ${pid}`, `link set ${name} master ${bridge} up`);
  const inside = ['link set lo up', `address add ${address}/24 dev eth0`, 'link set eth0 up'];
  for (const args of inside) await run(enter([requireService('ip'), ...args.split(' ')]));
  return {
    name,
    address,
    enter,
    mount: (folder, target) => run(enter(['mount', '--bind', folder, target])),
    disconnect: () => ip(`link set ${name} down`),
    connect: () => ip(`link set ${name} up`),
  };
}

/** Starts a process that keeps new namespaces until this process ends. */
async function holdNamespaces(hostName: string): Promise<ChildProcess> {
  const hold = 'hostname "$0" && echo ready && exec sleep infinity';
  const [file, ...args] = endWithUs(['unshare', '--net', '--mount', '--uts', 'sh', '-c', hold, hostName]);
  const holder = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  await once(holder.stdout, 'data');
  holder.stdout.destroy();
  holder.unref();
  return holder;
}

async function ip(...commands: readonly string[]): Promise<void> {
  for (const command of commands) await run([requireService('ip'), ...command.split(' ')]);
}

async function run([file = '', ...args]: readonly string[]): Promise<void> {
  await promisify(execFile)(file, args);
}
