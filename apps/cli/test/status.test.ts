import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { homePaths } from '@facet/config/home-paths';
import { ensureInstallation } from '@facet/config/installation';
import {
  askRedis,
  findFreePorts,
  startFacetProcess,
  startRedis,
  startSecuredKafka,
  startSecuredRedis,
} from '@facet/local-services';
import type { SecuredRedis } from '@facet/local-services';
import { createRunStore } from '@facet/runs';
import { createApiKey, hashApiKey, replaceApiKey } from '@facet/platform';
import { forFile, forTest, serveForTest, temporaryFolder } from '@facet/testing';
import { expect, it, onTestFinished } from 'vitest';
import { readEnvironment } from '../src/config.ts';
import { checkApps } from '../src/status/apps.ts';
import { run } from './run.ts';

const timeout = 180_000;
const kafka = forFile(await startSecuredKafka());
const redis = forFile(await startSecuredRedis());

/** Starts an app on a free port and waits until it is alive. */
async function startApp(app: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const started = forTest(
    await startFacetProcess({
      app,
      args,
      env: { ...env, FACET_LOG_LEVEL: 'silent' },
      probe: '/healthz',
    }),
  );
  return started.url;
}

/** Addresses at which nothing responds. */
async function freeUrls(): Promise<Record<string, string>> {
  const names = ['SERVING', 'COLLECTOR', 'SINK', 'TRAINER', 'INDEXER', 'CONSOLE'];
  const ports = await findFreePorts(names.length);
  return Object.fromEntries(names.map((name, index) => [`FACET_${name}_URL`, `http://127.0.0.1:${ports[index]}`]));
}

interface Document {
  readonly healthy: boolean;
  readonly parts: readonly {
    readonly name: string;
    readonly state: string;
    readonly details: string;
    readonly facts?: Record<string, unknown>;
  }[];
}

async function readStatus(home: string, env: NodeJS.ProcessEnv) {
  const { code, out } = await run(['status', '--home', home, '--json'], { env });
  const { healthy, parts } = JSON.parse(out) as Document;
  expect(healthy).toBe(code === 0);
  return { code, parts: Object.fromEntries(parts.map((part) => [part.name, part])) };
}

it('an installation in which nothing is configured is not an error', { timeout }, async () => {
  const apps = await checkApps(readEnvironment({}), await freeUrls());
  expect(apps.map(({ state }) => state)).toEqual(apps.map(() => 'not-configured'));
  // The default addresses of the apps may belong to other processes of this machine.
  const { parts } = await readStatus(join(await temporaryFolder(), 'home'), {});
  expect(Object.keys(parts)).toEqual([
    ...['serving', 'ingest', 'sink', 'trainer', 'indexer', 'console'],
    ...['configuration', 'bundle', 'refreshes', 'disk'],
    ...['kafka', 'profiles', 'queue'],
  ]);
  for (const name of ['bundle', 'refreshes', 'disk', 'kafka', 'profiles', 'queue']) {
    expect(parts[name]).toMatchObject({ state: 'not-configured' });
  }
  expect(parts['configuration']).toMatchObject({ state: 'healthy' });
});

it('sends the key only to Facet, and only at an address that a variable names', { timeout }, async () => {
  let body = '<p>It works!</p>';
  const keys: unknown[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers['x-api-key']);
    response.end(body);
  });
  const url = await serveForTest(server);
  const defaults = { ...(await freeUrls()), FACET_SERVING_URL: url };
  const check = async (env: NodeJS.ProcessEnv) =>
    (await checkApps(readEnvironment({ ...env, FACET_API_KEY: 'k' }), defaults))[0];
  expect(await check({})).toMatchObject({ name: 'serving', state: 'not-configured' });
  expect(await check({ FACET_SERVING_URL: url })).toMatchObject({
    state: 'unhealthy',
    details: `No serving responds at ${url}. Start the app, or correct FACET_SERVING_URL.`,
  });
  body = JSON.stringify({ status: 'ready', bundleId: 'b' });
  expect(await check({})).toMatchObject({ state: 'healthy' });
  expect(new Set(keys)).toEqual(new Set([undefined]));
  expect(await check({ FACET_SERVING_URL: url })).toMatchObject({ state: 'healthy' });
  expect(keys).toContain('k');
});

/** Starts an HTTP server in the place of a ready serving with these metrics, and returns a function that checks it. */
async function serveMetrics(metrics: () => string) {
  const server = createServer(({ url }, response) =>
    response.end(url === '/metrics' ? metrics() : JSON.stringify({ status: 'ready', bundleId: 'b' })),
  );
  const env = { FACET_SERVING_URL: await serveForTest(server) };
  return async () => (await checkApps(readEnvironment(env), await freeUrls()))[0];
}

it('shows bundles that serving does not yet search in Milvus', { timeout }, async () => {
  let waiting = '1';
  const check = await serveMetrics(() => `facet_serving_milvus_waiting_bundles ${waiting}\n`);
  expect(await check()).toMatchObject({
    state: 'healthy',
    details: expect.stringContaining('1 bundle not yet searched in Milvus'),
    facts: { bundlesWaitingForMilvus: 1 },
  });
  waiting = '0';
  expect(await check()).toMatchObject({
    state: 'healthy',
    details: expect.stringContaining('no bundle waits for Milvus'),
  });
});

it('shows the spool of the ingest, and is not healthy while Kafka refuses records', { timeout }, async () => {
  let spool: object = { records: 1200, bytes: 9, bytesMax: 10, refusedBytes: 0, oldestAt: Date.UTC(2026, 0, 31, 12) };
  const server = createServer(({ url, headers }, response) => {
    const status = { log: 'unreachable', canStore: true, queueBytes: 0, spool };
    const isAllowed = headers['x-api-key'] === 'k';
    response.statusCode = url === '/v1/status' && !isAllowed ? 401 : 200;
    response.end(JSON.stringify(url === '/v1/status' ? status : { status: 'ready' }));
  });
  const env = { FACET_COLLECTOR_URL: await serveForTest(server), FACET_API_KEY: 'k' };
  const check = async (given: NodeJS.ProcessEnv) => (await checkApps(readEnvironment(given), await freeUrls()))[1];
  expect(await check({ ...env, FACET_API_KEY: '' })).toMatchObject({ name: 'ingest', state: 'healthy' });
  expect(await check(env)).toMatchObject({
    name: 'ingest',
    state: 'healthy',
    details: expect.stringContaining(
      'Kafka does not respond, 1,200 records in the spool since 2026-01-31 12:00 UTC',
    ) as string,
    facts: { log: 'unreachable', spool },
  });
  spool = { ...spool, refusedBytes: 4096 };
  expect(await check(env)).toMatchObject({
    state: 'unhealthy',
    details: expect.stringContaining('Kafka refuses acknowledged records in the spool: 4') as string,
  });
});

it('shows each disk of the home', { timeout }, async () => {
  const home = await temporaryFolder();
  const memory = await mkdtemp('/dev/shm/facet-');
  onTestFinished(() => rm(memory, { recursive: true }));
  await symlink(memory, join(home, 'exposures'));
  await mkdir(join(home, 'lake'));
  const { parts } = await readStatus(home, await freeUrls());
  const disk = { freeBytes: expect.any(Number) as number, totalBytes: expect.any(Number) as number };
  expect(parts['disk']!.facts).toEqual({
    disks: [
      { ...disk, folder: home },
      { ...disk, folder: join(home, 'exposures') },
    ],
  });
});

it('shows all parts although variables are wrong, and names the variables', { timeout }, async () => {
  const home = await temporaryFolder();
  const env = {
    ...(await freeUrls()),
    FACET_SINK_URL: 'sink:8082',
    FACET_CONFIG: join(home, 'missing.yaml'),
    FACET_REDIS_ULR: 'redis://redis',
  };
  const { code, parts } = await readStatus(home, env);
  expect(code).toBe(5);
  expect(parts).toMatchObject({
    sink: { state: 'unhealthy', details: expect.stringContaining('FACET_SINK_URL') as string },
    serving: { state: 'unhealthy', details: expect.stringContaining('No serving responds') as string },
    configuration: { state: 'unhealthy', details: expect.stringContaining('missing.yaml does not exist') as string },
    disk: { state: 'healthy' },
    kafka: { state: 'not-configured' },
  });
  const { parts: others } = await readStatus(home, { ...env, FACET_CONFIG: '' });
  expect(others['configuration']).toMatchObject({
    state: 'unhealthy',
    details: expect.stringContaining('the environment has 2 problems, first FACET_REDIS_ULR.') as string,
  });
});

it('names a serving that cannot read profiles', { timeout }, async () => {
  let available = '0';
  const check = await serveMetrics(() => `facet_serving_profiles_available ${available}\n`);
  expect(await check()).toMatchObject({
    state: 'unhealthy',
    details: expect.stringContaining('cannot read profiles from Redis') as string,
    facts: { bundleId: 'b', profilesAvailable: false },
  });
  available = '1';
  expect(await check()).toMatchObject({ state: 'healthy', facts: { profilesAvailable: true } });
});

it('does not call a Redis healthy that refuses reads or belongs to another home', { timeout }, async () => {
  const plain = forTest(await startRedis());
  expect(await askRedis(plain.port, 'ACL SETUSER app on >secret-1 ~* &* +@all -zrange')).toMatch(/^\+OK/);
  const home = await temporaryFolder();
  const { id } = await ensureInstallation(homePaths(home));
  const env = {
    FACET_REDIS_URL: `redis://app:secret-1@127.0.0.1:${plain.port}`,
    FACET_QUEUE_URL: plain.url,
  };
  const partsNow = async () => (await readStatus(home, env)).parts;
  expect(await partsNow()).toMatchObject({
    profiles: {
      state: 'unhealthy',
      details: expect.stringMatching(/NOPERM.*Grant the user in FACET_REDIS_URL/) as string,
    },
    queue: { state: 'healthy' },
  });
  expect(await askRedis(plain.port, 'ACL SETUSER app +zrange')).toMatch(/^\+OK/);
  expect(await partsNow()).toMatchObject({ profiles: { state: 'healthy' } });
  expect(await askRedis(plain.port, `SET facet:installation ${randomUUID()}`)).toMatch(/^\+OK/);
  const differs = {
    state: 'unhealthy',
    details: expect.stringContaining(`belongs to the installation ${id}, but`) as string,
  };
  expect(await partsNow()).toMatchObject({ profiles: differs, queue: differs });
});

it('shows apps with their versions, the lag of the sink, the schedule, Kafka and Redis', { timeout }, async () => {
  const home = await temporaryFolder();
  const apiKey = createApiKey();
  await replaceApiKey(join(home, 'keys.yaml'), { name: 'operator', scopes: ['admin'], sha256: hashApiKey(apiKey) });
  const env = {
    FACET_HOME: home,
    FACET_KAFKA_BROKERS: kafka.brokers.join(','),
    FACET_REDIS_URL: redis.url,
    FACET_QUEUE_URL: redis.url,
  };
  const [sink, trainer] = await Promise.all([startApp('collector', ['sink'], env), startApp('trainer', [], env)]);
  const asked = { ...env, ...(await freeUrls()), FACET_SINK_URL: sink, FACET_TRAINER_URL: trainer };
  const stateOf = async (name: string) => (await readStatus(home, { ...asked, FACET_API_KEY: apiKey })).parts[name];
  await expect
    .poll(() => stateOf('sink'), { timeout, interval: 200 })
    .toMatchObject({
      state: 'healthy',
      facts: { url: sink, version: '0.1.0', lag: 0, stalledSeconds: 0 },
    });
  await expect
    .poll(() => stateOf('trainer'), { timeout, interval: 200 })
    .toMatchObject({
      state: 'healthy',
      facts: { url: trainer, version: '0.1.0', overdueSeconds: 0, next: { day: expect.any(String) as string } },
    });
  const { code, parts } = await readStatus(home, asked);
  expect(parts['sink']).toMatchObject({ state: 'healthy', facts: { url: sink, version: '0.1.0' } });
  expect(parts['kafka']).toMatchObject({ state: 'healthy', facts: { brokers: 1 } });
  expect(parts['profiles']).toMatchObject({ state: 'healthy' });
  expect(parts['queue']).toMatchObject({
    state: 'healthy',
    facts: { jobs: { trainer: expect.any(Object) as object } },
  });
  expect(parts['disk']).toMatchObject({ facts: { disks: [{ folder: home }] } });
  expect(parts['serving']).toMatchObject({ state: 'unhealthy' });
  expect(code).toBe(5);
});

it('names what is not healthy, why and what to do', { tags: 'full', timeout }, async () => {
  const home = join(await temporaryFolder(), 'home');
  await mkdir(home);
  const config = join(home, 'facet.yaml');
  await writeFile(config, 'split:\n  testDays: 7\n');
  const noBundle = await run(['status', '--home', home], { env: await freeUrls() });
  expect(noBundle.out).toMatch(/bundle +not configured +No bundle yet. Build one with: \S.* index --home/);
  await createRunStore(join(home, 'runs')).findOrCreate({
    day: '2026-01-31',
    cut: { occurredBefore: 0, receivedBefore: 0 },
    isForced: false,
    isFull: false,
    place: 'here',
    requestedBy: 'test',
    requestedAt: 0,
  });
  const [port] = await findFreePorts(1);
  const nowhere = `127.0.0.1:${port}`;
  const trainer = await startApp('trainer', [], {
    FACET_HOME: home,
    FACET_INSECURE: 'true',
    FACET_QUEUE_URL: `redis://${nowhere}`,
  });
  const env = {
    ...(await freeUrls()),
    FACET_CONFIG: config,
    FACET_TRAINER_URL: trainer,
    FACET_SINK_URL: `http://${nowhere}`,
    FACET_KAFKA_BROKERS: nowhere,
    FACET_REDIS_URL: `redis://${nowhere}`,
    FACET_QUEUE_URL: `redis://${nowhere}`,
  };
  const { code, out, err } = await run(['status', '--home', home], { env });
  expect(code).toBe(5);
  expect(err).toContain(
    'not healthy: serving, ingest, sink, trainer, indexer, console, configuration, bundle, kafka, profiles, queue.',
  );
  for (const line of [
    /sink +unhealthy +No sink responds at http:\S+. Start the app, or correct FACET_SINK_URL./,
    /trainer +unhealthy +http:\S+: The queue in Redis does not respond/,
    /configuration +unhealthy +\S+facet.yaml has 1 problem, first split.testDays. See them with/,
    /bundle +unhealthy +The data home \S+ has no current bundle/,
    /kafka +unhealthy +Kafka does not respond/,
    /profiles +unhealthy +Redis at \S+ is unreachable/,
    /queue +unhealthy +The queue in Redis does not respond/,
  ]) {
    expect(out).toMatch(line);
  }
});

it(
  'connects to Kafka and Redis with TLS, users and certificates, and names what they refuse',
  { tags: 'full', timeout },
  async () => {
    const home = join(await temporaryFolder(), 'home');
    const passwordFile = join(await temporaryFolder(), 'password');
    await writeFile(passwordFile, redis.secured.password);
    const filesOf = (prefix: string, { caFile, facet }: SecuredRedis['secured']['certificates']) => ({
      [`${prefix}_CA_FILE`]: caFile,
      [`${prefix}_CERT_FILE`]: facet.certFile,
      [`${prefix}_KEY_FILE`]: facet.keyFile,
    });
    const url = `rediss://facet@${redis.secured.address}`;
    const env = {
      FACET_KAFKA_BROKERS: kafka.secured.mutual,
      FACET_KAFKA_TLS: 'true',
      ...filesOf('FACET_KAFKA', kafka.secured.certificates),
      FACET_REDIS_URL: url,
      FACET_REDIS_PASSWORD_FILE: passwordFile,
      ...filesOf('FACET_REDIS', redis.secured.certificates),
      FACET_QUEUE_URL: url,
      FACET_QUEUE_PASSWORD_FILE: passwordFile,
      ...filesOf('FACET_QUEUE', redis.secured.certificates),
    };
    const states = async () => {
      const { parts } = await readStatus(home, env);
      return ['kafka', 'profiles', 'queue'].map((name) => parts[name]!.state);
    };
    await expect.poll(states, { timeout, interval: 200 }).toEqual(['healthy', 'healthy', 'healthy']);

    await writeFile(passwordFile, 'wrong');
    const refused = { ...env, FACET_KAFKA_CA_FILE: kafka.secured.certificates.foreignCaFile };
    const reasons = [
      /kafka +unhealthy +Kafka does not respond: the certificate of \S+ is from an authority/,
      /profiles +unhealthy +Redis at \S+ is unreachable: WRONGPASS/,
      /queue +unhealthy +The queue in Redis does not respond: WRONGPASS/,
    ];
    const named = async () => {
      const { out } = await run(['status', '--home', home], { env: refused });
      return reasons.map((reason) => reason.test(out));
    };
    await expect.poll(named, { timeout, interval: 200 }).toEqual([true, true, true]);
  },
);
