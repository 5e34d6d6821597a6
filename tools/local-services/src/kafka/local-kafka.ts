import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { endWithUs } from '../process/end-with-us.ts';
import { findFreePorts } from '../process/free-ports.ts';
import { createScratchFolder } from '../process/scratch-folder.ts';
import { ServerProcess } from '../process/server-process.ts';
import { requireService } from '../programs.ts';
import { brokerProperties } from './broker-properties.ts';
import type { BrokerPlan } from './broker-properties.ts';
import { requestBrokerIds } from './metadata-request.ts';

export interface LocalKafkaOptions {
  /** How many brokers; 1 unless told. Three keep every partition thrice and need two copies for an acknowledgement. */
  brokers?: 1 | 3;
}

/** One broker. Its port and its data stay the same over any number of ends and starts. */
export interface KafkaNode {
  readonly id: number;
  readonly port: number;
  readonly pid: number;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM: leaders move to other brokers first. */
  stop(): Promise<void>;
  /** Resolves when it serves requests again. */
  start(): Promise<void>;
}

export interface LocalKafka {
  /** `host:port` of each. */
  readonly brokers: string[];
  readonly nodes: readonly KafkaNode[];
  /** Ends all brokers and removes their data. */
  stop(): Promise<void>;
}

/** Three brokers fit into 0.6 GB; a single one has room for load. */
const heapMegabytes = { 1: 512, 3: 224 } as const;
const jvmFlags = [
  '-Xms96m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:MaxMetaspaceSize=96m',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];
const POLL_MS = 20;

/**
 * Starts real brokers on free ports of 127.0.0.1, with their data in a temporary folder. Topics are not created by
 * themselves. Everything ends with this process, however that ends.
 *
 * @throws Error that names the setup command when Java or Kafka is missing, or shows the log of a broker that did not start
 */
export async function startKafka({ brokers: count = 1 }: LocalKafkaOptions = {}): Promise<LocalKafka> {
  const jvm = [requireService('java'), ...jvmFlags, `-Xmx${heapMegabytes[count]}m`];
  jvm.push('-cp', `${requireService('kafkaJars')}/*`);
  const scratch = await createScratchFolder('kafka');
  const ports = await findFreePorts(2 * count);
  const cluster = Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    port: ports[2 * i] as number,
    controllerPort: ports[2 * i + 1] as number,
    dataFolder: path.join(scratch.path, `data-${i + 1}`),
  }));
  const propertiesFile = (id: number) => path.join(scratch.path, `broker-${id}.properties`);
  const clusterId = createClusterId();
  const format = async (node: BrokerPlan) => {
    await writeFile(propertiesFile(node.id), brokerProperties(node, cluster));
    const storageTool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', propertiesFile(node.id)];
    const [file, ...args] = endWithUs([...jvm, ...storageTool]);
    await promisify(execFile)(file, args);
  };
  const nodes = cluster.map(({ id, port }) => {
    const server = new ServerProcess({
      title: `Kafka broker ${id}`,
      command: [...jvm, 'kafka.Kafka', propertiesFile(id)],
      logFile: path.join(scratch.path, `broker-${id}.log`),
      isReady: async () => (await requestBrokerIds(port)).includes(id),
    });
    return {
      id,
      port,
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
    await untilAllAreKnown(cluster.map(({ port }) => port));
  } catch (error) {
    await stop();
    throw error;
  }
  return { brokers: cluster.map(({ port }) => `127.0.0.1:${port}`), nodes, stop };
}

/** Each broker hears of the others a moment after it is ready itself. */
async function untilAllAreKnown(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    while ((await requestBrokerIds(port)).length < ports.length) await sleep(POLL_MS);
  }
}

/** 16 random bytes as Kafka writes them; it takes one that begins with a hyphen for an option. */
function createClusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? createClusterId() : id;
}
