import { readFileSync } from 'node:fs';
import { AppError } from './errors.ts';

/** PEM files of the TLS connections to one server. */
export interface TlsFiles {
  /** Certificates of the authorities that may sign the certificate of the server. Without it, those that Node trusts. */
  readonly caFile?: string | undefined;
  /** The certificate of this process, for a server that requires one. */
  readonly certFile?: string | undefined;
  /** The private key of the certificate. */
  readonly keyFile?: string | undefined;
}

/** PEM files of the certificate of a server. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The TLS options whose values are the contents of files. */
export interface TlsOptions {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/**
 * Returns TLS options that read the files whenever a client reads the options, as it does for each new connection. A
 * replaced file therefore needs no restart.
 */
export function tlsOptions({ caFile, certFile, keyFile }: TlsFiles): TlsOptions {
  const read = (file: string | undefined) => (file === undefined ? undefined : readConnectionFile(file));
  return {
    get ca() {
      return read(caFile);
    },
    get cert() {
      return read(certFile);
    },
    get key() {
      return read(keyFile);
    },
  };
}

/**
 * Returns the content of a file with a password or token, without the line break at its end. Read it for each new
 * connection. Synchronous, because clients read their options synchronously.
 *
 * @throws AppError `CONNECTION_FILE_UNREADABLE`, which is retryable.
 */
export function readSecret(file: string): string {
  return readConnectionFile(file).replace(/\r?\n$/, '');
}

function readConnectionFile(file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.trim() !== '') return text;
    throw new Error('it is empty');
  } catch (error) {
    throw new AppError(`${file} cannot be read: ${(error as Error).message}.`, {
      code: 'CONNECTION_FILE_UNREADABLE',
      category: 'unavailable',
      remedy: 'Restore the file. Every new connection reads it again.',
      context: { file },
      retryable: true,
      cause: error,
    });
  }
}

/** Why a TLS connection fails until an operator changes a certificate or a setting. */
export interface TlsProblem {
  /** Whose certificate was refused. */
  readonly refused: 'server' | 'client';
  readonly reason: string;
  readonly remedy: string;
}

const unknownAuthorityCodes: ReadonlySet<unknown> = new Set([
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Problems of the certificate of a server, by the codes of Node. */
const certificateProblems: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  CERT_HAS_EXPIRED: ['has expired', 'Renew the certificate of the server, or correct the clock of this machine.'],
  CERT_NOT_YET_VALID: ['is not valid yet', 'Correct the clock of this machine, or the certificate of the server.'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['names another host', 'Connect to a host name that the certificate contains.'],
};

/**
 * Returns the problem behind an error of a TLS socket; undefined for other errors.
 *
 * @param server `host:port`
 * @param prefix the beginning of the variables that name the files, such as `FACET_KAFKA`
 * @param authorities the variable that names the file of authorities
 */
export function tlsProblemOf(
  code: unknown,
  server: string,
  prefix: string,
  authorities = `${prefix}_CA_FILE`,
): TlsProblem | undefined {
  const alert = /_ALERT_((?:BAD_|UNSUPPORTED_)?CERTIFICATE\w*|UNKNOWN_CA)$/.exec(String(code))?.[1];
  if (alert !== undefined) {
    return {
      refused: 'client',
      reason: `${server} refused the certificate of this client (${alert})`,
      remedy: `Set ${prefix}_CERT_FILE and ${prefix}_KEY_FILE to a valid certificate from an authority that the server trusts.`,
    };
  }
  const [reason, remedy] = unknownAuthorityCodes.has(code)
    ? [
        'is from an authority that Facet does not trust',
        `Set ${authorities} to the certificate of the authority that signed the certificate of the server.`,
      ]
    : (certificateProblems[String(code)] ?? []);
  if (reason === undefined || remedy === undefined) return undefined;
  return { refused: 'server', reason: `the certificate of ${server} ${reason} (${String(code)})`, remedy };
}
