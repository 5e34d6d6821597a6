import { tlsProblemOf } from './tls-problems.ts';

interface RedisProblem {
  readonly reason: string;
  readonly remedy: string;
}

/**
 * Returns why Redis, or this client, refuses a connection or a command until an operator changes something.
 *
 * @param prefix the beginning of the variables of this Redis: `FACET_REDIS` or `FACET_QUEUE`
 */
export function redisProblemOf(
  error: Error & { readonly code?: string },
  { host, prefix }: { readonly host: string; readonly prefix: string },
): RedisProblem | undefined {
  const { message, code } = error;
  const tls = tlsProblemOf(code, host, prefix);
  if (tls !== undefined) return tls;
  const remedy = remedies.find(([pattern]) => pattern.test(message))?.[1](prefix);
  if (remedy !== undefined) return { reason: message, remedy };
  if (code !== 'ECONNRESET') return undefined;
  // With TLS 1.3, the alert of a server often arrives after the end of the connection.
  return {
    reason: `${host} closed the connection (${message})`,
    remedy: `Check that Redis runs. If it uses TLS, begin ${prefix}_URL with rediss://; if it requires certificates, set ${prefix}_CERT_FILE and ${prefix}_KEY_FILE.`,
  };
}

const page = 'docs/connections.md#encrypt-and-authenticate-connections';

/** Remedies by the message of the error. The first that matches counts. */
const remedies: readonly (readonly [RegExp, (prefix: string) => string])[] = [
  [
    /sentinel .*(No such master|invalid reply: null)/,
    (prefix) => `Correct master=… in ${prefix}_URL. On a Sentinel, SENTINEL MASTERS lists the names.`,
  ],
  [
    /sentinel .*(WRONGPASS|NOAUTH)/,
    (prefix) => `Check the password of the Sentinels in ${prefix}_SENTINEL_PASSWORD_FILE.`,
  ],
  [
    /sentinel .*Connection is closed/,
    (prefix) => `Start the Sentinels or correct their addresses in ${prefix}_URL. With TLS, check ${prefix}_CA_FILE.`,
  ],
  [/sentinel .*NOPERM/, () => `Grant the default user of the Sentinels the permissions in ${page}.`],
  [/^(WRONGPASS|NOAUTH)/, (prefix) => `Check the user in ${prefix}_URL, and the password in ${prefix}_PASSWORD_FILE.`],
  [/NOPERM/, (prefix) => `Grant the user in ${prefix}_URL the permissions in ${page}.`],
  [/^OOM/, () => 'Raise maxmemory of Redis, or delete other data in it. Keep its maxmemory-policy noeviction.'],
  [/CLUSTERDOWN/, () => 'Start the missing nodes of the cluster: redis-cli --cluster check HOST:PORT names them.'],
  [
    /cluster support disabled/,
    (prefix) => `The server is not a node of a cluster. Begin ${prefix}_URL with redis:// or rediss://.`,
  ],
  [
    /^MOVED /,
    (prefix) => `The server is a node of a cluster. Begin ${prefix}_URL with redis+cluster:// or rediss+cluster://.`,
  ],
];
