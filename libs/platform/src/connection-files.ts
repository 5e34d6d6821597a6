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
