import { isDeepStrictEqual } from 'node:util';
import { openLakeSnapshot, streamLake, verifyLake } from '@facet/lake';
import { compareDeltaReaders, installDeltaReaders } from '@facet/local-services';
import type { DeltaVersions } from '@facet/local-services';
import { parsePositiveRule } from '@facet/features';
import { createMemoryProfileStore, fillProfiles, openRedisProfileStore } from '@facet/profiles';
import { numberOf, seededEvent } from '../seeded-events.ts';

export interface Verdict {
  /** Acknowledged events that a dataset would miss. */
  readonly lost: number;
  /** Events in the lake that the producer did not send. */
  readonly invented: number;
  /** Events whose fields differ from the sent ones. */
  readonly altered: number;
  /** Events that a dataset would see twice. */
  readonly duplicated: number;
  /** Events in the lake without an acknowledgement, which is allowed. */
  readonly unacknowledged: number;
  /** Offsets of the event log that the lake contains twice. */
  readonly duplicatedOffsets: number;
  /** Whether the files of the lake match its transaction log. */
  readonly isLakeSound: boolean;
  /** The number of versions of the lake that other readers of Delta Lake have read. */
  readonly versionsCompared: number;
  /** The number of rows that differ between Facet and another reader, over all versions. */
  readonly deltaDiffering: number;
  readonly profiles: number;
  /** Users whose profile differs from a rebuild from the lake. */
  readonly profilesDiffering: readonly string[];
}

/** Returns whether nothing is lost, invented, altered or duplicated, and the profiles equal the lake. */
export function isFlawless(verdict: Verdict): boolean {
  const { lost, invented, altered, duplicated, duplicatedOffsets, deltaDiffering, profilesDiffering } = verdict;
  const inLake = lost + invented + altered + duplicated + duplicatedOffsets;
  const faults = inLake + deltaDiffering + profilesDiffering.length;
  return verdict.isLakeSound && faults === 0;
}

/** Returns a line of text for each figure. */
export function describeVerdict(verdict: Verdict): string[] {
  const { profiles, profilesDiffering } = verdict;
  const examples = profilesDiffering.length === 0 ? '' : `: ${profilesDiffering.slice(0, 5).join(', ')}`;
  return [
    `acknowledged but lost      ${verdict.lost}`,
    `invented                   ${verdict.invented}`,
    `altered                    ${verdict.altered}`,
    `duplicated                 ${verdict.duplicated}`,
    `duplicated offsets         ${verdict.duplicatedOffsets}`,
    `lake intact                ${verdict.isLakeSound ? 'yes' : 'NO'}`,
    `differing in other readers ${verdict.deltaDiffering} in ${verdict.versionsCompared} versions`,
    `stored, unacknowledged     ${verdict.unacknowledged} (allowed)`,
    `profiles differing         ${profilesDiffering.length} of ${profiles}${examples}`,
  ];
}

/** Compares acknowledged events with the lake as the dataset stage reads it, and stored profiles with a rebuild. */
export async function check(options: {
  readonly lakeFolder: string;
  /** The folder that other readers of Delta Lake read; `lakeFolder` by default. */
  readonly tableFolder?: string;
  readonly catalogFolder: string;
  readonly redisUrl: string;
  readonly positives: string;
  readonly eventsMax: number;
  readonly ttlDays: number;
  readonly isAcknowledged: (number: number) => boolean;
  readonly sent: number;
  readonly startedAt: number;
  /** Earlier versions of the lake and their files; none by default. */
  readonly versions?: DeltaVersions;
  /** Whether Spark also reads the versions; false by default. */
  readonly hasSpark?: boolean;
  /** Ids of other events that the lake must contain; none by default. */
  readonly otherIds?: ReadonlySet<string>;
  /** By user, the time until which an erasure covers events, epoch milliseconds; none by default. */
  readonly erasures?: ReadonlyMap<string, number>;
}): Promise<Verdict> {
  const seen = new Uint8Array(options.sent);
  const { erasures = new Map<string, number>() } = options;
  const others = new Set(options.otherIds);
  let invented = 0;
  let altered = 0;
  let duplicated = 0;
  for await (const events of streamLake(options.lakeFolder)) {
    for (const event of events) {
      if (others.delete(event.eventId)) continue;
      // A disconnected host received the request only when it was connected again. The sender had already repeated the request.
      if (event.receivedAt > (erasures.get(event.userId) ?? Infinity)) continue;
      const number = numberOf(event.eventId);
      if (number === undefined || number >= options.sent || event.receivedAt > Date.now()) {
        invented++;
        continue;
      }
      const sent = { ...seededEvent(number, options.startedAt), receivedAt: event.receivedAt };
      if (!isDeepStrictEqual(event, sent)) altered++;
      if (seen[number] === 1) duplicated++;
      seen[number] = 1;
    }
  }
  let lost = others.size;
  let unacknowledged = 0;
  for (let number = 0; number < options.sent; number++) {
    if (options.isAcknowledged(number) && seen[number] === 0) lost++;
    if (!options.isAcknowledged(number) && seen[number] === 1) unacknowledged++;
  }
  const { sources, isSound } = await verifyLake(options.lakeFolder);
  return {
    lost,
    invented,
    altered,
    duplicated,
    unacknowledged,
    duplicatedOffsets: sources.reduce((sum, { repeated }) => sum + repeated, 0),
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

async function compareVersions({
  lakeFolder,
  tableFolder = lakeFolder,
  versions: earlier = new Map(),
  hasSpark = false,
}: Parameters<typeof check>[0]): Promise<Pick<Verdict, 'versionsCompared' | 'deltaDiffering'>> {
  const versions = new Map([...earlier, await readVersion(lakeFolder)]);
  const results = await compareDeltaReaders(
    await installDeltaReaders({ hasSpark }),
    new Map([[tableFolder, versions]]),
  );
  const deltaDiffering = results.reduce((sum, { missing, surplus }) => sum + missing + surplus, 0);
  return { versionsCompared: versions.size, deltaDiffering };
}

async function checkProfiles(
  options: Parameters<typeof check>[0],
): Promise<Pick<Verdict, 'profiles' | 'profilesDiffering'>> {
  const { lakeFolder, catalogFolder, redisUrl, eventsMax, ttlDays } = options;
  const rebuilt = createMemoryProfileStore({ eventsMax });
  const stored = await openRedisProfileStore({ url: redisUrl, eventsMax, ttlDays });
  try {
    const isPositive = parsePositiveRule(options.positives);
    await fillProfiles(rebuilt, { lakeFolder, catalogFolder }, { isPositive });
    const users = new Set(options.erasures?.keys());
    for (let number = 0; number < options.sent; number++) users.add(seededEvent(number, options.startedAt).userId);
    const differing: string[] = [];
    for (const userId of users) {
      if (!isDeepStrictEqual(await stored.read(userId), await rebuilt.read(userId))) differing.push(userId);
    }
    return { profiles: users.size, profilesDiffering: differing };
  } finally {
    await stored.close();
    await rebuilt.close();
  }
}
