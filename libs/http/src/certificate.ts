import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import { describeError, repeat } from '@facet/platform';
import type { CertificateFiles, Logger } from '@facet/platform';
import type { HttpApp } from './http-app.ts';

/** The contents of the files of a server's certificate. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export function readCertificate({ certFile, keyFile }: CertificateFiles): Certificate {
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}

export interface CertificateWatch {
  readonly logger: Pick<Logger, 'info' | 'error'>;
  /** How often to look at the files. A change takes effect after two equal reads. Default: a second. */
  readonly watchMs?: number | undefined;
}

/**
 * Lets new connections use a replaced certificate. Open connections continue. A certificate that is missing, expired or does not
 * belong to the key is logged, and the last valid one is kept.
 */
export function watchCertificate(
  app: HttpApp,
  files: CertificateFiles,
  { logger, watchMs = 1_000 }: CertificateWatch,
): void {
  const { server } = app as { readonly server: unknown };
  if (!(server instanceof Server)) return;
  let [used, seenBefore, logged] = [versionOf(files), versionOf(files), ''];
  const refresh = async (): Promise<void> => {
    const seen = versionOf(files);
    // Files that are being replaced change between two looks.
    const isStable = seen === seenBefore;
    seenBefore = seen;
    if (seen === used || !isStable) return;
    const certificate = readCertificate(files);
    createSecureContext({ ...certificate });
    const { validTo } = new X509Certificate(certificate.cert);
    if (Date.parse(validTo) < Date.now()) throw new Error(`it has expired on ${validTo}`);
    server.setSecureContext({ ...certificate });
    used = seen;
    logger.info({ ...files, validTo }, 'new connections use the changed certificate');
  };
  const close = repeat(watchMs, refresh, (error) => {
    if (logged === seenBefore) return;
    logged = seenBefore;
    const problem = describeError(error);
    logger.error({ ...files, problem, err: error }, 'the new certificate cannot be used: keeping the last valid one');
  });
  app.addHook('onClose', close);
}

/** Returns a text that changes with the content of the files. */
function versionOf(files: CertificateFiles): string {
  try {
    return Object.values(readCertificate(files)).join('');
  } catch (error) {
    return String(error);
  }
}
