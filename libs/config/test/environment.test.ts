import { describe, expect, it } from 'vitest';
import { readHomePaths, readServerSettings } from '../src/environment.ts';
import { homePaths } from '../src/home-paths.ts';

const server = { FACET_HOST: '127.0.0.1', FACET_INSECURE: 'false', FACET_LOG_LEVEL: 'info' } as const;
const home = homePaths('/data/shop');

describe('the data home', () => {
  it('contains every folder', () => {
    expect(readHomePaths({ FACET_HOME: '/data/shop' })).toEqual(home);
    for (const path of Object.values(home)) expect(path).toMatch(/^\/data\/shop/);
  });

  it('lets a variable move one folder', () => {
    expect(readHomePaths({ FACET_HOME: '/data/shop', FACET_LAKE: '/lake' })).toEqual({ ...home, lakeFolder: '/lake' });
  });
});

describe('access', () => {
  it('is by the keys of the home, by the keys of another file, or without a key', () => {
    expect(readServerSettings(server, home).access).toEqual({ keysFile: '/data/shop/keys.yaml' });
    const named = { ...server, FACET_API_KEYS_FILE: '/etc/keys.yaml' };
    expect(readServerSettings(named, home).access).toEqual({ keysFile: '/etc/keys.yaml' });
    expect(readServerSettings({ ...server, FACET_INSECURE: 'true' }, home).access).toBe('anybody');
  });

  it('refuses a file of keys together with FACET_INSECURE', () => {
    const both = { ...server, FACET_INSECURE: 'true', FACET_API_KEYS_FILE: '/etc/keys.yaml' } as const;
    expect(() => readServerSettings(both, home)).toThrow('contradicts');
  });
});
