import { join } from 'node:path';
import { createCertificates } from '@facet/local-services';
import { problemsOf } from '@facet/platform';
import { temporaryFolder } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import { findEnvironmentProblems, parseVariables, readConfigPath, readServerSettings } from '../src/environment.ts';
import { homePaths } from '../src/home-paths.ts';
import { removedVariables } from '../src/removed-settings.ts';
import { defaultOf, describeVariables, readersOf, variables } from '../src/variables.ts';
import type { App } from '../src/variables.ts';

const server = { FACET_HOST: '127.0.0.1', FACET_INSECURE: 'false', FACET_LOG_LEVEL: 'info' } as const;
const home = homePaths('/data/shop');

describe('the variables of an app', () => {
  const read = (environment: NodeJS.ProcessEnv) => parseVariables('console', environment);

  it('may be those of other apps, of other programs and of Kubernetes', () => {
    const others = {
      FACET_SINK_URL: 'http://sink:8082',
      LAKE: '/lake',
      FACET_OLD: '',
      FACET_SERVING_SERVICE_HOST: '10.0.0.1',
      FACET_SERVING_SERVICE_PORT_HTTP: '8080',
      FACET_SERVING_PORT: 'tcp://10.0.0.1:8080',
      FACET_SERVING_PORT_8080_TCP_ADDR: '10.0.0.1',
    };
    expect(read({ FACET_HOME: '/data', ...others })).toMatchObject({
      FACET_HOME: '/data',
      FACET_PORT: 8085,
      FACET_SINK_URL: 'http://sink:8082',
    });
  });

  it('are refused if no part of Facet reads them', () => {
    const wrong = { FACET_REDIS_ULR: 'redis://cache', FACET_LAKE: '/lake' };
    expect(problemsOf(() => read(wrong), [])).toEqual([
      { path: ['FACET_REDIS_ULR'], problem: 'is not a variable of Facet (did you mean FACET_REDIS_URL?)' },
      { path: ['FACET_LAKE'], problem: 'is not a variable of Facet' },
    ]);
  });
});

describe('the table of variables', () => {
  it('gives each app its port, and the variables that the app reads', () => {
    const apps: [App, number][] = [
      ['serving', 8080],
      ['ingest', 8081],
      ['sink', 8082],
      ['trainer', 8083],
      ['indexer', 8084],
      ['console', 8085],
    ];
    for (const [app, port] of apps) {
      expect(parseVariables(app, {}).FACET_PORT).toBe(port);
      expect(describeVariables(app)).toContain(`port to listen on; 0: a free one (${port})`);
      for (const line of describeVariables(app).trimEnd().split('\n')) expect(line.length, line).toBeLessThan(125);
    }
    expect(readersOf('FACET_SPOOL')).toEqual(['ingest']);
    expect(defaultOf('FACET_PORT', ['ingest', 'sink'])).toBe('8081, 8082');
    expect(describeVariables('serving')).not.toContain('FACET_KAFKA_BROKERS');
    expect(describeVariables('ingest', 'sink')).toContain('ingest: folder of records that wait for Kafka');
  });

  it('names what replaces a removed variable', () => {
    expect(findEnvironmentProblems({ FACET_RECALL_SHARE: '0.1' })).toEqual([
      {
        path: ['FACET_RECALL_SHARE'],
        problem: 'is no longer a variable of Facet',
        remedy: 'Unset it. One search in a hundred is repeated exactly.',
      },
    ]);
    expect(Object.keys(removedVariables).filter((name) => name in variables)).toEqual([]);
  });
});

describe('the configuration file', () => {
  it('may be missing unless FACET_CONFIG names it', () => {
    expect(readConfigPath({})).toBe(join(process.cwd(), 'facet.yaml'));
    expect(() => readConfigPath({ FACET_CONFIG: '/etc/facet/missing.yaml' })).toThrow(
      'FACET_CONFIG names /etc/facet/missing.yaml, which does not exist.',
    );
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

describe('the certificate of a server', () => {
  it('is usable: refuses a missing file, the key of another certificate, and an expired one', async () => {
    const folder = await temporaryFolder();
    const { server: own, facet, expired } = await createCertificates(folder);
    const readTls = (certFile?: string, keyFile?: string) =>
      readServerSettings({ ...server, FACET_TLS_CERT_FILE: certFile, FACET_TLS_KEY_FILE: keyFile }, home).tls;
    expect(readTls()).toBeUndefined();
    expect(readTls(own.certFile, own.keyFile)).toEqual(own);
    for (const [certFile, keyFile, problem] of [
      [own.certFile, undefined, 'FACET_TLS_KEY_FILE is missing, but FACET_TLS_CERT_FILE is set'],
      ['/nothing', own.keyFile, 'FACET_TLS_CERT_FILE names /nothing, which cannot be read'],
      [own.certFile, facet.keyFile, 'FACET_TLS_CERT_FILE is not the certificate of the key in FACET_TLS_KEY_FILE'],
      [expired.certFile, expired.keyFile, 'FACET_TLS_CERT_FILE names a certificate that has expired on'],
    ] as const) {
      expect(() => readTls(certFile, keyFile)).toThrow(problem);
    }
  });
});
