import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runFacetProcess } from '@facet/local-services';
import { folderOfFile } from '@facet/testing';
import { expect, inject, it } from 'vitest';
import { openSpool } from '../src/ingest/spool/spool.ts';

const folder = folderOfFile();

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runFacetProcess('collector', args, {
    FACET_HOME: folder,
    FACET_KAFKA_BROKERS: inject('kafkaBrokers').join(','),
    ...env,
  });

it('prints help', async () => {
  const { code, output } = await run(['--help']);
  expect(code).toBe(0);
  expect(output).toContain('collector ingest');
  expect(output).toContain('FACET_KAFKA_BROKERS');
});

it.each([
  ['without a command', [], {}, 2, 'It takes ingest or sink'],
  ['with an unknown command', ['drain'], {}, 2, 'collector does not understand "drain"'],
  ['with an invalid setting', ['ingest'], { FACET_KAFKA_BROKERS: 'kafka' }, 2, 'CONFIG_INVALID'],
  ['without keys', ['ingest'], {}, 2, 'HTTP_KEYS_MISSING'],
  [
    'with an address of another machine',
    ['ingest'],
    { FACET_INSECURE: 'true', FACET_HOST: '192.0.2.1' },
    5,
    'HTTP_ADDRESS_UNUSABLE',
  ],
] as const)('reports the problem when it starts %s', async (_, args, env, code, errorCode) => {
  const ended = await run(args, env);
  expect(ended.errors).toContain(errorCode);
  expect(ended.code).toBe(code);
});

it('refuses a locked spool and a damaged spool', { tags: 'full' }, async () => {
  const taken = join(folder, 'taken');
  const spool = await openSpool(taken, { bytesMax: 1 << 20 });
  const locked = await run(['ingest'], { FACET_INSECURE: 'true', FACET_SPOOL: taken });
  await spool.close();
  expect(locked.errors).toContain('COLLECTOR_SPOOL_LOCKED');
  expect(locked.code).toBe(5);

  const damaged = join(folder, 'damaged');
  await mkdir(damaged);
  await writeFile(join(damaged, '0000000000000001.spool'), 'torn');
  await writeFile(join(damaged, '0000000000000002.spool'), '');
  const refused = await run(['ingest'], { FACET_INSECURE: 'true', FACET_SPOOL: damaged });
  expect(refused.errors).toContain('COLLECTOR_SPOOL_DAMAGED');
  expect(refused.code).toBe(4);
});
