import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createCertificates } from '../certificates.ts';
import type { LocalCertificates } from '../certificates.ts';
import { findFreePorts } from '../process/free-ports.ts';
import { createScratchFolder } from '../process/scratch-folder.ts';
import { startRedis } from './local-redis.ts';
import type { LocalRedis } from './local-redis.ts';

/**
 * A Redis with TLS and an access control list, in addition to a port in plain text. The user `facet` has the permissions in
 * docs/operations.md, for keys that begin with `facet`; the user `guest` has no keys.
 */
export interface SecuredRedis extends LocalRedis {
  readonly secured: {
    /** `host:port` for TLS. Clients need a certificate. */
    readonly address: string;
    readonly certificates: LocalCertificates;
    /** The password of `facet` and of `guest`. */
    readonly password: string;
  };
}

const password = 'secret-1/+';

/** Starts a Redis with TLS. */
export async function startSecuredRedis({ isExpired = false } = {}): Promise<SecuredRedis> {
  const scratch = await createScratchFolder('certificates');
  try {
    const certificates = await createCertificates(scratch.path);
    const server = isExpired ? certificates.expired : certificates.server;
    const [port = 0] = await findFreePorts(1);
    const aclfile = path.join(scratch.path, 'users.acl');
    const permissions = '+@all -@dangerous +info +config|get';
    await writeFile(
      aclfile,
      `user default on nopass ~* &* +@all
user facet on >${password} ~facet* &facet* ${permissions}
user guest on >${password} &* ${permissions}
`,
    );
    const redis = await startRedis({
      more: {
        'tls-port': String(port),
        'tls-cert-file': server.certFile,
        'tls-key-file': server.keyFile,
        'tls-ca-cert-file': certificates.caFile,
        aclfile,
      },
    });
    return {
      ...redis,
      get pid() {
        return redis.pid;
      },
      secured: { address: `127.0.0.1:${port}`, certificates, password },
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
