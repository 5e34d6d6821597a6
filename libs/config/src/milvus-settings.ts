import type { TlsFiles } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { readableFile, readTlsFiles, wrongVariable } from './setting-files.ts';

const text = Type.Optional(Type.String());

export const milvusVariables = {
  /** `host:port`. Absent: searches run in process. */
  FACET_MILVUS_ADDRESS: text,
  FACET_MILVUS_TLS: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
  FACET_MILVUS_CA_FILE: text,
  FACET_MILVUS_CERT_FILE: text,
  FACET_MILVUS_KEY_FILE: text,
  FACET_MILVUS_TOKEN_FILE: text,
  /** Time limit of a search. Guardrails tolerate 500 ms. */
  FACET_MILVUS_SEARCH_MS: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
};
type Values = Static<Type.TObject<typeof milvusVariables>>;

/** How to reach a Milvus, and how long to wait for it. */
export interface MilvusConnection {
  /** `host:port` */
  readonly address: string;
  /** Contains `user:password` or an API key. */
  readonly tokenFile: string | undefined;
  /** Undefined: connections in plain text. */
  readonly tls: TlsFiles | undefined;
  readonly searchMsMax: number;
}

/** A Milvus in the same network needs a few milliseconds. */
const searchMsDefault = 100;

/**
 * Returns undefined without `FACET_MILVUS_ADDRESS`.
 *
 * @throws AppError `CONFIG_INVALID` for a malformed address, contradictory variables, and files that are not usable.
 */
export function readMilvusSettings(values: Values): MilvusConnection | undefined {
  const { FACET_MILVUS_ADDRESS: address, ...others } = values;
  if (address === undefined) {
    const unused = (Object.keys(milvusVariables) as (keyof typeof others)[]).find((name) => others[name] !== undefined);
    if (unused === undefined) return undefined;
    const remedy = 'Set FACET_MILVUS_ADDRESS to host:port, or unset it.';
    throw wrongVariable(unused, 'is set, but FACET_MILVUS_ADDRESS is not', remedy);
  }
  const port = /^[^\s/:]+:(\d{1,5})$/.exec(address)?.[1];
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535) {
    const remedy = 'Write host:port, and set FACET_MILVUS_TLS=true for TLS.';
    throw wrongVariable('FACET_MILVUS_ADDRESS', `is "${address}", which is not an address`, remedy);
  }
  const hasTls = values.FACET_MILVUS_TLS === 'true';
  const files = readTlsFiles(values, 'FACET_MILVUS', { hasTls, howToEnable: 'set FACET_MILVUS_TLS=true' });
  const tokenFile = readableFile(values, 'FACET_MILVUS_TOKEN_FILE');
  if (tokenFile !== undefined && !hasTls) {
    const problem = 'is set, but the connection would send the token without encryption';
    throw wrongVariable('FACET_MILVUS_TOKEN_FILE', problem, 'Set FACET_MILVUS_TLS=true, or unset it.');
  }
  const searchMsMax = values.FACET_MILVUS_SEARCH_MS ?? searchMsDefault;
  return { address, tokenFile, tls: hasTls ? files : undefined, searchMsMax };
}
