import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findFreePorts, startFacetProcess } from '@facet/local-services';
import type { FacetProcess } from '@facet/local-services';
import { hashApiKey } from '@facet/platform';
import type { Scope } from '@facet/platform';
import { shopFiles, writeShop } from '@facet/testing';

/** API keys that the test stack accepts, by name. */
export const keys = {
  team: 'facet_team',
  serve: 'facet_serve',
  read: 'facet_read',
  admin: 'facet_admin',
  ingest: 'facet_ingest',
} as const;
export type KeyName = keyof typeof keys;

const scopesOfKeys: Readonly<Record<KeyName, readonly Scope[]>> = {
  team: ['serve', 'admin'],
  serve: ['serve'],
  read: ['read'],
  admin: ['admin'],
  ingest: ['ingest'],
};

/** The little shop, trained, with a serving process and a console. */
export interface Stack {
  /** The address of the console. */
  readonly url: string;
  readonly servingUrl: string;
  readonly serving: FacetProcess;
  /** The data home. */
  readonly home: string;
  readonly keysFile: string;
}

let stack: Promise<Stack> | undefined;

/** Where the little shop is kept between runs of the tests, so that only the first one trains. */
const shopFolder = fileURLToPath(new URL('../../../node_modules/.cache/facet-console-shop', import.meta.url));

/** Starts the stack once for all test files. Its data home is a copy, and it ends with the tests. */
export function startStack(): Promise<Stack> {
  return (stack ??= createStack());
}

async function createStack(): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), 'facet-console-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(shopFolder, { recursive: true });
  await writeShop(shopFolder);
  const cli = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url));
  const args = [cli, 'demo', '--no-serve', '--json', '--home', 'home', ...shopFiles];
  await promisify(execFile)(process.execPath, args, { cwd: shopFolder });
  cpSync(shopFolder, folder, { recursive: true });
  const home = join(folder, 'home');
  const keysFile = writeKeys(folder);
  const serving = await startServing(home, {
    keysFile,
    env: { FACET_CONFIG: join(folder, 'facet.yaml'), FACET_TRENDS_SECONDS: '0.5' },
  });
  const { url } = await startConsole({ keysFile, upstreams: { FACET_SERVING_URL: serving.url } });
  return { url, servingUrl: serving.url, serving, home, keysFile };
}

interface ServingOptions {
  readonly keysFile: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts serving on a data home. It ends with the tests. */
export function startServing(home: string, { keysFile, env }: ServingOptions): Promise<FacetProcess> {
  return startFacetProcess({
    app: 'serving',
    env: { FACET_HOME: home, FACET_API_KEYS_FILE: keysFile, FACET_LOG_LEVEL: 'warn', ...env },
  });
}

/** Writes a keys file with the test keys. */
export function writeKeys(folder: string): string {
  const keysFile = join(folder, 'test-keys.yaml');
  const entries = Object.entries(keys).map(([name, key]) => ({
    name,
    scopes: scopesOfKeys[name as KeyName],
    sha256: hashApiKey(key),
  }));
  // JSON is YAML.
  writeFileSync(keysFile, JSON.stringify({ keys: entries }));
  return keysFile;
}

interface ConsoleOptions {
  readonly keysFile: string;
  /** Addresses of APIs, such as `FACET_TRAINER_URL`. The others do not run. */
  readonly upstreams: Readonly<Record<string, string>>;
}

/** Starts one more console, for tests that need other APIs behind it. */
export async function startConsole({ keysFile, upstreams }: ConsoleOptions): Promise<FacetProcess> {
  const [nothing] = await findFreePorts(1);
  const none = `http://127.0.0.1:${nothing}`;
  return startFacetProcess({
    app: 'console',
    env: {
      FACET_COLLECTOR_URL: none,
      FACET_SINK_URL: none,
      FACET_TRAINER_URL: none,
      FACET_INDEXER_URL: none,
      ...upstreams,
      FACET_API_KEYS_FILE: keysFile,
      FACET_LOG_LEVEL: 'warn',
    },
  });
}
