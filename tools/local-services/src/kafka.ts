import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import type { Admin } from 'kafkajs';
import { thisMachine } from './network.ts';
import type { LocalHost } from './network.ts';
import {
  createScratchFolder,
  endWithUs,
  findFreePorts,
  orStop,
  requireService,
  ServerProcess,
  until,
} from './server-process.ts';

export interface LocalKafkaOptions {
  /** Number of brokers; 1 by default. With three, every partition has three replicas and a write needs two. */
  brokers?: 1 | 3;
  /** The hosts of the brokers, in turn; this machine by default. */
  hosts?: readonly LocalHost[];
  security?: BrokerSecurity & {
    /** Users whose password hashes are stored before the first start, as `SCRAM-SHA-512=[name=…,password=…]`. */
    readonly scramUsers: readonly string[];
  };
}

export type LocalKafka = Awaited<ReturnType<typeof startKafka>>;

const RESPONSE_WITHIN_MS = 2_000;

/** Three brokers fit into 0.6 GB; a single one has headroom for load tests. */
const heapMegabytes = { 1: 512, 3: 224 } as const;
const jvmFlags = [
  '-Xms96m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:MaxMetaspaceSize=96m',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];

/**
 * Starts real brokers on free ports, with data in a temporary folder and without automatic topic creation.
 * The kernel kills them when this process ends for any reason.
 *
 * @throws Error that names the setup command if Java or Kafka is missing, or contains the log of a broker that did not
 *   start.
 */
export async function startKafka({ brokers: count = 1, hosts = [thisMachine], security }: LocalKafkaOptions = {}) {
  const jvm = [requireService('java'), ...jvmFlags, `-Xmx${heapMegabytes[count]}m`];
  jvm.push('-cp', `${requireService('kafkaJars')}/*`);
  const scratch = await createScratchFolder('kafka');
  const ports = await findFreePorts(2 * count);
  const hostOf = (index: number): LocalHost => hosts[index % hosts.length]!;
  const cluster = Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    address: hostOf(i).address,
    port: ports[2 * i] as number,
    controllerPort: ports[2 * i + 1] as number,
    dataFolder: path.join(scratch.path, `data-${i + 1}`),
  }));
  const propertiesFile = (id: number) => path.join(scratch.path, `broker-${id}.properties`);
  const clusterId = createClusterId();
  const format = async (node: BrokerPlan) => {
    await writeFile(propertiesFile(node.id), brokerProperties(node, cluster, security));
    const storageTool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', propertiesFile(node.id)];
    storageTool.push(...(security?.scramUsers ?? []).flatMap((user) => ['--add-scram', user]));
    const [file, ...args] = endWithUs([...jvm, ...storageTool]);
    await promisify(execFile)(file, args);
  };
  const nodes = cluster.map((plan, index) => {
    const { id, port, dataFolder } = plan;
    const server = new ServerProcess({
      name: `broker ${id}`,
      command: hostOf(index).enter([...jvm, 'kafka.Kafka', propertiesFile(id)]),
      isReady: async () => (await readBrokerIds(plan)).includes(id),
    });
    return Object.assign(server, { id, port, dataFolder });
  });
  /** Stops all brokers and removes their data. */
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.kill()));
    await scratch.remove();
  };

  await orStop(stop, async () => {
    await Promise.all(cluster.map(format));
    await Promise.all(nodes.map((node) => node.start()));
    await untilClusterIsReady(cluster);
  });
  /** `host:port` of each broker. */
  const brokers = cluster.map(({ address, port }) => `${address}:${port}`);
  return { brokers, nodes, stop };
}

/** Waits until every broker knows the others and finds the coordinator of a group. */
async function untilClusterIsReady(cluster: readonly BrokerPlan[]): Promise<void> {
  for (const broker of cluster) {
    await until('the other brokers', async () => (await readBrokerIds(broker)).length === cluster.length);
    // The first request for a group creates the topic of the offsets. On a busy machine, that takes longer than clients retry.
    await until('the coordinator of a group', () => ask(broker, describeGroup).then(Boolean, () => false));
  }
}

async function describeGroup(admin: Admin) {
  // kafkajs finds coordinators only after it has read the metadata of topics.
  await admin.listTopics();
  return admin.describeGroups(['facet-local-services']);
}

/** Returns the ids of the brokers that a client would learn from one broker: those that are registered and serving. */
async function readBrokerIds(broker: BrokerPlan): Promise<number[]> {
  return (await ask(broker, (admin) => admin.describeCluster())).brokers.map(({ nodeId }) => nodeId);
}

/** @throws Error if the broker is unreachable or does not respond within 2 s. */
async function ask<Response>(
  { address, port }: BrokerPlan,
  request: (admin: Admin) => Promise<Response>,
): Promise<Response> {
  const kafka = new Kafka({
    clientId: 'facet-local-services',
    brokers: [`${address}:${port}`],
    connectionTimeout: RESPONSE_WITHIN_MS,
    requestTimeout: RESPONSE_WITHIN_MS,
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await request(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Returns 16 random bytes in Kafka's encoding, without a leading hyphen, which Kafka would parse as an option. */
function createClusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? createClusterId() : id;
}

interface BrokerPlan {
  id: number;
  /** The address that it listens on. */
  address: string;
  port: number;
  controllerPort: number;
  dataFolder: string;
}

/** A listener in addition to the one in plain text. */
interface SecuredListener {
  readonly name: string;
  /** The port of each broker. */
  readonly ports: readonly number[];
  readonly protocol: 'SSL' | 'SASL_SSL';
}

/** What a broker with TLS and SASL has in addition. */
export interface BrokerSecurity {
  readonly listeners: readonly SecuredListener[];
  readonly properties: Readonly<Record<string, string>>;
}

/**
 * Returns the configuration of a node that is both broker and controller: a small version of a production node.
 *
 * @param cluster All nodes.
 */
function brokerProperties(
  node: BrokerPlan,
  cluster: readonly BrokerPlan[],
  { listeners, properties: securityProperties }: BrokerSecurity = { listeners: [], properties: {} },
): string {
  const copies = cluster.length;
  const allListeners = [
    { name: 'CLIENTS', port: node.port, protocol: 'PLAINTEXT' },
    { name: 'CONTROLLER', port: node.controllerPort, protocol: 'PLAINTEXT' },
    ...listeners.map(({ ports, ...listener }) => ({ ...listener, port: ports[cluster.indexOf(node)] })),
  ];
  const properties: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': node.id,
    'controller.quorum.voters': cluster
      .map(({ id, address, controllerPort }) => `${id}@${address}:${controllerPort}`)
      .join(','),
    listeners: allListeners.map(({ name, port }) => `${name}://${node.address}:${port}`).join(','),
    'listener.security.protocol.map': allListeners.map(({ name, protocol }) => `${name}:${protocol}`).join(','),
    'inter.broker.listener.name': 'CLIENTS',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': node.dataFolder,

    'auto.create.topics.enable': 'false',
    'default.replication.factor': copies,
    'min.insync.replicas': copies > 1 ? 2 : 1,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,

    // Consumer groups start, and partitions of a dead broker get a new leader, within seconds.
    'group.initial.rebalance.delay.ms': 0,
    'broker.heartbeat.interval.ms': 1_000,
    'broker.session.timeout.ms': 6_000,

    // The default exceeds the whole heap.
    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
    'num.network.threads': 2,
    'num.io.threads': 4,
    ...securityProperties,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** A stored batch, named by the offset of its first message. */
interface StoredBatch {
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset: number;
}

/** The offset of the first message and the length of the rest precede each batch in a segment file. */
const frameBytes = 12;

/**
 * Inverts one byte of a batch in the first segment file of a running broker, as a broken disk may do.
 *
 * @param at index of the byte in the batch; the last byte by default
 */
export async function damageBatch(
  { dataFolder }: { readonly dataFolder: string },
  { topic, partition, firstOffset }: StoredBatch,
  at?: number,
): Promise<void> {
  const file = await open(path.join(dataFolder, `${topic}-${partition}`, `${'0'.repeat(20)}.log`), 'r+');
  try {
    const segment = await file.readFile();
    let start = 0;
    const lengthAt = (index: number): number => frameBytes + segment.readInt32BE(index + 8);
    while (Number(segment.readBigInt64BE(start)) !== firstOffset) start += lengthAt(start);
    const index = start + (at ?? lengthAt(start) - 1);
    await file.write(Buffer.of(segment[index]! ^ 0xff), 0, 1, index);
  } finally {
    await file.close();
  }
}
