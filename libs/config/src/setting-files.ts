import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { AppError } from '@facet/platform';
import type { CertificateFiles, ConfigProblem, TlsFiles } from '@facet/platform';

type Values = Readonly<Record<string, unknown>>;

/**
 * Returns the files that `PREFIX_CA_FILE`, `PREFIX_CERT_FILE` and `PREFIX_KEY_FILE` name.
 *
 * @throws AppError `CONFIG_INVALID` for a file that is not usable, and for files without TLS.
 */
export function readTlsFiles(
  values: Values,
  prefix: string,
  { hasTls, howToEnable }: { readonly hasTls: boolean; readonly howToEnable: string },
): TlsFiles {
  const [ca, cert, key] = [`${prefix}_CA_FILE`, `${prefix}_CERT_FILE`, `${prefix}_KEY_FILE`] as const;
  const given = [ca, cert, key].filter((name) => values[name] !== undefined);
  const [unused] = given;
  if (!hasTls && unused !== undefined) {
    throw wrongVariable(unused, 'is set, but the connection does not use TLS', `Unset it, or ${howToEnable}.`);
  }
  const [alone, missing] = given.includes(cert) ? [cert, key] : [key, cert];
  if (given.includes(alone) && !given.includes(missing)) {
    throw wrongVariable(missing, `is missing, but ${alone} is set`, 'Set both or neither.');
  }
  const [caFile, certFile, keyFile] = [ca, cert, key].map((name) => readableFile(values, name));
  if (caFile !== undefined) {
    const parse = () => new X509Certificate(readFileSync(caFile));
    requirePem(ca, 'is not a certificate', parse);
  }
  if (certFile !== undefined && keyFile !== undefined) {
    const parse = () => createSecureContext({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
    requirePem(cert, `is not the certificate of the key in ${key}`, parse);
  }
  return { caFile, certFile, keyFile };
}

/**
 * Returns the files of the certificate of an HTTP server, `FACET_TLS_CERT_FILE` and `FACET_TLS_KEY_FILE`; undefined without them.
 *
 * @throws AppError `CONFIG_INVALID` as {@link readTlsFiles}, and for an expired certificate.
 */
export function readServerCertificate(values: Values): CertificateFiles | undefined {
  const { certFile, keyFile } = readTlsFiles(values, 'FACET_TLS', { hasTls: true, howToEnable: '' });
  if (certFile === undefined || keyFile === undefined) return undefined;
  const { validTo } = new X509Certificate(readFileSync(certFile));
  if (Date.parse(validTo) < Date.now()) {
    const remedy = 'Renew the certificate, or correct the clock of this machine.';
    throw wrongVariable('FACET_TLS_CERT_FILE', `names a certificate that has expired on ${validTo}`, remedy);
  }
  return { certFile, keyFile };
}

function requirePem(name: string, problem: string, parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    const reason = (error as Error).message;
    throw wrongVariable(name, `${problem}: ${reason}`, 'Use PEM files, and a key without a passphrase.', error);
  }
}

/** Returns the absolute path of the file that a variable names. @throws AppError `CONFIG_INVALID` if it is not readable. */
export function readableFile(values: Values, name: string): string | undefined {
  const value = values[name];
  if (typeof value !== 'string') return undefined;
  const file = resolve(value);
  try {
    readFileSync(file);
    return file;
  } catch (error) {
    const problem = `names ${file}, which cannot be read: ${(error as Error).message}`;
    throw wrongVariable(name, problem, 'Correct the path or the permissions of the file.', error);
  }
}

/** Returns the error of a variable. `problem` completes a sentence that begins with its name. */
export function wrongVariable(name: string, problem: string, remedy: string, cause?: unknown): AppError {
  return new AppError(`${name} ${problem}.`, {
    code: 'CONFIG_INVALID',
    category: 'usage',
    remedy,
    context: { problems: [{ path: [name], problem, remedy }] satisfies ConfigProblem[] },
    cause,
  });
}
