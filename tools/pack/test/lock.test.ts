import { expect, it } from 'vitest';
import { lockUnder, strangersIn, withLibraries } from '../src/manifest.ts';
import type { Lock } from '../src/manifest.ts';

const workspaceLock: Lock = {
  name: '@facet/root',
  lockfileVersion: 3,
  packages: {
    '': { name: '@facet/root' },
    'apps/shop': { name: '@facet/shop', version: '0.1.0' },
    'libs/http': { name: '@facet/http', version: '0.1.0' },
    'libs/http/node_modules/yaml': { version: '2.9.1', integrity: 'sha512-yaml' },
    'node_modules/@facet/http': { resolved: 'libs/http', link: true },
    'node_modules/@facet/shop': { resolved: 'apps/shop', link: true },
    'node_modules/fastify': { version: '5.0.0', integrity: 'sha512-fastify' },
    'node_modules/native': { version: '1.0.0', integrity: 'sha512-native' },
    'node_modules/native/node_modules/debug': { version: '3.0.0', integrity: 'sha512-debug' },
  },
};

it('moves packed packages and their nested packages, and drops other projects', () => {
  const root = { name: '@facet/shop', version: '0.1.0' };
  const http = { name: '@facet/http', version: '0.1.0', dependencies: { fastify: '5.0.0' } };
  const native = { name: 'native', version: '1.0.0' };
  const { packages } = lockUnder(workspaceLock, root, [
    { folder: 'libs/http', manifest: http },
    { folder: 'native/native', manifest: native },
  ]);
  expect(packages).toEqual({
    '': root,
    'libs/http': http,
    'libs/http/node_modules/yaml': { version: '2.9.1', integrity: 'sha512-yaml' },
    'native/native': native,
    'native/native/node_modules/debug': { version: '3.0.0', integrity: 'sha512-debug' },
    'node_modules/@facet/http': { resolved: 'libs/http', link: true },
    'node_modules/fastify': { version: '5.0.0', integrity: 'sha512-fastify' },
    'node_modules/native': { resolved: 'native/native', link: true },
  });
});

it('names packages that differ from the workspace', () => {
  const pruned: Lock = {
    ...workspaceLock,
    packages: {
      'node_modules/fastify': { version: '5.0.0', integrity: 'sha512-fastify' },
      'node_modules/debug': { version: '4.0.0', integrity: 'sha512-newer' },
      'node_modules/@facet/http': { resolved: 'libs/http', link: true },
    },
  };
  expect(strangersIn(pruned, workspaceLock)).toEqual(['node_modules/debug']);
});

it('restores the C library of packages when npm has dropped it', () => {
  const musl = { version: '1.0.0', integrity: 'sha512-musl' };
  const lock = (packages: Lock['packages']): Lock => ({ ...workspaceLock, packages });
  const known = lock({ 'node_modules/duck': { ...musl, libc: ['musl'] }, 'node_modules/@facet/http': { link: true } });
  const forgotten = lock({ 'node_modules/duck': musl, 'node_modules/@facet/http': { link: true } });
  expect(withLibraries(forgotten, known)).toEqual(known);
});
