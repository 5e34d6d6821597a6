import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { thisMachine } from '../network/local-host.ts';
import type { LocalHost } from '../network/local-host.ts';
import { findFreePorts } from '../process/free-ports.ts';
import { createScratchFolder } from '../process/scratch-folder.ts';
import { endWithUs, ServerProcess } from '../process/server-process.ts';
import { requireService } from '../programs.ts';
import { until } from '../until.ts';
import { brokerProperties } from './broker-properties.ts';
import type { BrokerPlan, BrokerSecurity } from './broker-properties.ts';

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

/** One broker. It keeps its port and data across restarts. */
export interface KafkaNode {
  readonly id: number;
  readonly port: number;
  readonly pid: number;
  /** Contains a folder for each partition. */
  readonly dataFolder: string;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM, which moves partition leadership to other brokers first. */
  stop(): Promise<void>;
  /** Resolves when the broker serves requests. */
  start(): Promise<void>;
}

export interface LocalKafka {
  /** `host:port` of each broker. */
  readonly brokers: string[];
  readonly nodes: readonly KafkaNode[];
  /** Stops all brokers and removes their data. */
  stop(): Promise<void>;
}

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
export async function startKafka({
  brokers: count = 1,
  hosts = [thisMachine],
  security,
}: LocalKafkaOptions = {}): Promise<LocalKafka> {
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
      title: `Kafka broker ${id}`,
      command: hostOf(index).enter([...jvm, 'kafka.Kafka', propertiesFile(id)]),
      logFile: path.join(scratch.path, `broker-${id}.log`),
      isReady: async () => (await readBrokerIds(plan)).includes(id),
    });
    return {
      id,
      port,
      dataFolder,
      get pid() {
        return server.pid;
      },
      kill: () => server.kill(),
      stop: () => server.stop(),
      start: () => server.start(),
    };
  });
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.kill()));
    await scratch.remove();
  };

  try {
    await Promise.all(cluster.map(format));
    await Promise.all(nodes.map((node) => node.start()));
    await untilAllAreKnown(cluster);
  } catch (error) {
    await stop();
    throw error;
  }
  return { brokers: cluster.map(({ address, port }) => `${address}:${port}`), nodes, stop };
}

/** Waits until every broker knows the others, which takes a moment after they are ready. */
async function untilAllAreKnown(cluster: readonly BrokerPlan[]): Promise<void> {
  for (const broker of cluster) {
    await until('the other brokers', async () => (await readBrokerIds(broker)).length === cluster.length);
  }
}

/**
 * Returns the ids of the brokers that a client would learn from one broker: those that are registered and serving.
 *
 * @throws Error if the broker is unreachable or does not respond within 2 s.
 */
async function readBrokerIds({ address, port }: BrokerPlan): Promise<number[]> {
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
    return (await admin.describeCluster()).brokers.map(({ nodeId }) => nodeId);
  } finally {
    await admin.disconnect();
  }
}

/** Returns 16 random bytes in Kafka's encoding, without a leading hyphen, which Kafka would parse as an option. */
function createClusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? createClusterId() : id;
}
