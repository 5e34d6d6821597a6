import { isDeepStrictEqual } from 'node:util';
import { openLakeSnapshot, streamLake, verifyLake } from '@facet/lake';
import { compareDeltaReaders, installDeltaReaders } from '@facet/local-services';
import type { DeltaVersions } from '@facet/local-services';
import { parsePositiveRule } from '@facet/features';
import { createMemoryProfileStore, fillProfiles, openRedisProfileStore } from '@facet/profiles';
import { eventNumberOf } from '../seeded-events.ts';
import type { Producer } from './producer.ts';

/** Defaults of facet.yaml. */
export const profileSettings = { eventsMax: 500, ttlDays: 180 };

/** Returns whether nothing is lost, invented, altered or duplicated, and the profiles equal the lake. */
export function isFlawless(verdict: Awaited<ReturnType<typeof check>>): boolean {
  const { lost, invented, altered, duplicated, duplicatedOffsets, deltaDiffering, profilesDiffering } = verdict;
  const inLake = lost + invented + altered + duplicated + duplicatedOffsets;
  const faults = inLake + deltaDiffering + profilesDiffering.length;
  return verdict.isLakeSound && faults === 0;
}

interface CheckOptions {
  readonly lakeFolder: string;
  /** The folder that other readers of Delta Lake read; `lakeFolder` by default. */
  readonly tableFolder?: string;
  readonly catalogFolder: string;
  readonly redisUrl: string;
  /** The rule for positive interactions. */
  readonly positives: string;
  readonly producer: Producer;
  /** Earlier versions of the lake and their files; none by default. */
  readonly versions?: DeltaVersions;
  /** Whether Spark also reads the versions; false by default. */
  readonly hasSpark?: boolean;
  /** Ids of other events that the lake must contain; none by default. */
  readonly otherIds?: ReadonlySet<string>;
  /** By user, the time until which an erasure covers events, epoch milliseconds; none by default. */
  readonly erasures?: ReadonlyMap<string, number>;
}

/** Compares acknowledged events with the lake as the dataset stage reads it, and stored profiles with a rebuild. */
export async function check(options: CheckOptions) {
  const { producer, erasures = new Map<string, number>() } = options;
  const { sent } = producer.counts;
  const seen = new Uint8Array(sent);
  const others = new Set(options.otherIds);
  let invented = 0;
  let altered = 0;
  let duplicated = 0;
  for await (const events of streamLake(options.lakeFolder)) {
    for (const event of events) {
      if (others.delete(event.eventId)) continue;
      // A disconnected host received the request only when it was connected again. The sender had already repeated the request.
      if (event.receivedAt > (erasures.get(event.userId) ?? Infinity)) continue;
      const number = eventNumberOf(event.eventId);
      if (number === undefined || number >= sent || event.receivedAt > Date.now()) {
        invented++;
        continue;
      }
      if (!isDeepStrictEqual(event, { ...producer.eventAt(number), receivedAt: event.receivedAt })) altered++;
      if (seen[number] === 1) duplicated++;
      seen[number] = 1;
    }
  }
  let lost = others.size;
  let unacknowledged = 0;
  for (let number = 0; number < sent; number++) {
    if (producer.isAcknowledged(number) && seen[number] === 0) lost++;
    if (!producer.isAcknowledged(number) && seen[number] === 1) unacknowledged++;
  }
  const { sources, isSound } = await verifyLake(options.lakeFolder);
  return {
    /** Acknowledged events that a dataset would miss. */
    lost,
    /** Events in the lake that the producer did not send. */
    invented,
    /** Events whose fields differ from the sent ones. */
    altered,
    /** Events that a dataset would see twice. */
    duplicated,
    /** Events in the lake without an acknowledgement, which is allowed. */
    unacknowledged,
    /** Offsets of the event log that the lake contains twice. */
    duplicatedOffsets: sources.reduce((sum, { repeated }) => sum + repeated, 0),
    /** Whether the files of the lake match its transaction log. */
    isLakeSound: isSound,
    ...(await compareVersions(options)),
    ...(await checkProfiles(options)),
  };
}

/** Returns the newest version of the lake and its files. */
export async function readVersion(lakeFolder: string): Promise<readonly [number, readonly string[]]> {
  const { version, files } = await openLakeSnapshot(lakeFolder);
  return [version, files.map(({ path }) => path)];
}

/** Returns how many versions other readers of Delta Lake have read, and how many rows differ between Facet and another reader. */
async function compareVersions({ lakeFolder, tableFolder = lakeFolder, versions: earlier, hasSpark }: CheckOptions) {
  const versions = new Map([...(earlier ?? []), await readVersion(lakeFolder)]);
  const results = await compareDeltaReaders(
    await installDeltaReaders({ hasSpark }),
    new Map([[tableFolder, versions]]),
  );
  const deltaDiffering = results.reduce((sum, { missing, surplus }) => sum + missing + surplus, 0);
  return { versionsCompared: versions.size, deltaDiffering };
}

/** Returns the number of profiles, and the users whose profile differs from a rebuild from the lake. */
async function checkProfiles({ lakeFolder, catalogFolder, redisUrl, positives, producer, erasures }: CheckOptions) {
  const rebuilt = createMemoryProfileStore({ eventsMax: profileSettings.eventsMax });
  const stored = await openRedisProfileStore({ url: redisUrl, ...profileSettings });
  await fillProfiles(rebuilt, { lakeFolder, catalogFolder }, { isPositive: parsePositiveRule(positives) });
  const users = new Set(erasures?.keys());
  for (let number = 0; number < producer.counts.sent; number++) users.add(producer.eventAt(number).userId);
  const profilesDiffering: string[] = [];
  for (const userId of users) {
    if (!isDeepStrictEqual(await stored.read(userId), await rebuilt.read(userId))) profilesDiffering.push(userId);
  }
  await stored.close();
  return { profiles: users.size, profilesDiffering };
}
