import { readSecret, tlsOptions } from '@facet/platform';
import type { TlsFiles } from '@facet/platform';
import type { AuthenticationProviderArgs, KafkaConfig, Mechanism, SASLOptions } from 'kafkajs';

/** How a client proves to brokers who it is. The file is read for each authentication. */
export type SaslCredentials = PasswordCredentials | TokenCredentials;

interface PasswordCredentials {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly user: string;
  readonly passwordFile: string;
}

interface TokenCredentials {
  readonly mechanism: 'OAUTHBEARER';
  readonly tokenFile: string;
}

export interface ClientSecurity {
  /** Without it, connections are in plain text. */
  readonly tls?: TlsFiles | undefined;
  /** Without it, a client has no identity, or that of its certificate. */
  readonly sasl?: SaslCredentials | undefined;
}

/** Returns the settings of kafkajs. It reads `ssl` for each connection, and `password` for each authentication. */
export function clientSecurity({ tls, sasl }: ClientSecurity): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  return {
    ...(tls === undefined ? {} : { ssl: tlsOptions(tls) }),
    ...(sasl === undefined ? {} : { sasl: sasl.mechanism === 'OAUTHBEARER' ? token(sasl) : password(sasl) }),
  };
}

function password({ mechanism, user, passwordFile }: PasswordCredentials): SASLOptions {
  const credentials = {
    mechanism: mechanism.toLowerCase(),
    username: user,
    get password() {
      return readSecret(passwordFile);
    },
  };
  return credentials as SASLOptions;
}

/** kafkajs' own OAUTHBEARER ignores the refusal of the broker, and retries requests that the broker does not answer. */
function token({ tokenFile }: TokenCredentials): Mechanism {
  return {
    mechanism: 'OAUTHBEARER',
    authenticationProvider: ({ saslAuthenticate }: AuthenticationProviderArgs) => ({
      async authenticate() {
        const text = Buffer.from(`n,,\u0001auth=Bearer ${readSecret(tokenFile)}\u0001\u0001`);
        const length = Buffer.alloc(4);
        length.writeInt32BE(text.length);
        const refusal = await saslAuthenticate({
          request: { encode: () => Buffer.concat([length, text]) },
          // After its length, the response has the reason of a refusal.
          response: { decode: (response) => response.subarray(4), parse: (reason) => reason.toString() },
        });
        if (!refusal) return;
        const message = `SASL OAUTHBEARER authentication failed: ${refusal}`;
        throw Object.assign(new Error(message), { type: 'SASL_AUTHENTICATION_FAILED', retriable: false });
      },
    }),
  };
}
