import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HomePaths } from '@facet/config';
import { parsePositiveRule } from '@facet/features';
import { streamLake } from '@facet/lake';
import { networkAddress, startHttpProxy, startNetwork, startS3, thisMachine } from '@facet/local-services';
import type { LocalHost, LocalS3, NetworkHost } from '@facet/local-services';
import { fillProfiles, openRedisProfileStore } from '@facet/profiles';
import { startParts } from '../collector/parts.ts';
import type { Parts } from '../collector/parts.ts';
import { KillableApp } from '../killable-app.ts';
import type { Victim } from '../killable-app.ts';
import { openHome, writeShopHome } from '../refresh/shop-home.ts';
import { createWorkers } from '../refresh/testbed.ts';
import type { Workers } from '../refresh/testbed.ts';

/** Every process of an installation. */
export interface Installation extends Parts, Pick<Workers, 'home' | 'request' | 'ended' | 'orphanMs'> {
  /** `hostName` if they run on several hosts. */
  readonly servings: readonly { readonly name: string; readonly url: string; readonly hostName: string | undefined }[];
  /** The folder that other readers of Delta Lake read. */
  readonly tableFolder: string;
  /** Ids of the events in the lake before the producer starts. */
  readonly earlierIds: ReadonlySet<string>;
  readonly apps: readonly KillableApp[];
  /** The addresses of the proxy in front of the ingest and the serving processes, if they run on several hosts. */
  readonly proxy: { readonly ingestUrl: string; readonly servingUrl: string } | undefined;
}

/** The rule of the shop, and the defaults of facet.yaml. */
export const positives = 'purchase';
export const profileSettings = { eventsMax: 500, ttlDays: 180 };
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
export async function startInstallation(folder: string, hasHosts = false): Promise<Installation> {
  const network = hasHosts ? await startNetwork(3) : undefined;
  const home = openHome(join(folder, 'home'));
  await mkdir(home.folder);
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.reverse()) await one();
  };
  try {
    const bucket = network && (await startSharedBucket(home.paths, network, join(folder, 'copies')));
    if (bucket !== undefined) stops.push(bucket.stop);
    await writeShopHome(home.folder);
    const earlierIds = new Set<string>();
    for await (const events of streamLake(home.paths.lakeFolder)) {
      for (const { eventId } of events) earlierIds.add(eventId);
    }
    const shared = { ...(network === undefined ? {} : { hosts: network }), env: bucket?.env ?? {} };
    const parts = await startParts({
      home: home.folder,
      configFile: home.configFile,
      spoolFolders: [join(folder, 'spool-1'), join(folder, 'spool-2')],
      sinks: 2,
      hasTls: network === undefined,
      ...shared,
    });
    stops.push(parts.stop);
    const profiles = await openRedisProfileStore({ url: parts.redis.url, ...profileSettings });
    await fillProfiles(profiles, parts, { isPositive: parsePositiveRule(positives) });
    await profiles.close();
    const workers = await createWorkers(home, {
      queueUrl: parts.redis.url,
      now: Date.now,
      lockSeconds,
      deltaSeconds: network === undefined ? 0 : 5,
      ...shared,
    });
    stops.push(workers.stop);
    const firstRun = await workers.request();
    await workers.startApps(network === undefined ? {} : { trainers: 2, indexers: 2 });
    const { state, reason } = await workers.ended(firstRun, firstRunSeconds);
    if (state !== 'promoted') throw new Error(`the first run is ${state}: ${reason}`);
    const servings = [1, 2].map((number) => {
      // The first host has an ingest, a sink and two workers.
      const networkHost = network?.[number];
      const host: LocalHost = networkHost ?? thisMachine;
      const env = {
        ...shared.env,
        FACET_HOME: home.folder,
        FACET_CONFIG: home.configFile,
        FACET_REDIS_URL: parts.redis.url,
        FACET_INSECURE: 'true',
        FACET_LOG_LEVEL: 'warn',
      };
      return {
        app: new KillableApp(`serving ${number}`, { app: 'serving', host, env, niceness }),
        hostName: networkHost?.name,
      };
    });
    stops.push(async () => void (await Promise.all(servings.map(({ app }) => app.stop()))));
    for (const { app } of servings) await app.start();
    const proxy =
      network === undefined ? undefined : await startHttpProxy([parts.ingestUrls, servings.map(({ app }) => app.url)]);
    if (proxy !== undefined) stops.push(proxy.stop);
    const killableWorkers = workers.workers.map((app): Victim => ({
      name: app.name,
      kill: () => workers.killApp(app),
      start: () => app.start(),
    }));
    const collectors = parts.victims.filter((victim) => victim instanceof KillableApp);
    return {
      ...parts,
      ...workers,
      proxy: proxy && { ingestUrl: proxy.urls[0]!, servingUrl: proxy.urls[1]! },
      servings: servings.map(({ app: { name, url }, hostName }) => ({ name, url, hostName })),
      tableFolder: bucket?.tableFolder ?? parts.lakeFolder,
      earlierIds,
      victims: [
        ...parts.victims,
        ...(bucket === undefined ? [] : [{ name: 's3', kill: bucket.kill, start: bucket.start }]),
        ...killableWorkers,
        ...servings.map(({ app }) => app),
        ...(network ?? []).map(disconnected),
      ],
      apps: [...collectors, ...workers.workers, ...servings.map(({ app }) => app)],
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
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

/** The bucket in which several hosts keep artifacts and lake. */
interface SharedBucket extends Pick<LocalS3, 'env' | 'kill' | 'start' | 'stop'> {
  /** The folder that contains the objects of the lake. */
  readonly tableFolder: string;
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
): Promise<SharedBucket> {
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
  return { ...s3, tableFolder: join(s3.folder, prefix) };
}
