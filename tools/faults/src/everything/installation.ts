import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parsePositiveRule } from '@facet/features';
import { streamLake } from '@facet/lake';
import { findFreePorts } from '@facet/local-services';
import { fillProfiles, openRedisProfileStore } from '@facet/profiles';
import { startParts } from '../collector/parts.ts';
import type { Parts } from '../collector/parts.ts';
import { KillableApp } from '../killable-app.ts';
import type { Victim } from '../killable-app.ts';
import { openHome, writeShopHome } from '../refresh/shop-home.ts';
import { startTestbed } from '../refresh/testbed.ts';
import type { Testbed } from '../refresh/testbed.ts';

/** Every process of an installation. */
export interface Installation extends Parts, Pick<Testbed, 'home' | 'request' | 'ended'> {
  readonly servings: readonly { readonly name: string; readonly url: string }[];
  /** Ids of the events in the lake before the producer starts. */
  readonly earlierIds: ReadonlySet<string>;
  readonly apps: readonly KillableApp[];
  /** The longest time that a stage process outlived its worker; infinite if it had not ended after 20 s. */
  orphanMs(): number;
}

/** The rule of the shop, and the defaults of facet.yaml. */
export const positives = 'purchase';
export const profileSettings = { eventsMax: 500, ttlDays: 180 };
/** Longer than the stalls while many processes start. */
const lockSeconds = 10;
/** Prioritizes serving: production trains on another machine. */
const niceness = -10;

/** Starts brokers with TLS, Redis and all apps. A first refresh has promoted a bundle, and Redis has the profiles of the shop. */
export async function startInstallation(folder: string): Promise<Installation> {
  const home = openHome(join(folder, 'home'));
  await mkdir(home.folder);
  await writeShopHome(home.folder);
  const earlierIds = new Set<string>();
  for await (const events of streamLake(home.paths.lakeFolder)) {
    for (const { eventId } of events) earlierIds.add(eventId);
  }
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.reverse()) await one();
  };
  try {
    const parts = await startParts({
      home: home.folder,
      configFile: home.configFile,
      spoolFolders: [join(folder, 'spool-1'), join(folder, 'spool-2')],
      sinks: 2,
      hasTls: true,
    });
    stops.push(parts.stop);
    const profiles = await openRedisProfileStore({ url: parts.redis.url, ...profileSettings });
    await fillProfiles(profiles, parts, { isPositive: parsePositiveRule(positives) });
    await profiles.close();
    const testbed = await startTestbed(home, { redis: parts.redis, now: Date.now, lockSeconds });
    // It stops Redis, which the sinks need to store their buffers.
    stops.unshift(testbed.stop);
    const firstRun = await testbed.request();
    await testbed.startApps();
    const { state, reason } = await testbed.ended(firstRun);
    if (state !== 'promoted') throw new Error(`the first run is ${state}: ${reason}`);
    const ports = await findFreePorts(2);
    const servings = ports.map((port, index) => {
      const url = `http://127.0.0.1:${port}`;
      const env = {
        FACET_HOME: home.folder,
        FACET_CONFIG: home.configFile,
        FACET_REDIS_URL: parts.redis.url,
        FACET_INSECURE: 'true',
        FACET_LOG_LEVEL: 'warn',
        FACET_PORT: String(port),
      };
      return {
        app: new KillableApp(`serving ${index + 1}`, { app: 'serving', env, niceness, readyUrl: `${url}/readyz` }),
        url,
      };
    });
    stops.push(async () => void (await Promise.all(servings.map(({ app }) => app.stop()))));
    for (const { app } of servings) await app.start();
    const { trainer, indexer } = testbed;
    const workers = [trainer, indexer].map((app): Victim => ({
      name: app.name,
      kill: () => testbed.killApp(app),
      start: () => app.start(),
    }));
    const collectors = parts.victims.filter((victim) => victim instanceof KillableApp);
    return {
      ...parts,
      ...testbed,
      orphanMs: () => testbed.orphanMs,
      servings: servings.map(({ app: { name }, url }) => ({ name, url })),
      earlierIds,
      victims: [...parts.victims, ...workers, ...servings.map(({ app }) => app)],
      apps: [...collectors, trainer, indexer, ...servings.map(({ app }) => app)],
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
