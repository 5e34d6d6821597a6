export interface BrokerPlan {
  id: number;
  /** The address that it listens on. */
  address: string;
  port: number;
  controllerPort: number;
  dataFolder: string;
}

/** A listener in addition to the one in plain text. */
export interface SecuredListener {
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
export function brokerProperties(
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
