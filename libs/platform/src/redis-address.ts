/** Where a Redis is, as its URL says. */
export interface RedisAddress {
  /** One server, a Redis Cluster, or a server that Sentinels choose. */
  readonly kind: 'single' | 'cluster' | 'sentinel';
  readonly hasTls: boolean;
  /** Addresses of the server, of some nodes of the cluster, or of the Sentinels. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** `host:port` of all hosts, for messages. */
  readonly text: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** The name under which the Sentinels know the server. */
  readonly master: string | undefined;
}

const pattern =
  /^(rediss?)(?:\+(cluster|sentinel))?:\/\/(?:([^@/?#:]*)(?::([^@/?#]*))?@)?([^@/?#]+)(?:\/(\d*))?(?:\?master=([^&#]+))?$/;
const hostPattern = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i;

/** Forms of the URLs, for remedies. */
export const redisUrlForms =
  'redis://USER@HOST:PORT/DATABASE, redis+cluster://USER@HOST:PORT,HOST:PORT or redis+sentinel://USER@HOST:PORT,HOST:PORT/DATABASE?master=NAME; with TLS, rediss instead of redis';

/** @throws Error that says what is wrong, without the URL, which may contain a password. */
export function parseRedisUrl(url: string): RedisAddress {
  const match = pattern.exec(url);
  if (match === null) throw new Error('is not the URL of a Redis');
  const [, scheme, kind = 'single', user = '', password = '', hosts = '', database = '', master] = match;
  const address: RedisAddress = {
    kind: kind as RedisAddress['kind'],
    hasTls: scheme === 'rediss',
    ...parseHosts(hosts, kind === 'sentinel' ? 26_379 : 6_379),
    user: user === '' ? undefined : decode(user),
    password: password === '' ? undefined : decode(password),
    database: Number(database),
    master: master === undefined ? undefined : decode(master),
  };
  const problem = findContradiction(address);
  if (problem !== undefined) throw new Error(problem);
  return address;
}

function parseHosts(text: string, portDefault: number): Pick<RedisAddress, 'hosts' | 'text'> {
  const hosts = text.split(',').map((each) => {
    const [, host, port = String(portDefault)] = hostPattern.exec(each) ?? [];
    if (host === undefined || Number(port) > 65_535) throw new Error('contains an invalid address');
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port), text: `${host}:${port}` };
  });
  return { hosts: hosts.map(({ host, port }) => ({ host, port })), text: hosts.map((each) => each.text).join(', ') };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('contains an unescaped %; write %25');
  }
}

function findContradiction({ kind, hosts, database, master }: RedisAddress): string | undefined {
  if (kind === 'sentinel' && master === undefined) return 'names no master: append ?master=NAME';
  if (kind !== 'sentinel' && master !== undefined) return 'has ?master=, which needs redis+sentinel://';
  if (kind === 'single' && hosts.length > 1) {
    return 'has several addresses, which need redis+cluster:// or redis+sentinel://';
  }
  if (kind === 'cluster' && database !== 0) return `contains database ${database}; a cluster has only database 0`;
  return undefined;
}
