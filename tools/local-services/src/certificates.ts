import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { requireService } from './server-process.ts';

/** PEM files of one certificate and its key. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

const config = `
[req]
distinguished_name=subject
[subject]
[authority]
basicConstraints=critical,CA:TRUE
[server-and-client]
subjectAltName=DNS:localhost,IP:127.0.0.1
`;
const validDays = 2;

export type LocalCertificates = Awaited<ReturnType<typeof createCertificates>>;

/**
 * Creates certificates of `localhost` and 127.0.0.1 in a folder, for servers and clients. Their common names are the names here.
 */
export async function createCertificates(folder: string) {
  const own = await createAuthority(path.join(folder, 'own'));
  const foreign = await createAuthority(path.join(folder, 'foreign'));
  return {
    /** The authority of all certificates but `foreign`. */
    caFile: own.caFile,
    /** The authority of `foreign`. */
    foreignCaFile: foreign.caFile,
    server: await own.issue('server'),
    facet: await own.issue('facet'),
    guest: await own.issue('guest'),
    expired: await own.issue('expired', -1),
    foreign: await foreign.issue('facet'),
  };
}

async function createAuthority(folder: string) {
  await mkdir(folder, { recursive: true });
  const at = (name: string): string => path.join(folder, name);
  const openssl = (...args: readonly string[]) => promisify(execFile)(requireService('openssl'), args);
  const request = ['req', '-config', at('openssl.cnf'), '-nodes', '-newkey', 'ec'];
  request.push('-pkeyopt', 'ec_paramgen_curve:prime256v1');
  const ca = { certFile: at('ca.pem'), keyFile: at('ca.key') };
  await writeFile(at('openssl.cnf'), config);
  const authority = ['-x509', '-extensions', 'authority', '-days', String(validDays), '-subj', '/CN=authority'];
  await openssl(...request, ...authority, '-keyout', ca.keyFile, '-out', ca.certFile);
  return {
    caFile: ca.certFile,
    async issue(name: string, days = validDays): Promise<CertificateFiles> {
      const files = { certFile: at(`${name}.pem`), keyFile: at(`${name}.key`) };
      await openssl(...request, '-subj', `/CN=${name}`, '-keyout', files.keyFile, '-out', at(`${name}.csr`));
      const signing = ['x509', '-req', '-CA', ca.certFile, '-CAkey', ca.keyFile, '-days', String(days)];
      signing.push('-extfile', at('openssl.cnf'), '-extensions', 'server-and-client');
      await openssl(...signing, '-in', at(`${name}.csr`), '-out', files.certFile);
      return files;
    },
  };
}
