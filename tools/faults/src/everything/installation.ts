import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HomePaths } from '@facet/config';
import { parsePositiveRule } from '@facet/features';
import { streamLake } from '@facet/lake';
import {
  networkAddress,
  startFacetProcess,
  startHttpProxy,
  startNetwork,
  startS3,
  thisMachine,
} from '@facet/local-services';
import type { FacetProcess, NetworkHost } from '@facet/local-services';
import { fillProfiles, openRedisProfileStore } from '@facet/profiles';
import { profileSettings } from '../collector/check.ts';
import { startParts } from '../collector/parts.ts';
import type { Victim } from '../victim.ts';
import { openHome, writeShopHome } from '../refresh/shop-home.ts';
import { createWorkers } from '../refresh/testbed.ts';

/** Every process of an installation. */
export type Installation = Awaited<ReturnType<typeof startInstallation>>;

/** The rule of the shop. */
export const positives = 'purchase';
/** Longer than the stalls while many processes start. */
const lockSeconds = 10;
/** Prioritizes serving: production trains on another machine. */
const niceness = -10;
/** Enough on a machine with other load. */
const firstRunSeconds = 600;
/** Longer than brokers and Redis take to replace the nodes of a lost host. */
const disconnectedMs = 10_000;

/**
 * Starts brokers with TLS, Redis and all apps. A first refresh has promoted a bundle, and Redis has the profiles of the shop.
 * With `hasHosts`, they run on three hosts behind a proxy, with a Redis Cluster, brokers without TLS and two workers of each kind.
 * Artifacts and lake are then in a bucket.
 */
export async function startInstallation(folder: string, hasHosts = false) {
  const network = hasHosts ? await startNetwork(3) : undefined;
  const home = openHome(join(folder, 'home'));
  await mkdir(home.folder);
  const bucket = network && (await startSharedBucket(home.paths, network, join(folder, 'copies')));
  await writeShopHome(home.folder);
  const earlierIds = new Set<string>();
  for await (const events of streamLake(home.paths.lakeFolder)) {
    for (const { eventId } of events) earlierIds.add(eventId);
  }
  const shared = { ...(network === undefined ? {} : { hosts: network }), env: bucket?.env ?? {} };
  const { apps: collectors, ...parts } = await startParts({
    home: home.folder,
    configFile: home.configFile,
    spoolFolders: [join(folder, 'spool-1'), join(folder, 'spool-2')],
    sinks: 2,
    hasTls: network === undefined,
    ...shared,
  });
  const profiles = await openRedisProfileStore({ url: parts.redisUrl, ...profileSettings });
  await fillProfiles(profiles, parts, { isPositive: parsePositiveRule(positives) });
  await profiles.close();
  const { workers, request, startApps, ended, orphanMs, killApp } = await createWorkers(home, {
    queueUrl: parts.redisUrl,
    now: Date.now,
    lockSeconds,
    deltaSeconds: network === undefined ? 0 : 5,
    ...shared,
  });
  const firstRun = await request();
  await startApps(...(network === undefined ? [] : (['trainer', 'indexer'] as const)));
  const { state, reason } = await ended(firstRun, firstRunSeconds);
  if (state !== 'promoted') throw new Error(`the first run is ${state}: ${reason}`);
  const env = {
    ...shared.env,
    FACET_HOME: home.folder,
    FACET_CONFIG: home.configFile,
    FACET_REDIS_URL: parts.redisUrl,
    FACET_INSECURE: 'true',
    FACET_LOG_LEVEL: 'warn',
  };
  // The first host has an ingest, a sink and two workers.
  const startServing = (number: number): Promise<FacetProcess> =>
    startFacetProcess({
      app: 'serving',
      name: `serving ${number}`,
      host: network?.[number] ?? thisMachine,
      env,
      niceness,
      readySeconds: 120,
    });
  const servings = [await startServing(1), await startServing(2)];
  const urls = servings.map(({ url }) => url);
  const [ingestUrl = '', servingUrl = ''] = network ? await startHttpProxy([parts.ingestUrls, urls]) : [];
  const victims: readonly Victim[] = [
    ...parts.victims,
    ...(bucket === undefined ? [] : [bucket.server]),
    ...workers.map((app) => ({ name: app.name, kill: () => killApp(app), start: () => app.start() })),
    ...servings,
    ...(network ?? []).map(disconnected),
  ];
  return {
    ...parts,
    home,
    request,
    ended,
    orphanMs,
    /** The addresses of the proxy in front of the ingest and the serving processes, if they run on several hosts. */
    proxy: network && { ingestUrl, servingUrl },
    servings,
    /** The names of the victims without which a serving process is away. */
    servingVictims: [...servings.map(({ name }) => name), ...(network ?? []).slice(1).map(({ name }) => name)],
    /** The folder that other readers of Delta Lake read. */
    tableFolder: bucket?.tableFolder ?? parts.lakeFolder,
    /** Ids of the events in the lake before the producer starts. */
    earlierIds,
    victims,
    apps: [...collectors, ...workers, ...servings],
  };
}

/** A host whose network fails, while its processes continue. */
function disconnected(host: NetworkHost): Victim {
  return {
    name: host.name,
    async kill() {
      await host.disconnect();
      await sleep(disconnectedMs);
    },
    start: () => host.connect(),
  };
}

const prefix = 'shop';

/**
 * Starts an S3 server next to the hosts, and configures a new data home to keep artifacts and lake there. Each host has its
 * own folders for local copies, as docs/s3.md recommends for a data home on NFS.
 */
async function startSharedBucket(
  { artifactsFolder, lakeFolder }: HomePaths,
  hosts: readonly NetworkHost[],
  copiesFolder: string,
) {
  const s3 = await startS3(networkAddress);
  // The suite itself reads and writes the lake.
  Object.assign(process.env, s3.env);
  for (const folder of [artifactsFolder, lakeFolder]) {
    await s3.writeConfig(folder, prefix);
    const shared = join(folder, 's3-copies');
    await mkdir(shared);
    for (const host of hosts) {
      const own = join(copiesFolder, host.name, basename(folder));
      await mkdir(own, { recursive: true });
      await host.mount(own, shared);
    }
  }
  /** The folder that contains the objects of the lake. */
  const tableFolder = join(s3.folder, prefix);
  return { server: s3, env: s3.env, tableFolder };
}
