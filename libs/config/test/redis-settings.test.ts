import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { folderOfFile } from '@facet/testing';
import { beforeAll, expect, it } from 'vitest';
import { parseRedisFiles } from '../src/connections.ts';

const folder = folderOfFile();
let passwordFile: string;

beforeAll(async () => {
  passwordFile = join(folder, 'password');
  await writeFile(passwordFile, 'secret-1');
});

it('reads the files of the profile store and of the queue', () => {
  const environment = { FACET_REDIS_PASSWORD_FILE: passwordFile, FACET_QUEUE_PASSWORD_FILE: '' };
  expect(parseRedisFiles('FACET_REDIS', environment, 'rediss://facet@cache:6379')).toEqual({ passwordFile });
  expect(parseRedisFiles('FACET_QUEUE', environment, 'redis://queue:6379')).toEqual({});
});

it('refuses two passwords, files without TLS, and a missing file, and names the variable', () => {
  const withPassword = { FACET_QUEUE_PASSWORD_FILE: passwordFile };
  expect(() => parseRedisFiles('FACET_QUEUE', withPassword, 'redis://facet:secret-2@queue')).toThrow(
    'FACET_QUEUE_PASSWORD_FILE is set, but FACET_QUEUE_URL contains a password.',
  );
  expect(() => parseRedisFiles('FACET_REDIS', { FACET_REDIS_CA_FILE: passwordFile }, 'redis://cache')).toThrow(
    'FACET_REDIS_CA_FILE is set, but the connection does not use TLS.',
  );
  expect(() => parseRedisFiles('FACET_REDIS', { FACET_REDIS_PASSWORD_FILE: '/nothing' }, 'redis://cache')).toThrow(
    'FACET_REDIS_PASSWORD_FILE names /nothing, which cannot be read',
  );
});

it('reads the password of the Sentinels, and refuses it and the URL of a Redis that has none', () => {
  const environment = { FACET_QUEUE_SENTINEL_PASSWORD_FILE: passwordFile };
  const url = 'redis+sentinel://one,two?master=facet';
  expect(parseRedisFiles('FACET_QUEUE', environment, url)).toEqual({ sentinelPasswordFile: passwordFile });
  expect(() => parseRedisFiles('FACET_QUEUE', environment, 'redis://one')).toThrow(
    'FACET_QUEUE_SENTINEL_PASSWORD_FILE is set, but FACET_QUEUE_URL names no Sentinels.',
  );
  expect(() => parseRedisFiles('FACET_QUEUE', {}, 'redis+sentinel://one')).toThrow(
    'FACET_QUEUE_URL names no master: append ?master=NAME.',
  );
  expect(() => parseRedisFiles('FACET_REDIS', {}, 'redis://one,two')).toThrow(
    'FACET_REDIS_URL has several addresses, which need redis+cluster:// or redis+sentinel://.',
  );
});
