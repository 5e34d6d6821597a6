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
