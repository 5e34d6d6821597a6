import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAppError, parseEnvironment } from '@facet/platform';
import { folderOfFile } from '@facet/testing';
import { expect, it } from 'vitest';
import { readMilvusSettings } from '../src/connections.ts';
import { variablesWith } from '../src/variables.ts';

const folder = folderOfFile();
const tokenFile = join(folder, 'token');
await writeFile(tokenFile, 'root:secret\n');

const address = { FACET_MILVUS_ADDRESS: 'milvus:19530' };
const read = (environment: NodeJS.ProcessEnv) =>
  readMilvusSettings(parseEnvironment(variablesWith('FACET_MILVUS_'), environment));

function messageOf(environment: NodeJS.ProcessEnv): string {
  try {
    read(environment);
  } catch (error) {
    if (isAppError(error, 'CONFIG_INVALID')) return `${error.message} ${error.remedy}`;
    throw error;
  }
  throw new Error('the environment was accepted');
}

it('returns nothing without an address', () => {
  expect(read({})).toBeUndefined();
  expect(read({ FACET_MILVUS_ADDRESS: '' })).toBeUndefined();
});

it('reads address, TLS and token', () => {
  expect(read(address)).toEqual({
    address: 'milvus:19530',
    tokenFile: undefined,
    tls: undefined,
    searchMsMax: 100,
  });
  const secured = {
    ...address,
    FACET_MILVUS_TLS: 'true',
    FACET_MILVUS_TOKEN_FILE: tokenFile,
  };
  expect(read(secured)).toMatchObject({ tokenFile, tls: { caFile: undefined } });
});

it('refuses contradictory variables, and names the one to change', () => {
  expect(messageOf({ FACET_MILVUS_ADDRESS: 'http://milvus:19530' })).toContain('FACET_MILVUS_ADDRESS is "http:');
  expect(messageOf({ FACET_MILVUS_ADDRESS: 'milvus' })).toContain('Write host:port');
  expect(messageOf({ FACET_MILVUS_TLS: 'true' })).toContain('FACET_MILVUS_ADDRESS is not');
  expect(messageOf({ ...address, FACET_MILVUS_TLS: 'yes' })).toContain('FACET_MILVUS_TLS');
  expect(messageOf({ ...address, FACET_MILVUS_CA_FILE: tokenFile })).toContain('set FACET_MILVUS_TLS=true');
  expect(messageOf({ ...address, FACET_MILVUS_TOKEN_FILE: tokenFile })).toContain('without encryption');
  const absent = { ...address, FACET_MILVUS_TLS: 'true', FACET_MILVUS_TOKEN_FILE: join(folder, 'absent') };
  expect(messageOf(absent)).toContain('cannot be read');
});
