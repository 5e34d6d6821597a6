import { openLakeSnapshot } from '@facet/lake';
import type { PositiveRule } from '@facet/features';
import type { FacetConfig } from '@facet/config';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { fillProfiles, openRedisProfileStore } from '@facet/profiles';
import type { SinkConfig } from '../config.ts';
import type { CatalogFeed } from './catalog-feed.ts';
import type { Patience } from './patience.ts';
import { createNoProfileFeed, createProfileFeed } from './profile-feed.ts';
import type { ProfileFeed } from './profile-feed.ts';
import type { SinkMetrics } from './sink-metrics.ts';

export interface OpenProfileFeedDeps {
  readonly catalog: Pick<CatalogFeed, 'usersReceivedTo'>;
  readonly isPositive: PositiveRule;
  readonly patience: Patience;
  readonly metrics: SinkMetrics;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface OpenedProfileFeed {
  readonly feed: ProfileFeed;
  close(): Promise<void>;
}

/** The parts of the newest versions hold what was applied in the seconds before the last sink ended. */
const newestVersions = 10;

/** Opens the profile store and what feeds it; without a URL nothing is kept. */
export async function openProfileFeed(
  config: SinkConfig & FacetConfig['profiles'],
  { catalog, isPositive, patience, metrics, logger, now }: OpenProfileFeedDeps,
): Promise<OpenedProfileFeed> {
  const { redisUrl, lakeFolder, catalogFolder, refillMs, eventsMax, ttlDays } = config;
  if (redisUrl === undefined) {
    logger.warn('FACET_REDIS_URL is not set: no profiles are kept');
    return { feed: createNoProfileFeed(), close: async () => undefined };
  }
  const store = await openRedisProfileStore({ url: redisUrl, eventsMax, ttlDays });
  const warnings = await store.checkSettings().catch((error: unknown) => [describeError(error)]);
  for (const warning of warnings) logger.warn({ warning }, 'the profile store is not safe');
  const feed = createProfileFeed(
    {
      store,
      fill: ({ receivedFrom, signal }) =>
        fillProfiles(
          store,
          { lakeFolder, catalogFolder },
          { isPositive },
          // The catalog does not say when it was told of a user; what is read from the log from now on must count as newer.
          {
            now: (catalog.usersReceivedTo ?? 0) + 1,
            signal,
            ...(receivedFrom === undefined ? {} : { receivedFrom }),
          },
        ),
      lastStoredReceivedFrom: () => lastStoredReceivedFrom(lakeFolder),
      patience,
      metrics,
      logger,
      now,
    },
    { refillMs },
  );
  return { feed, close: () => store.close() };
}

async function lastStoredReceivedFrom(lakeFolder: string): Promise<number | undefined> {
  const { version, files } = await openLakeSnapshot(lakeFolder);
  const times = files
    .filter((file) => file.path.includes('/part-') && file.version > version - newestVersions)
    .map(({ receivedFrom }) => receivedFrom);
  return times.length === 0 ? undefined : Math.min(...times);
}
