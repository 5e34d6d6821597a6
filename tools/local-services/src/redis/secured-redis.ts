import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createCertificates } from '../certificates.ts';
import type { LocalCertificates } from '../certificates.ts';
import { findFreePorts } from '../process/free-ports.ts';
import { createScratchFolder } from '../process/scratch-folder.ts';
import { startRedis } from './local-redis.ts';
import type { LocalRedis } from './local-redis.ts';

/** What clients need for connections with TLS and a user. */
export interface RedisSecrets {
  readonly certificates: LocalCertificates;
  /** The password of `facet` and of `guest`. */
  readonly password: string;
}

/**
 * A Redis with TLS and an access control list, in addition to a port in plain text. The user `facet` has the permissions in
 * docs/connections.md, for keys that begin with `facet` or `{facet`; the user `guest` has no keys.
 */
export interface SecuredRedis extends LocalRedis {
  /** Its address is `host:port` for TLS. Clients need a certificate. */
  readonly secured: RedisSecrets & { readonly address: string };
}

const password = 'secret-1/+';

/** Writes certificates and an access control list, and returns the options of redis-server that name them. */
export async function secureRedis(folder: string, { isExpired = false } = {}) {
  const certificates = await createCertificates(folder);
  const server = isExpired ? certificates.expired : certificates.server;
  const aclfile = path.join(folder, 'users.acl');
  const permissions = '+@all -@dangerous +info +config|get';
  await writeFile(
    aclfile,
    `user default on nopass ~* &* +@all
user facet on >${password} ~facet* ~{facet* &facet* &{facet* ${permissions}
user guest on >${password} &* ${permissions}
`,
  );
  const secrets: RedisSecrets = { certificates, password };
  return {
    secrets,
    options: {
      'tls-cert-file': server.certFile,
      'tls-key-file': server.keyFile,
      'tls-ca-cert-file': certificates.caFile,
      aclfile,
    },
  };
}

/** Starts a Redis with TLS. */
export async function startSecuredRedis({ isExpired = false } = {}): Promise<SecuredRedis> {
  const scratch = await createScratchFolder('certificates');
  try {
    const { secrets, options } = await secureRedis(scratch.path, { isExpired });
    const [port = 0] = await findFreePorts(1);
    const redis = await startRedis({ more: { ...options, 'tls-port': String(port) } });
    return {
      ...redis,
      get pid() {
        return redis.pid;
      },
      secured: { ...secrets, address: `127.0.0.1:${port}` },
      async stop() {
        await redis.stop();
        await scratch.remove();
      },
    };
  } catch (error) {
    await scratch.remove();
    throw error;
  }
}
