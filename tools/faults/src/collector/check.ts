import { isDeepStrictEqual } from 'node:util';
import { streamLake, verifyLake } from '@facet/lake';
import { parsePositiveRule } from '@facet/features';
import { createMemoryProfileStore, fillProfiles, openRedisProfileStore } from '@facet/profiles';
import { numberOf, seededEvent } from '../seeded-events.ts';

export interface Verdict {
  /** Acknowledged events that a dataset would not see. */
  readonly lost: number;
  /** Events in the lake that nobody sent. */
  readonly invented: number;
  /** Events whose fields are not those that were sent. */
  readonly altered: number;
  /** Events that a dataset would see twice. */
  readonly twice: number;
  /** Events in the lake of requests that never got an answer: allowed. */
  readonly unacknowledged: number;
  /** Offsets of the log that the lake holds twice. */
  readonly offsetsTwice: number;
  /** Whether every file of the lake is there and holds what its log says. */
  readonly isLakeSound: boolean;
  readonly profiles: number;
  /** Users whose profile is not the one that the lake gives. */
  readonly profilesDiffering: readonly string[];
}

/** Compares what was acknowledged with what the dataset stage reads, and the profile store with a rebuild. */
export async function check(options: {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  readonly redisUrl: string;
  readonly positives: string;
  readonly eventsMax: number;
  readonly ttlDays: number;
  readonly isAcknowledged: (number: number) => boolean;
  readonly sent: number;
  readonly startedAt: number;
}): Promise<Verdict> {
  const seen = new Uint8Array(options.sent);
  let invented = 0;
  let altered = 0;
  let twice = 0;
  for await (const events of streamLake(options.lakeFolder)) {
    for (const event of events) {
      const number = numberOf(event.eventId);
      if (number === undefined || number >= options.sent || event.receivedAt > Date.now()) {
        invented++;
        continue;
      }
      const sent = { ...seededEvent(number, options.startedAt), receivedAt: event.receivedAt };
      if (!isDeepStrictEqual(event, sent)) altered++;
      if (seen[number] === 1) twice++;
      seen[number] = 1;
    }
  }
  let lost = 0;
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
    twice,
    unacknowledged,
    offsetsTwice: sources.reduce((sum, { repeated }) => sum + repeated, 0),
    isLakeSound: isSound,
    ...(await checkProfiles(options)),
  };
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
    const users = new Set<string>();
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
